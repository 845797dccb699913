"""The question before a command spends money: y/N on a terminal, `--yes` everywhere else."""

import sys
from collections.abc import Callable
from typing import Any

import click


def agreed(question: str, *, yes: bool) -> bool:
    """Whether a person agrees; `yes`: said beforehand.

    Raises:
        click.UsageError: there is no terminal to ask on, and nobody said `--yes`.
    """
    if yes:
        return True
    if not at_a_terminal():
        raise click.UsageError(
            "this spends money, and there is no terminal to ask on: look at the price, then say --yes"
        )
    return click.confirm(question, err=True)


def at_a_terminal() -> bool:
    """Whether a person can be asked: both what they type and what they read is a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def yes_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--yes` of a command that spends money."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask: go on and pay.")(function)

"""Questions on a terminal: y/N before a command spends money (`--yes` everywhere else), and answers as text."""

import signal
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
    return confirmed(question)


def confirmed(question: str) -> bool:
    """The answer to a y/N question on the terminal."""
    _let_ctrl_c_through()
    return click.confirm(question, err=True)


def answered(question: str, default: str | None = None, *, hidden: bool = False) -> str:
    """What a person types at the terminal. `hidden`: it is not shown, and may be empty."""
    _let_ctrl_c_through()
    if hidden:
        return str(click.prompt(question, default="", show_default=False, hide_input=True, err=True)).strip()
    return str(click.prompt(question, default=default, show_default=bool(default), err=True)).strip()


def _let_ctrl_c_through() -> None:
    """End a waiting question at once: polars' handler of SIGINT has the system call restarted, until Enter."""
    signal.siginterrupt(signal.SIGINT, True)


def at_a_terminal() -> bool:
    """Whether a person can be asked: both what they type and what they read is a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def yes_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--yes` of a command that spends money."""
    return click.option("--yes", "-y", is_flag=True, help="Do not ask: go on and pay.")(function)

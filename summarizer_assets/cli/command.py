"""What the commands share: `--root` and `--json`, the exit status, the installation they open."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

import click

from summarizer_assets.cli.answer import COULD_NOT_BEGIN, Answer
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.settings.environment import use_root
from summarizer_assets.user_errors import sentence


def command(function: Callable[..., Answer]) -> click.Command:
    """Make a function a command; its docstring is the help, its answer is printed and gives the exit status.

    An error that a person can resolve is one sentence on standard error, and status 2.
    """

    @wraps(function)
    def on_root(root: str | None, **given: object) -> Answer:
        if root is not None:
            use_root(root)
        return function(**given)

    return command_of_own_root("Folder of the tables, instead of SUMMARIZER_ROOT.")(on_root)


def command_of_own_root(meaning: str) -> Callable[[Callable[..., Answer]], click.Command]:
    """The same for a command that makes tables of its own: `root` is one of its arguments, with this help."""

    def decorate(function: Callable[..., Answer]) -> click.Command:
        @wraps(function)
        def run(*, as_json: bool, **given: object) -> None:
            with told_plainly(as_json=as_json):
                answer = function(**given)
            answer.show(as_json=as_json)
            sys.exit(answer.status)

        shown = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, for programs.")(run)
        return click.command()(click.option("--root", metavar="FOLDER", help=meaning)(shown))

    return decorate


@contextmanager
def told_plainly(*, as_json: bool) -> Iterator[None]:
    """End the command with status 2 and one sentence where a person can resolve the error; others keep a traceback."""
    try:
        yield
    except Exception as error:
        told = sentence(error)
        if told is None:
            raise
        if as_json:
            sys.stdout.write(json.dumps({"error": told}, ensure_ascii=False) + "\n")
        sys.stderr.write(f"{told}\n")
        sys.exit(COULD_NOT_BEGIN)


def opened(*, needs_tables: bool = True, **overrides: Any) -> Summarizer:  # noqa: ANN401 - any field
    """Load the settings and return the installation; print its root to standard error, and write nothing.

    `overrides`: settings of this command alone, by the names of `Settings`.

    Raises:
        SettingsError: a setting is invalid.
        TableError: the tables cannot be read, or do not exist although `needs_tables`.
    """
    summarizer = Summarizer(load_settings(**overrides))
    sys.stderr.write(f"root: {summarizer.root.place}\n")
    if needs_tables:
        summarizer.root.require()
    return summarizer

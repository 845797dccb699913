"""What a command found, and how it is shown: text or Markdown for people, JSON for programs."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.markdown import Markdown

DONE, NOT_GOOD, COULD_NOT_BEGIN = 0, 1, 2
_PIPE_WIDTH: Final = 120  # columns where nobody says how wide the terminal is


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The result of a command.

    Args:
        data: the result for programs, of JSON values.
        text: the result for people, shown as it is.
        markdown: the result for people as Markdown, rendered for the terminal; shown after `text`.
        status: the exit status, `DONE` or `NOT_GOOD`.
    """

    data: Mapping[str, Any]
    text: str = ""
    markdown: str = ""
    status: int = DONE

    def show(self, *, as_json: bool) -> None:
        """Print to standard output."""
        if as_json:
            sys.stdout.write(json.dumps(self.data, ensure_ascii=False, default=str) + "\n")
            return
        if self.text:
            sys.stdout.write(self.text.rstrip("\n") + "\n")
        if self.markdown:
            console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH)
            with console.capture() as drawn:
                console.print(Markdown(self.markdown, hyperlinks=False))
            sys.stdout.writelines(f"{line.rstrip()}\n" for line in drawn.get().splitlines())
        sys.stdout.flush()

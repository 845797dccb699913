"""Progress on standard error: one line that is drawn anew on a terminal, a line for each bucket elsewhere."""

import shutil
import sys
from types import TracebackType
from typing import Self

from summarizer_assets.core.display_text import text_bar
from summarizer_assets.core.progress import IngestProgress, Progress

_CLEAR = "\r\033[K"


class ProgressBar:
    """The progress of one command over an ingest and several buckets; a `with` block around it.

    `authors`: how many are to be asked in all, so that the bar is one over all buckets; 0: there is no bar.
    """

    def __init__(self) -> None:
        self.authors = 0
        self._step = ""
        self._asked: dict[str, int] = {}  # so far, by bucket
        self._drawn = False
        self._terminal = sys.stderr.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._clear()

    def watch(self, progress: Progress | IngestProgress) -> None:
        """Called twice a second by whatever runs in this process."""
        if isinstance(progress, IngestProgress) or not self.authors:
            self._draw(f"{self._step}  {progress.line}".lstrip())
            return
        self._asked[progress.bucket] = progress.total - progress.left
        done = min(sum(self._asked.values()), self.authors)
        self._draw(f"{text_bar(done, self.authors)} of {self.authors:,} authors   {progress.line}")

    def step(self, what: str) -> None:
        """What is done from now on; drawn on a terminal alone."""
        self._step = what
        self._draw(what)

    def ended(self, bucket: str, number: int, buckets: int) -> None:
        """A bucket ended, as the `number`-th of so many: told where no line is drawn anew."""
        if not self._terminal:
            self.say(f"bucket {bucket} ended, {number} of {buckets}")

    def say(self, line: str) -> None:
        """A line that stays."""
        self._clear()
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    def _draw(self, line: str) -> None:
        if self._terminal:
            sys.stderr.write(_CLEAR + line[: shutil.get_terminal_size().columns - 1])
            sys.stderr.flush()
            self._drawn = True

    def _clear(self) -> None:
        if self._drawn:
            sys.stderr.write(_CLEAR)
            self._drawn = False

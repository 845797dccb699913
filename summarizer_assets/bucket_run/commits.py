"""When a bucket's run commits: the cadence, with a clock and the number of runs that commit to the same store."""

import time
from collections.abc import Callable, Iterator

from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.core.cadence import Cadence, Patience
from summarizer_assets.storage.delta.changes import Append, Merge
from summarizer_assets.storage.errors import StorageError


class Commits:
    def __init__(self, base: Patience, writers: Callable[[], int], log: Callable[[str], None]) -> None:
        self._cadence = Cadence(base)
        self._writers = writers
        self._log = log
        self._known_writers = 0

    def due(self, outcomes: Outcomes, tick_s: float) -> bool:
        """Wait at most `tick_s` for first answers that are to be committed now."""
        patience = self._cadence.next(time.monotonic())
        return outcomes.wait(patience.rows, patience.seconds, tick_s)

    def replacements_due(self, waiting: int) -> bool:
        return waiting >= self._cadence.next(time.monotonic()).rows

    def timed(self, change: Append | Merge) -> Iterator[Append | Merge]:
        """`change` alone; who takes it from a stream asks for more when it is committed."""
        began = time.monotonic()
        yield change
        ended = time.monotonic()
        frame = change.frame
        self._cadence.committed(
            began, ended, rows=frame.height, size=int(frame.estimated_size()), writers=self._counted()
        )

    def _counted(self) -> int:
        try:
            self._known_writers = self._writers()
        except StorageError as error:  # no reason to end a run: its claim decides that
            self._log(f"how many runs commit is not known ({error}); it stays with {self._known_writers}")
        return self._known_writers

"""Adaptive commit frequency of a run: as configured, or less often if commits are slow or many runs share a store.

The journal makes waiting safe, so only memory and the configured interval bound it. The cost of a commit is measured:
its seconds include the store's round trips, the opening of a long log, and retries after conflicts with other writers.
"""

import math
from dataclasses import dataclass

SHARE = 0.05  # the share of a run's time that commits may take
FREE_S = 5.0  # seconds of commits that are never counted: enough for a short run, or one slow commit among fast ones
LONGEST_PAUSE_S = 300.0
COMMITS_A_SECOND = 1.0  # of all runs together on an object store; more would conflict with each other
MOST_ROWS = 100_000
MOST_BYTES = (
    64 * 2**20
)  # bytes of waiting rows as a frame; with all copies made by a run and its commit, five times as much


@dataclass(frozen=True)
class Patience:
    """Commit once `rows` rows are waiting, or any row for `seconds`."""

    rows: int
    seconds: float


class Cadence:
    """An account of seconds: elapsed time adds to it, up to `FREE_S`, commits subtract from it; in debt, a run waits.

    The debt never exceeds what the longest pause adds, so that a recovered store is soon used as before.
    """

    def __init__(self, base: Patience) -> None:
        self._base = base
        self._credit = FREE_S
        self._counted_to = -math.inf
        self._paused_to = -math.inf
        self._most_rows = base.rows

    def committed(self, began: float, ended: float, *, rows: int, size: int, writers: int) -> None:
        """Record a commit.

        Args:
            began: start time in seconds, by any monotonic clock.
            ended: end time by the same clock.
            rows: number of rows written.
            size: their bytes in memory.
            writers: number of runs that commit to the same store now; 0 if it has no limit of commits.
        """
        earned = min(FREE_S, self._credit + SHARE * max(0.0, began - self._counted_to))
        self._credit = max(-SHARE * LONGEST_PAUSE_S, earned - (1 - SHARE) * max(0.0, ended - began))
        self._counted_to = ended
        pause = max(-self._credit / SHARE, writers / COMMITS_A_SECOND)
        self._paused_to = ended + min(LONGEST_PAUSE_S, max(0.0, pause))
        in_memory = MOST_BYTES * rows // size if size else MOST_ROWS
        self._most_rows = max(self._base.rows, min(MOST_ROWS, in_memory))

    def next(self, now: float) -> Patience:
        """The condition for the next commit, as of `now`; to be computed again after a while."""
        if now < self._paused_to:
            return Patience(self._most_rows, math.inf)
        return self._base

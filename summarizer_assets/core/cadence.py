"""How often a run commits: as its settings say, and less often where commits are slow or many runs share a store.

The journal makes waiting safe, so only patience and memory bound it. What a commit costs is measured, not guessed: its
seconds hold the round trips of the store, the opening of a long log, and the tries that other writers made vain.
"""

import math
from dataclasses import dataclass

SHARE = 0.05  # of a run's time may go into commits
FREE_S = 5.0  # of commits are never held against a run: what a short one needs, or a slow one among fast ones
LONGEST_PAUSE_S = 300.0
COMMITS_A_SECOND = 1.0  # of all runs together, in an object store: more make each other's commits vain
MOST_ROWS = 100_000
MOST_BYTES = (
    64 * 2**20
)  # of waiting rows as a frame; with all that a run and its commit make of them, five times as much


@dataclass(frozen=True)
class Patience:
    """Commit when `rows` wait, or any for `seconds`."""

    rows: int
    seconds: float


class Cadence:
    """Keeps an account of seconds: time earns them, up to `FREE_S`, and commits use them; in debt, a run waits.

    Debt is never above what the longest pause earns, so that a store that recovers is used as before soon after.
    """

    def __init__(self, base: Patience) -> None:
        self._base = base
        self._credit = FREE_S
        self._counted_to = -math.inf
        self._paused_to = -math.inf
        self._most_rows = base.rows

    def committed(self, began: float, ended: float, *, rows: int, size: int, writers: int) -> None:
        """Tell of a commit.

        Args:
            began: when, by any steady clock, in seconds.
            ended: by the same clock.
            rows: how many it wrote.
            size: their bytes in memory.
            writers: runs that commit to the same store now; 0 where it takes commits as fast as they come.
        """
        earned = min(FREE_S, self._credit + SHARE * max(0.0, began - self._counted_to))
        self._credit = max(-SHARE * LONGEST_PAUSE_S, earned - (1 - SHARE) * max(0.0, ended - began))
        self._counted_to = ended
        pause = max(-self._credit / SHARE, writers / COMMITS_A_SECOND)
        self._paused_to = ended + min(LONGEST_PAUSE_S, max(0.0, pause))
        in_memory = MOST_BYTES * rows // size if size else MOST_ROWS
        self._most_rows = max(self._base.rows, min(MOST_ROWS, in_memory))

    def next(self, now: float) -> Patience:
        """What to wait for until the next commit, as of `now`; ask again after a while."""
        if now < self._paused_to:
            return Patience(self._most_rows, math.inf)
        return self._base

"""Which past runs may be forgotten. Dagster keeps all of them for ever, and knows no setting for it.

A run is not forgotten while the UI or a sensor still reads from it: the newest materialisation of a partition makes it
green, and what became of the last runs of a bucket says whether it is tried again.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True)
class PastRun:
    run_id: str
    kind: str  # of what is run for what: runs of one kind succeed each other
    created_at: float  # Unix seconds
    finished: bool


def forgettable(
    runs: Sequence[PastRun], needed: Collection[str], *, now: float, keep_days: float, keep_runs: int
) -> list[str]:
    """The ids of those older than `keep_days`, but for unfinished and needed ones and the newest `keep_runs` of a kind.

    Args:
        runs: all past runs, in any order.
        needed: ids of runs to which something points that is current.
        now: Unix seconds.
        keep_days: age below which nothing is forgotten.
        keep_runs: how many of each kind are kept at any age.
    """
    seen: Counter[str] = Counter()
    found = []
    for run in sorted(runs, key=lambda run: run.created_at, reverse=True):
        seen[run.kind] += 1
        old = now - run.created_at > keep_days * DAY_S
        if old and run.finished and run.run_id not in needed and seen[run.kind] > keep_runs:
            found.append(run.run_id)
    return found[::-1]

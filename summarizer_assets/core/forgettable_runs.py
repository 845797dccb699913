"""Retention rule for Dagster's runs, which Dagster keeps forever and has no setting for.

A run is kept while the UI or a sensor needs it: the newest materialisation gives a partition its status, and the ends
of a bucket's last runs decide whether it is retried.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

DAY_S = 86_400.0


@dataclass(frozen=True)
class PastRun:
    run_id: str
    kind: str  # what is run for which bucket; a run supersedes older ones of its kind
    created_at: float  # Unix seconds
    finished: bool


def forgettable(
    runs: Sequence[PastRun], needed: Collection[str], *, now: float, keep_days: float, keep_runs: int
) -> list[str]:
    """Ids of runs older than `keep_days`, except unfinished, needed, and the newest `keep_runs` of each kind.

    Args:
        runs: all past runs, in any order.
        needed: ids of runs that something current refers to.
        now: Unix seconds.
        keep_days: age in days below which nothing is deleted.
        keep_runs: number of runs of each kind to keep at any age.
    """
    seen: Counter[str] = Counter()
    found = []
    for run in sorted(runs, key=lambda run: run.created_at, reverse=True):
        seen[run.kind] += 1
        old = now - run.created_at > keep_days * DAY_S
        if old and run.finished and run.run_id not in needed and seen[run.kind] > keep_runs:
            found.append(run.run_id)
    return found[::-1]

"""Throughput and ends of runs, from the run records in the state store."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from summarizer_assets.core.run_records import PastRun


@dataclass(frozen=True)
class Throughput:
    """`settled`: authors who got a summary or a failure. `busy_s`: seconds in which at least one run was running."""

    runs: int = 0
    settled: int = 0
    busy_s: float = 0.0

    @property
    def authors_per_second(self) -> float | None:
        """The rate of all runs together while any was running; None if nothing was done yet."""
        return self.settled / self.busy_s if self.settled and self.busy_s > 0 else None


def throughput(runs: Mapping[str, Sequence[PastRun]]) -> Throughput:
    """The throughput of all finished runs. A run that only retried failures settles nobody, but its time counts.

    Args:
        runs: the run records of each bucket, from the state store.
    """
    ended = [run for past in runs.values() for run in past if run.ended_at is not None]
    settled = sum(max(0, run.pending_before - (run.pending_after or 0)) for run in ended)
    spans = sorted((run.started_at, run.ended_at) for run in ended if run.ended_at is not None)
    busy = 0.0
    until = float("-inf")
    for start, end in spans:
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return Throughput(len(ended), settled, busy)


def stopped(runs: Mapping[str, Sequence[PastRun]], at_work: Collection[str]) -> dict[str, list[str]]:
    """Causes why the last run of a bucket stopped early, each with its buckets, sorted.

    A run without an end, in a bucket without a running run, died.
    """
    causes: dict[str, list[str]] = defaultdict(list)
    for bucket, past in sorted(runs.items()):
        if not past or bucket in at_work:
            continue
        last = past[0]
        if last.ended_at is None:
            causes["died"].append(bucket)
        elif last.stop is not None:
            causes[last.stop].append(bucket)
    return dict(causes)

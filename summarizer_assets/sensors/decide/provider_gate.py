"""Whether the provider may be asked: an outage, or a model of no use, lets one probe through at a time. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final, Protocol

from summarizer_assets.core.money.amounts import shown
from summarizer_assets.sensors.decide.bucket_verdict import Verdict

PROBE_WAIT_S: Final = 60.0
_PROBE_LONGEST_WAIT_S: Final = 1800.0
_BUDGET: Final = "budget"
_MOST_BRAKED: Final = 3  # runs one after the other that got nothing usable: the next bucket would not either


class Ending(Protocol):
    """How a run ended; `sensors.decide.retry.PastRun` is one."""

    @property
    def ended_at(self) -> float | None: ...

    @property
    def stop(self) -> str | None: ...

    @property
    def refused(self) -> bool: ...

    @property
    def braked(self) -> bool: ...

    @property
    def fingerprint(self) -> str | None: ...


@dataclass(frozen=True)
class Budget:
    """Of all runs together, in nano-dollars.

    `gone`: spent, perhaps spent, or reserved by runs at work. `request`: what a single request may cost at most.
    """

    cap: int
    gone: int
    request: int

    @property
    def left(self) -> int:
        return self.cap - self.gone

    def words(self) -> str:
        """What is left, and what is needed to go on."""
        return (
            f"{shown(max(0, self.left))} of {shown(self.cap)} is left and a request may cost up to "
            f"{shown(self.request)}: set SUMMARIZER_BUDGET_USD to {shown(self.gone + self.request)} or more"
        )

    def used_up(self, *, stopped: bool) -> bool:
        """Whether another run would be stopped by it, when the last run of some bucket was (`stopped`).

        What is left after such a stop is less than the next request might have cost. Where it is more than any may,
        somebody raised the budget, or found that what was uncertain was not billed.
        """
        return self.left <= 0 or (stopped and self.left < self.request)


@dataclass(frozen=True)
class Door:
    """How many runs may go to the provider: any number, one (a probe), or none, for the reason `verdict`."""

    runs: int | None
    verdict: Verdict = Verdict.OUTAGE

    @property
    def open(self) -> bool:
        return self.runs is None

    def most(self, allowed: int) -> int:
        return allowed if self.runs is None else min(allowed, self.runs)


def door(
    buckets: Sequence[tuple[Sequence[Ending], bool]],
    now: float,
    probe_wait_s: float,
    budget: Budget | None,
    fingerprint: str | None = None,
) -> Door:
    """Judge from how the last runs of all buckets ended.

    Args:
        buckets: of each, its last runs, newest first, and whether one is on its way.
        now: epoch seconds, of the clock that stamped the runs.
        probe_wait_s: the shortest wait before a provider that refused is tried again.
        budget: None: no bound.
        fingerprint: of what a run would ask with now.
    """
    if budget is not None:
        stopped = any(runs[0].stop == _BUDGET for runs, _ in buckets if runs)
        if budget.used_up(stopped=stopped):
            return Door(0, Verdict.BUDGET)
    ended = sorted(_ends(run for runs, _ in buckets for run in runs), key=lambda end: end[0], reverse=True)
    probing = any(in_flight for _, in_flight in buckets)
    braked = list(takewhile(lambda run: run.braked, (run for _, run in ended)))
    if braked:
        alike = sum(run.fingerprint == fingerprint for run in braked)
        return Door(0 if probing or alike >= _MOST_BRAKED else 1, Verdict.UNUSABLE_ELSEWHERE)
    probe_at = _probe_due_at(ended, probe_wait_s)
    if probe_at is None:
        return Door(None)
    return Door(0 if probing or now < probe_at else 1)


def _probe_due_at(ended: Iterable[tuple[float, Ending]], shortest_wait_s: float) -> float | None:
    """When the next probe may start, if the run that ended last, over all buckets, was refused from outside.

    The wait is as long as the trouble has lasted, which doubles it from probe to probe. Counting the refused runs
    instead would make a backfill, whose many runs are refused within a minute, wait the longest at once.

    Args:
        ended: runs of all buckets, newest first, with when each ended.
        shortest_wait_s: between two probes.
    """
    last = first = None
    for ended_at, run in ended:
        if not run.refused:
            break
        last, first = last or ended_at, ended_at
    if last is None or first is None:
        return None
    return last + min(max(shortest_wait_s, last - first), _PROBE_LONGEST_WAIT_S)


def _ends(runs: Iterable[Ending]) -> Iterator[tuple[float, Ending]]:
    for run in runs:
        if run.ended_at is not None:
            yield run.ended_at, run

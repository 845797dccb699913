"""The gate to the provider, a circuit breaker over runs: after an outage it admits one probe run at a time. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.run_records import PastRun
from summarizer_assets.sensors.decide.bucket_verdict import Verdict

PROBE_WAIT_S: Final = 60.0
_PROBE_LONGEST_WAIT_S: Final = 1800.0
_BUDGET: Final = "budget"
_MOST_BRAKED: Final = 3  # consecutive runs without a usable answer, after which no further bucket is tried


@dataclass(frozen=True)
class Budget:
    """The budget of all runs together, in nano-dollars.

    `gone`: spent, uncertain, or reserved by active runs. `request`: the most that a single request may cost.
    """

    cap: int
    gone: int
    request: int

    @property
    def left(self) -> int:
        return self.cap - self.gone

    def words(self) -> str:
        """What is left and what is needed to continue, for a person."""
        return (
            f"{exact_usd(max(0, self.left))} of {exact_usd(self.cap)} is left and a request may cost up to "
            f"{exact_usd(self.request)}: set SUMMARIZER_BUDGET_USD to {exact_usd(self.gone + self.request)} or more"
        )

    def used_up(self, *, stopped: bool) -> bool:
        """Whether the budget would stop another run; `stopped`: it stopped the last run of some bucket.

        After such a stop less is left than the next request might cost. If more is left than any request may cost, a
        person has raised the budget since, or released uncertain amounts.
        """
        return self.left <= 0 or (stopped and self.left < self.request)


@dataclass(frozen=True)
class Gate:
    """How many runs may go to the provider: any number (None), one probe, or none, for the reason `verdict`."""

    runs: int | None
    verdict: Verdict = Verdict.OUTAGE

    @property
    def open(self) -> bool:
        return self.runs is None

    def most(self, allowed: int) -> int:
        return allowed if self.runs is None else min(allowed, self.runs)


def provider_gate(
    buckets: Sequence[tuple[Sequence[PastRun], bool]],
    now: float,
    probe_wait_s: float,
    budget: Budget | None,
    fingerprint: str | None = None,
) -> Gate:
    """Decide from how the last runs of all buckets ended.

    Args:
        buckets: for each bucket its last runs, newest first, and whether one is in flight.
        now: epoch seconds, by the clock that stamped the runs.
        probe_wait_s: the shortest wait in seconds before the first probe.
        budget: the budget; None for no cap.
        fingerprint: fingerprint of the current model, prompt and settings.
    """
    if budget is not None:
        stopped = any(runs[0].stop == _BUDGET for runs, _ in buckets if runs)
        if budget.used_up(stopped=stopped):
            return Gate(0, Verdict.BUDGET)
    ended = sorted((run for runs, _ in buckets for run in runs if run.ended_at is not None), key=_end, reverse=True)
    probing = any(in_flight for _, in_flight in buckets)
    braked = list(takewhile(lambda run: run.braked, ended))
    if braked:
        alike = sum(run.fingerprint == fingerprint for run in braked)
        return Gate(0 if probing or alike >= _MOST_BRAKED else 1, Verdict.UNUSABLE_ELSEWHERE)
    probe_at = _probe_due_at(ended, probe_wait_s)
    if probe_at is None:
        return Gate(None)
    return Gate(0 if probing or now < probe_at else 1)


def _probe_due_at(ended: Iterable[PastRun], shortest_wait_s: float) -> float | None:
    """When the next probe may start (epoch seconds); None if the run that ended last was not refused.

    The wait equals the duration of the outage so far, which doubles it from probe to probe. If refused runs were
    counted instead, a backfill, whose many runs are refused within a minute, would wait the longest at once.

    Args:
        ended: the runs of all buckets, newest first.
        shortest_wait_s: the shortest wait between two probes.
    """
    refused = [_end(run) for run in takewhile(lambda run: run.refused, ended)]
    if not refused:
        return None
    last, first = refused[0], refused[-1]
    return last + min(max(shortest_wait_s, last - first), _PROBE_LONGEST_WAIT_S)


def _end(run: PastRun) -> float:
    return run.ended_at or 0.0

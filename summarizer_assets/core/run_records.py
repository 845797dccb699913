"""Run records for later runs and sensors, and the tags that mark how a run ended. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from summarizer_assets.core.quality_breaker import UNUSABLE, Trust

#: Consecutive runs of a bucket without progress after which the retry sensor leaves it alone.
PARKED_AFTER_RUNS = 3
_DISTRUSTED_S = 3600.0
#: Stops of a run whose provider answered; every other stop is caused by the provider.
TOO_MANY_FAILURES = "too_many_failures"
#: The run ended while a batch job is under way, which a later run collects.
IN_BATCH = "in_batch"
OWN_STOPS = frozenset({"terminated", TOO_MANY_FAILURES, UNUSABLE, IN_BATCH})
#: Tag of a run that a person cancelled; its value is the run's own id, because a re-executed run inherits tags. If the
#: worker dies of it, or before, Dagster shows only a failure.
CANCEL_ASKED = "summarizer/cancel_asked"
#: The same for an ingest that was refused because of its loss, and would be refused again.
REFUSED = "summarizer/refused"


@dataclass(frozen=True)
class PastRun:
    """One run that had work in a bucket. Times are epoch seconds.

    `fingerprint`: of its model, prompt and settings; None for a run of an older version. `pending_before`,
    `pending_after`: number of authors without a row at its start and end. `pending_after` and `ended_at` are None while
    it is running, and if it died. `stop`: why it stopped early.
    """

    run_id: str
    started_at: float
    ended_at: float | None
    pending_before: int
    pending_after: int | None
    stop: str | None
    fingerprint: str | None = None

    @property
    def braked(self) -> bool:
        """Whether it stopped because the model gave nothing usable."""
        return self.stop == UNUSABLE

    @property
    def refused(self) -> bool:
        """Whether the provider stopped it: a rejected key, an exhausted quota, an outage."""
        return self.stop is not None and self.stop not in OWN_STOPS


def trust_after(last: PastRun | None, now: float) -> Trust:
    """The trust in the model, prompt and settings of `last`, the last finished run; None if there was none."""
    if last is None or last.ended_at is None:
        return Trust.UNTRIED
    if last.braked:
        return Trust.DISTRUSTED if now - last.ended_at < _DISTRUSTED_S else Trust.UNTRIED
    brought = last.pending_after is not None and last.pending_after < last.pending_before
    return Trust.PROVEN if brought else Trust.UNTRIED


def stopped(runs: Mapping[str, Sequence[PastRun]], at_work: Collection[str]) -> dict[str, list[str]]:
    """Causes why the last run of a bucket stopped early, each with its buckets, sorted.

    A run without an end, in a bucket without an active run, died. One that ended while a batch job is under way has
    done its work.
    """
    causes: dict[str, list[str]] = defaultdict(list)
    for bucket, past in sorted(runs.items()):
        if not past or bucket in at_work:
            continue
        last = past[0]
        if last.ended_at is None:
            causes["died"].append(bucket)
        elif last.stop is not None and last.stop != IN_BATCH:
            causes[last.stop].append(bucket)
    return dict(causes)

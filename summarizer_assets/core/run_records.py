"""What each run leaves of itself for those that come after it: its record, and the tags of its end. Pure."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from summarizer_assets.core.brake import UNUSABLE, Trust

#: So many runs of a bucket in a row without progress, and the retry sensor leaves it alone.
PARKED_AFTER_RUNS = 3
_DISTRUSTED_S = 3600.0
#: Stops of a run whose provider answered it; every other stop has its cause at the provider.
TOO_MANY_FAILURES = "too_many_failures"
OWN_STOPS = frozenset({"terminated", TOO_MANY_FAILURES, UNUSABLE})
#: A tag of a run whose end a person asked for: its own id, for a run that is executed again inherits tags. Should its
#: worker die of that, or before, the run's end says only that.
CANCEL_ASKED = "summarizer/cancel_asked"
#: The same of an ingest that would have taken too much: it failed, and would fail so again.
REFUSED = "summarizer/refused"


@dataclass(frozen=True)
class PastRun:
    """One run that had work in a bucket. Times in seconds since the epoch.

    `fingerprint` is of the model, the prompt and the settings that it asked with; None: an older version's run.
    `pending_before` counts the authors without a row when it started, `pending_after` those when it ended; None, as
    is `ended_at`: it is still at it, or it died. `stop` says why it ended before its work did.
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
        """It got nothing usable from the model."""
        return self.stop == UNUSABLE

    @property
    def refused(self) -> bool:
        """It was stopped from outside: a rejected key, an exhausted quota, an outage."""
        return self.stop is not None and self.stop not in OWN_STOPS


def trust_after(last: PastRun | None, now: float) -> Trust:
    """In what `last`, the last run that ended, asked with; None: there was none."""
    if last is None or last.ended_at is None:
        return Trust.UNTRIED
    if last.braked:
        return Trust.DISTRUSTED if now - last.ended_at < _DISTRUSTED_S else Trust.UNTRIED
    brought = last.pending_after is not None and last.pending_after < last.pending_before
    return Trust.PROVEN if brought else Trust.UNTRIED


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

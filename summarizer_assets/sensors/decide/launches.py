"""Reasons from the orchestrator's run history against another run of a bucket. Pure.

The tables' counts and the runs' own records do not show runs that a person cancelled, that failed before they began, or
that found nothing to do; without this check such a run would be launched again at every tick.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from summarizer_assets.core.run_records import PARKED_AFTER_RUNS
from summarizer_assets.sensors.decide.bucket_verdict import Verdict

End = Literal["succeeded", "failed", "cancelled", "refused", "under way"]


@dataclass(frozen=True)
class Launch:
    """One run of a bucket in the orchestrator's history.

    `started_at`: epoch seconds; None if it never started. `found`: the bucket's state for which a sensor launched it;
    None if no sensor did, or the sensor records no state.
    """

    run_id: str
    end: End
    started_at: float | None = None
    found: str | None = None


def objection(last: Sequence[Launch], recorded: Collection[str], found: str | None = None) -> Verdict | None:
    """Why the bucket must not be run again; None if it may.

    Args:
        last: the bucket's runs, newest first.
        recorded: ids of runs that wrote their own record.
        found: the bucket's current state, if nothing else bounds the number of runs for it.
    """
    if last and last[0].end == "cancelled":
        return Verdict.CANCELLED
    newest = last[:PARKED_AFTER_RUNS]
    if len(newest) == PARKED_AFTER_RUNS and all(
        launch.end == "failed" and launch.run_id not in recorded for launch in newest
    ):
        return Verdict.PARKED
    if found is None or not last or last[0].found != found:
        return None
    if last[0].end == "succeeded":
        return Verdict.DONE
    tried = len(newest) == PARKED_AFTER_RUNS and all(launch.found == found for launch in newest)
    return Verdict.PARKED if tried else None

"""What the orchestrator's own record of a bucket's runs says against another one. Pure.

The tables' counts and the runs' own records do not tell of runs that a person cancelled, that failed before they
began, or that found nothing to do; without these, such a run would be launched again at every tick, for ever.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from summarizer_assets.core.run_records import PARKED_AFTER_RUNS
from summarizer_assets.sensors.decide.bucket_verdict import Verdict

End = Literal["succeeded", "failed", "cancelled", "refused", "under way"]


@dataclass(frozen=True)
class Launch:
    """One run of a bucket as the orchestrator knows it.

    `started_at`: epoch seconds; None: it never did. `found`: the state of the bucket for which a sensor launched it;
    None: somebody else did, or the sensor needed no such mark.
    """

    run_id: str
    end: End
    started_at: float | None = None
    found: str | None = None


def held_back(last: Sequence[Launch], recorded: Collection[str], found: str | None = None) -> Verdict | None:
    """Why the bucket is not to be run again; None: nothing speaks against it.

    Args:
        last: its runs, newest first.
        recorded: ids of runs that came so far as to leave their own record.
        found: the bucket's state as it is now, where nothing else bounds how often it is run for it.
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

"""Decision of the source sensor: whether to ingest a changed source now. Pure.

One ingest per state of the source; a failed one is retried twice, with growing waits, and then not before the source
changes or a person starts an ingest.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from summarizer_assets.sensors.decide.launches import End

TRIES: Final = 3
#: Waits after the first and the second failed ingest of the same state.
_WAITS_S: Final = (600.0, 3600.0)
#: Allowed difference between the clocks of the source's writer and of the ingest's launcher.
_CLOCKS_DIFFER_S: Final = 60.0


class SourceVerdict(StrEnum):
    READ = "an ingest is started"
    UNCHANGED = "is read as it is"
    UNDER_WAY = "an ingest is under way"
    SETTLING = "changed a moment ago: it is read when it stays as it is"
    TRIED = "could not be read: the last ingest of it failed, and is tried again later"
    GIVEN_UP = (
        "could not be read: three ingests of it failed; look at the last one. It is not tried again until the source "
        "changes or somebody materialises all partitions of `authors`"
    )
    REFUSED = (
        "its last ingest was refused, for it would take too many authors or rejects too many rows: see that run. It is "
        "not tried again until the source changes or somebody says yes"
    )
    CANCELLED = "a person cancelled its ingest: left alone until it changes or is materialised by hand"


@dataclass(frozen=True)
class Ingest:
    """An ingest over all buckets. `found`: the state of the source for which a sensor launched it."""

    end: End
    started_at: float | None
    found: str | None


@dataclass(frozen=True)
class Memory:
    """State kept between ticks: the source state last seen, since when, and the state known to be ingested."""

    seen: str = ""
    seen_at: float = 0.0
    read: str = ""


def judge(
    state: str,
    *,
    changed_at: float,
    atomic: bool,
    memory: Memory,
    ingests: Sequence[Ingest],
    now: float,
    settle_s: float,
) -> tuple[SourceVerdict, Memory]:
    """Decide, and return the memory for the next tick.

    Args:
        state: current state of the source.
        changed_at: when the source was last written, epoch seconds; used only at the first tick.
        atomic: whether changes of the source are atomic.
        memory: memory of the last tick.
        ingests: the last ingests over all buckets, newest first.
        now: epoch seconds.
        settle_s: seconds for which files must stay unchanged; for a table, the shortest time between two ingests.
    """
    first_look = not memory.seen
    if memory.seen != state:
        memory = replace(memory, seen=state, seen_at=now)
    if any(run.end == "under way" for run in ingests):
        return SourceVerdict.UNDER_WAY, memory
    since = changed_at + _CLOCKS_DIFFER_S if first_look else memory.seen_at
    if memory.read == state or any(_reads(run, state, since) for run in ingests):
        return SourceVerdict.UNCHANGED, replace(memory, read=state)
    tries = [run for run in ingests if run.found == state]
    if tries:
        return _after_tries(tries, now), memory
    last = max((run.started_at or 0.0 for run in ingests), default=0.0)
    unsettled = now - last < settle_s if atomic else now - memory.seen_at < settle_s
    return (SourceVerdict.SETTLING if unsettled else SourceVerdict.READ), memory


def _reads(run: Ingest, state: str, since: float) -> bool:
    """Whether a run read this state, which exists since `since`."""
    return run.end == "succeeded" and (run.found == state or (run.started_at is not None and run.started_at >= since))


def _after_tries(tries: Sequence[Ingest], now: float) -> SourceVerdict:
    if tries[0].end == "cancelled":
        return SourceVerdict.CANCELLED
    if tries[0].end == "refused":
        return SourceVerdict.REFUSED
    if len(tries) >= TRIES:
        return SourceVerdict.GIVEN_UP
    began = tries[0].started_at or 0.0
    return SourceVerdict.TRIED if now - began < _WAITS_S[len(tries) - 1] else SourceVerdict.READ

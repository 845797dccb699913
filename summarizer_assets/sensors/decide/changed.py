"""Which buckets' authors are new or changed since they were last summarised, and which of these to run now. Pure.

It takes what the retry sensor leaves: a bucket with a run on its way, with unfinished work or a due failure is not its
own, so the two never ask for the same one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.launches import Launch
from summarizer_assets.sensors.decide.provider_gate import Door
from summarizer_assets.sensors.decide.retry import Decision, HeldBack, pick

#: That the clocks of who wrote the authors and of who launched a run may differ by.
_CLOCKS_DIFFER_S: Final = 60.0
#: Of the retry sensor: what leaves a bucket to this one.
_LEFT = frozenset({Verdict.DONE, Verdict.NOT_DUE, Verdict.NOT_ASKED_FOR})


@dataclass(frozen=True)
class Authors:
    """Of one bucket. `state`: another one when a row of theirs changed; `changed_at`: when they were last written.

    `missing`: authors without a summary or failure.
    """

    bucket: str
    state: str
    changed_at: float
    missing: int


def covers(last: Launch, authors: Authors) -> bool:
    """Whether a bucket's last run found its authors as they are now, and came to its end.

    Of a run that a sensor launched the state is known; of another one the time is, and that must do.
    """
    if last.end != "succeeded":
        return False
    if last.found == authors.state:
        return True
    began = last.started_at
    return authors.missing == 0 and began is not None and began >= authors.changed_at + _CLOCKS_DIFFER_S


def candidates(buckets: Sequence[Authors], retry: Decision, noted: Mapping[str, str]) -> list[Authors]:
    """Buckets whose authors are not known to be summarised, and that are not the retry sensor's."""
    return [
        authors
        for authors in buckets
        if noted.get(authors.bucket) != authors.state and retry.verdicts.get(authors.bucket, Verdict.DONE) in _LEFT
    ]


def choose(
    found: Sequence[Authors],
    *,
    retry: Decision,
    entry: Door,
    runs_per_tick: int,
    room_in_queue: int,
    limit_used_up: bool,
    held_back: HeldBack,
) -> Decision:
    """Of the candidates those to run now, the ones with the most authors without a summary first.

    Args:
        found: candidates that no run covered.
        retry: what the retry sensor decides from the same facts: its runs go first.
        entry: to the provider.
        runs_per_tick: the most runs of both.
        room_in_queue: runs that may still be queued.
        limit_used_up: a pilot asks for nobody else.
        held_back: what the orchestrator's own record says against buckets.
    """
    most = max(0, min(runs_per_tick, room_in_queue) - len(retry.run))
    waits = Verdict.QUEUE_FULL if room_in_queue < runs_per_tick else Verdict.NEXT_TICK
    if limit_used_up:
        most, waits = 0, Verdict.LIMIT
    elif not entry.open:
        # The retry sensor sends the probe, unless it has no bucket to send it with.
        probes = bool(retry.run) or entry.verdict in retry.verdicts.values()
        most, waits = 0 if probes else entry.most(most), entry.verdict
    ordered = sorted(found, key=lambda authors: (-authors.missing, authors.bucket))
    run, against = pick([authors.bucket for authors in ordered], most, held_back)
    verdicts = dict.fromkeys((authors.bucket for authors in found), waits)
    return Decision(run, verdicts | against | dict.fromkeys(run, Verdict.RUN))

"""Decision of the authors sensor: which buckets have new or changed authors, and which of them to run now. Pure.

Buckets with a run in flight, unfinished work or a due failure belong to the retry sensor, so the two sensors never
request the same bucket.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.launches import Launch
from summarizer_assets.sensors.decide.provider_gate import Gate
from summarizer_assets.sensors.decide.retry import Decision, Objections, pick

#: Allowed difference between the clocks of the authors' writer and of the run's launcher.
_CLOCKS_DIFFER_S: Final = 60.0
#: Verdicts of the retry sensor that leave a bucket to this sensor.
_LEFT = frozenset({Verdict.DONE, Verdict.NOT_DUE, Verdict.NOT_ASKED_FOR})


@dataclass(frozen=True)
class Authors:
    """The authors of one bucket. `state` differs after any change of a row; `changed_at`: last write, epoch seconds.

    `missing`: number of authors without a summary or failure.
    """

    bucket: str
    state: str
    changed_at: float
    missing: int


def covers(last: Launch, authors: Authors) -> bool:
    """Whether a bucket's last run succeeded on its current authors.

    A run launched by a sensor carries the state; any other run is judged by its start time.
    """
    if last.end != "succeeded":
        return False
    if last.found == authors.state:
        return True
    began = last.started_at
    return authors.missing == 0 and began is not None and began >= authors.changed_at + _CLOCKS_DIFFER_S


def candidates(buckets: Sequence[Authors], retry: Decision, noted: Mapping[str, str]) -> list[Authors]:
    """Buckets that are not recorded as summarised in their current state and do not belong to the retry sensor."""
    return [
        authors
        for authors in buckets
        if noted.get(authors.bucket) != authors.state and retry.verdicts.get(authors.bucket, Verdict.DONE) in _LEFT
    ]


def choose(
    found: Sequence[Authors],
    *,
    retry: Decision,
    gate: Gate,
    runs_per_tick: int,
    room_in_queue: int,
    limit_used_up: bool,
    objections: Objections,
) -> Decision:
    """Choose the candidates to run now, those with the most authors without a result first.

    Args:
        found: candidates that no run covers.
        retry: the retry sensor's decision on the same facts; its runs take precedence.
        gate: how many runs may go to the provider.
        runs_per_tick: the most runs of both sensors together.
        room_in_queue: number of runs that may still be queued.
        limit_used_up: whether a pilot's limit is used up.
        objections: returns the orchestrator's reasons against running buckets.
    """
    most = max(0, min(runs_per_tick, room_in_queue) - len(retry.run))
    waits = Verdict.QUEUE_FULL if room_in_queue < runs_per_tick else Verdict.NEXT_TICK
    if limit_used_up:
        most, waits = 0, Verdict.LIMIT
    elif not gate.open:
        # The retry sensor launches the probe, unless it has no bucket for it.
        probes = bool(retry.run) or gate.verdict in retry.verdicts.values()
        most, waits = 0 if probes else gate.most(most), gate.verdict
    ordered = sorted(found, key=lambda authors: (-authors.missing, authors.bucket))
    run, against = pick([authors.bucket for authors in ordered], most, objections)
    verdicts = dict.fromkeys((authors.bucket for authors in found), waits)
    return Decision(run, verdicts | against | dict.fromkeys(run, Verdict.RUN))

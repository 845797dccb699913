"""Decision of the retry sensor: which buckets to run again, and when. Pure.

It uses the tables' counts and the runs' own records instead of Dagster's partition status: a materialised partition may
have failures that are due, and a failed one may be complete. It never starts work that nobody requested.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from summarizer_assets.core.authors.state import without_a_row
from summarizer_assets.core.run_records import IN_BATCH, PARKED_AFTER_RUNS, TOO_MANY_FAILURES, PastRun
from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.provider_gate import PROBE_WAIT_S, Budget, provider_gate

_BATCH_AGAIN_S = 900.0
#: Number of buckets looked up together in the orchestrator's run history, by two queries.
LOOKED_UP_AT_ONCE = 50

#: Returns the orchestrator's reasons against running these buckets; buckets not in the result may run.
Objections = Callable[[Sequence[str]], Mapping[str, Verdict]]


@dataclass(frozen=True)
class BucketState:
    """The facts about one bucket.

    Counts are rows of the three tables. `next_due_at`: when the earliest retryable failure is due (epoch seconds), or
    None. `runs`: newest first. `asked_for`: the bucket was requested at least once. `barred`: it has a summary of an
    excluded author. `shown_failed`: the orchestrator shows it as failed, because its last run broke off. `in_batch`:
    batch jobs are under way, with `batch_authors`; `batch_for_us`: the next step of one of them is a run's.
    """

    bucket: str
    authors: int
    summaries: int
    failed: int
    next_due_at: float | None
    runs: Sequence[PastRun]
    in_flight: bool
    asked_for: bool
    barred: bool = False
    shown_failed: bool = False
    in_batch: bool = False
    batch_authors: int = 0
    batch_for_us: bool = False

    @property
    def deserted(self) -> bool:
        """Whether only results of removed authors are left: a run deletes them without any request."""
        return self.authors == 0 and self.summaries + self.failed > 0

    @property
    def failed_on_purpose(self) -> bool:
        """Whether its last run stored all results and failed only to get a person's attention."""
        return bool(self.runs) and self.runs[0].stop == TOO_MANY_FAILURES

    @property
    def missing(self) -> int:
        """The number of authors without a summary or failure, including those ingested since the last run."""
        return without_a_row(self.authors, self.summaries, self.failed)

    @property
    def pending(self) -> int:
        """The number of authors that a run did not reach because of a crash or stop.

        If the last run reached all of its authors, those without a row were ingested later; asking them is a new
        decision and not a retry.
        """
        if not self.runs or self.authors == 0:
            return self.missing
        last = self.runs[0]
        if last.pending_after is None:
            return max(self.missing, last.pending_before)
        return max(self.missing, last.pending_after) if last.pending_after else 0


@dataclass(frozen=True)
class Decision:
    """A verdict for every bucket; `run` lists the buckets to start, in order."""

    run: Sequence[str]
    verdicts: Mapping[str, Verdict]


def decide(
    buckets: Sequence[BucketState],
    *,
    now: float,
    runs_per_tick: int,
    objections: Objections,
    unfinished_counts: bool = True,
    probe_wait_s: float = PROBE_WAIT_S,
    budget: Budget | None = None,
    room_in_queue: int | None = None,
    fingerprint: str | None = None,
) -> Decision:
    """Choose the buckets to run now.

    Args:
        buckets: the state of every bucket.
        now: epoch seconds, by the clock that stamped the runs.
        runs_per_tick: the most runs to start.
        objections: called only for buckets that would run.
        unfinished_counts: whether authors without a row are a reason to run; False if a pilot's limit is used up.
        probe_wait_s: the shortest wait in seconds before a provider that refused the last run is probed.
        budget: the budget of all runs; None for no cap.
        room_in_queue: number of runs that may still be queued; None for any number.
        fingerprint: fingerprint of the current model, prompt and settings.
    """
    verdicts = {state.bucket: _verdict(state, now, fingerprint, unfinished_counts) for state in buckets}
    idle = {Verdict.DONE, Verdict.NOT_DUE}
    # A run of a complete bucket makes no request, and corrects the status shown.
    refreshes = [state for state in buckets if state.shown_failed and verdicts[state.bucket] in idle]
    wanted = [state for state in buckets if verdicts[state.bucket] is Verdict.RUN]
    gate = provider_gate([(state.runs, state.in_flight) for state in buckets], now, probe_wait_s, budget, fingerprint)
    free = [*(state for state in wanted if state.deserted), *refreshes]  # no requests, so the provider is not needed
    paid = [state for state in wanted if not state.deserted]
    if gate.open:
        # The most pending authors first, then by key, so that a tick is predictable.
        paid.sort(key=lambda state: (-state.pending, state.bucket))
    else:
        # Round-robin, so that one problematic bucket does not hide that the provider is back.
        paid.sort(key=lambda state: (state.runs[0].started_at if state.runs else 0.0, state.bucket))
    allowed, waits = runs_per_tick, Verdict.NEXT_TICK
    if room_in_queue is not None and room_in_queue < allowed:
        allowed, waits = max(0, room_in_queue), Verdict.QUEUE_FULL
    run: list[str] = []
    for states, most, waiting in (
        (free, allowed, waits),
        (paid, gate.most(allowed), waits if gate.open else gate.verdict),
    ):
        chosen, against = pick([state.bucket for state in states], min(most, allowed - len(run)), objections)
        verdicts |= {state.bucket: waiting for state in states} | against | dict.fromkeys(chosen, Verdict.RUN)
        run += chosen
    return Decision(run, verdicts)


def pick(wanted: Sequence[str], most: int, objections: Objections) -> tuple[list[str], dict[str, Verdict]]:
    """The first `most` of the buckets that may run, and the verdicts on those passed over."""
    chosen: list[str] = []
    against: dict[str, Verdict] = {}
    for first in range(0, len(wanted), LOOKED_UP_AT_ONCE):
        if len(chosen) >= most:
            break
        some = wanted[first : first + LOOKED_UP_AT_ONCE]
        against |= objections(some)
        chosen += [bucket for bucket in some if bucket not in against]
    return chosen[: max(0, most)], against


def _verdict(state: BucketState, now: float, fingerprint: str | None, unfinished_counts: bool) -> Verdict:
    if state.in_flight or _waits_for_a_job(state, now):
        return Verdict.IN_FLIGHT if state.in_flight else Verdict.WAITING
    if state.deserted or state.barred:
        return Verdict.RUN  # bounded by the orchestrator's history of runs launched for the same rows
    unfinished = unfinished_counts and state.pending > 0
    if not unfinished and state.next_due_at is None:
        return Verdict.DONE
    if not state.asked_for:
        return Verdict.NOT_ASKED_FOR
    due = state.next_due_at is not None and state.next_due_at <= now
    # Due failures are bounded by their attempts, but a run that dies counts none.
    if (due and not _dying(state)) or (unfinished and not _stuck(state)):
        last = state.runs[0] if state.runs else None
        in_vain = last is not None and last.braked and last.fingerprint == fingerprint
        return Verdict.UNUSABLE if in_vain else Verdict.RUN
    return Verdict.PARKED if unfinished or due else Verdict.NOT_DUE


def _waits_for_a_job(state: BucketState, now: float) -> bool:
    """Whether a job has to end first.

    Where a run has the next step, the last one is to be long over: what the provider refused, it may take later. Where
    a run was stopped that asked others than those in jobs, these are asked like the authors of other buckets.
    """
    if not state.in_batch:
        return False
    last = state.runs[0] if state.runs else None
    rested = last is None or last.ended_at is None or now - last.ended_at >= _BATCH_AGAIN_S
    stopped = last is not None and last.stop not in (None, IN_BATCH)
    return not (state.batch_for_us and rested) and not (stopped and state.pending > state.batch_authors)


def _dying(state: BucketState) -> bool:
    """Whether the last runs all died without recording their end, as the next would."""
    last = state.runs[:PARKED_AFTER_RUNS]
    return len(last) == PARKED_AFTER_RUNS and all(run.ended_at is None for run in last)


def _stuck(state: BucketState) -> bool:
    """Whether none of the last runs that could have made progress made any.

    A run without pending authors, which only retried due failures, counts as progress.
    """
    own = [run for run in state.runs if not (run.refused or run.braked or run.stop == IN_BATCH)][:PARKED_AFTER_RUNS]
    if len(own) < PARKED_AFTER_RUNS or any(run.pending_before == 0 for run in own):
        return False
    remaining = state.pending
    for run in own:
        after = remaining if run.pending_after is None else run.pending_after
        if after < run.pending_before:
            return False
        remaining = run.pending_before
    return True

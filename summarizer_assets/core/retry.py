"""Which buckets to run again, and when: the retry sensor's decision, pure.

It trusts the tables' own counts and the runs' own records, not Dagster's colours: a green partition may hold
failures that are due, a failed one may be complete. It never starts work that nobody asked for.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

PARKED_AFTER_RUNS = 3
PROBE_WAIT_S = 60.0
_PROBE_LONGEST_WAIT_S = 1800.0


#: Stops that are the bucket's or the host's own; every other stop has its cause at the provider.
OWN_STOPS = frozenset({"terminated", "too_many_failures"})


@dataclass(frozen=True)
class PastRun:
    """One run that had work in a bucket. Times in seconds since the epoch.

    `pending_before` counts the authors without a row when it started, `pending_after` those when it ended; None, as
    is `ended_at`: it is still at it, or it died. `stop` says why it ended before its work did.
    """

    run_id: str
    started_at: float
    ended_at: float | None
    pending_before: int
    pending_after: int | None
    stop: str | None

    @property
    def refused(self) -> bool:
        """It was stopped from outside: a rejected key, an exhausted quota, an outage."""
        return self.stop is not None and self.stop not in OWN_STOPS


@dataclass(frozen=True)
class BucketState:
    """What is known of one bucket.

    Counts are rows of the three tables. `next_due_at`: when the earliest retryable failure is due (epoch seconds),
    None when there is none. `runs`: newest first. `asked_for`: somebody once materialised it.
    """

    bucket: str
    authors: int
    summaries: int
    failed: int
    next_due_at: float | None
    runs: Sequence[PastRun]
    in_flight: bool
    asked_for: bool

    @property
    def pending(self) -> int:
        """Authors that were to be asked and were not reached, by a crash or a stop.

        Authors without a row in a bucket whose last run reached all of its own came later, with an ingest: to ask
        them is a decision, and not a retry.
        """
        by_tables = max(0, self.authors - self.summaries - self.failed)
        if not self.runs:
            return by_tables
        last = self.runs[0]
        if last.pending_after is None:
            return max(by_tables, last.pending_before)
        return max(by_tables, last.pending_after) if last.pending_after else 0


class Verdict(StrEnum):
    RUN = "run"
    DONE = "nothing to do"
    NOT_ASKED_FOR = "never materialised: waits for a person or a backfill"
    IN_FLIGHT = "a run is on its way"
    CANCELLED = "cancelled by a person: left alone until materialised again"
    PARKED = "parked: three runs in a row made no progress; look at the last run, then materialise it by hand"
    NOT_DUE = "failures wait for their time"
    OUTAGE = "the provider refused the last run: a single probe is sent first"
    NEXT_TICK = "waits for the next tick"


@dataclass(frozen=True)
class Decision:
    """A verdict for every bucket; `run` in the order in which to start them."""

    run: Sequence[str]
    verdicts: Mapping[str, Verdict]


def decide(
    buckets: Sequence[BucketState],
    *,
    now: float,
    runs_per_tick: int,
    held_back: Callable[[str], Verdict | None],
    unfinished_counts: bool = True,
    probe_wait_s: float = PROBE_WAIT_S,
) -> Decision:
    """Choose the buckets to run now.

    Args:
        buckets: the state of every bucket.
        now: epoch seconds, of the clock that stamped the runs.
        runs_per_tick: the most runs to start.
        held_back: why the orchestrator's own record of a bucket's runs speaks against another one, None: it does not;
            asked only of buckets that would run.
        unfinished_counts: whether authors without a row are a reason (not when a pilot's limit is used up).
        probe_wait_s: the shortest wait before the provider, which refused the last run, is tried again.
    """
    verdicts = {state.bucket: _verdict(state, now, unfinished_counts=unfinished_counts) for state in buckets}
    wanted = [state for state in buckets if verdicts[state.bucket] is Verdict.RUN]
    probe_at = _probe_due_at(buckets, probe_wait_s)
    if probe_at is not None:
        probing = any(state.in_flight for state in buckets)
        allowed = 0 if probing or now < probe_at else 1
        waits = Verdict.OUTAGE
        # Take turns, so that one troubled bucket does not hide that the provider is back.
        wanted.sort(key=lambda state: (state.runs[0].started_at if state.runs else 0.0, state.bucket))
    else:
        allowed, waits = runs_per_tick, Verdict.NEXT_TICK
        # The emptiest first; then by key, so that a tick can be foretold.
        wanted.sort(key=lambda state: (-state.pending, state.bucket))
    run: list[str] = []
    for state in wanted:
        if len(run) == allowed:
            verdicts[state.bucket] = waits
        elif (verdict := held_back(state.bucket)) is not None:
            verdicts[state.bucket] = verdict
        else:
            run.append(state.bucket)
    return Decision(run, verdicts)


def _verdict(state: BucketState, now: float, *, unfinished_counts: bool) -> Verdict:
    if state.in_flight:
        return Verdict.IN_FLIGHT
    unfinished = unfinished_counts and state.pending > 0
    if not unfinished and state.next_due_at is None:
        return Verdict.DONE
    if not state.asked_for:
        return Verdict.NOT_ASKED_FOR
    due = state.next_due_at is not None and state.next_due_at <= now
    if due and not _dying(state):  # bounded by the failures' own attempts, which a run that dies does not count
        return Verdict.RUN
    if unfinished and not _stuck(state):
        return Verdict.RUN
    return Verdict.PARKED if unfinished or due else Verdict.NOT_DUE


def _dying(state: BucketState) -> bool:
    """Whether the last runs all broke off without a word: the next would too, at every tick."""
    last = state.runs[:PARKED_AFTER_RUNS]
    return len(last) == PARKED_AFTER_RUNS and all(run.ended_at is None for run in last)


def _stuck(state: BucketState) -> bool:
    """Whether the last runs that could have made progress made none."""
    own = [run for run in state.runs if not run.refused][:PARKED_AFTER_RUNS]
    if len(own) < PARKED_AFTER_RUNS:
        return False
    remaining = state.pending
    for run in own:
        after = remaining if run.pending_after is None else run.pending_after
        if after < run.pending_before:
            return False
        remaining = run.pending_before
    return True


def _probe_due_at(buckets: Sequence[BucketState], shortest_wait_s: float) -> float | None:
    """When the next probe may start, if the run that ended last, over all buckets, was refused from outside.

    The wait is as long as the trouble has lasted, which doubles it from probe to probe. Counting the refused runs
    instead would make a backfill, whose many runs are refused within a minute, wait the longest at once.
    """
    ended = sorted(
        ((run.ended_at, run.refused) for state in buckets for run in state.runs if run.ended_at is not None),
        key=lambda end: end[0],
        reverse=True,
    )
    last = first = None
    for ended_at, was_refused in ended:
        if not was_refused:
            break
        last, first = last or ended_at, ended_at
    if last is None or first is None:
        return None
    return last + min(max(shortest_wait_s, last - first), _PROBE_LONGEST_WAIT_S)

"""The retry sensor and the one that asks changed authors, round by round over buckets whose runs end in every way.

Whatever happens: they never ask for the same bucket, never for one with a run on its way, and never without end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from summarizer_assets.core.run_records import PastRun
from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.changed import Authors, candidates, choose, covers
from summarizer_assets.sensors.decide.launches import Launch, objection
from summarizer_assets.sensors.decide.provider_gate import provider_gate
from summarizer_assets.sensors.decide.retry import BucketState, Decision, decide

Outcome = Literal["answers", "one fails", "outage", "dies", "stillborn", "cancelled", "budget", "unusable"]
OUTCOMES: Sequence[Outcome] = ("answers", "one fails", "outage", "dies", "stillborn", "cancelled")
ROUND_S, MAX_ATTEMPTS, PER_TICK, IN_QUEUE = 30.0, 5, 2, 3
PROBE_WAIT_S = 1_800.0  # the longest


@dataclass
class Bucket:
    key: str
    authors: int = 6
    summaries: int = 0
    failed: int = 0
    attempts: int = 0
    due: float | None = None
    version: int = 1
    written_at: float = 0.0
    summarized: int = 0
    runs: list[PastRun] = field(default_factory=list)
    launches: list[Launch] = field(default_factory=list)

    @property
    def missing(self) -> int:
        return max(0, self.authors - self.summaries - self.failed)

    def now(self) -> Authors:
        return Authors(self.key, f"v{self.version}", self.written_at, self.missing)

    def state(self) -> BucketState:
        died = bool(self.launches) and self.launches[0].end == "failed"
        asked_for = bool(self.runs) or self.summaries + self.failed > 0 or died
        return BucketState(
            self.key, self.authors, self.summaries, self.failed, self.due, self.runs[:4], in_flight=False,
            asked_for=asked_for,
        )  # fmt: skip

    def run(self, outcome: Outcome, found: str | None, now: float) -> None:
        run_id = f"{self.key}-{len(self.launches)}"
        due = self.due is not None and self.due <= now
        work = self.missing > 0 or due or self.summarized != self.version
        if not work and outcome not in {"stillborn", "cancelled"}:
            outcome = "answers"
        before = self.missing + (self.summarized != self.version)
        ends = {"answers": "succeeded", "one fails": "succeeded", "cancelled": "cancelled"}
        self.launches.insert(0, Launch(run_id, ends.get(outcome, "failed"), now, found))  # type: ignore[arg-type]
        if outcome == "stillborn":
            return
        after, stop, ended = before, None, now + 5
        if outcome in {"outage", "budget", "unusable"}:
            stop = outcome
        elif outcome == "cancelled":
            stop = "terminated"
        elif outcome != "dies":
            after = 0
            fails = outcome == "one fails" and (due or self.missing > 0)
            self.attempts = self.attempts + 1 if fails else 0 if due else self.attempts
            self.failed = int(fails) if due or self.missing else self.failed
            if due or self.missing:
                self.due = now + 60 * self.attempts if fails and self.attempts < MAX_ATTEMPTS else None
            self.summaries = self.authors - self.failed
            self.summarized = self.version
        if work:
            died = outcome == "dies"
            past = PastRun(run_id, now, None if died else ended, before, None if died else after, stop)
            self.runs.insert(0, past)


class Rounds:
    def __init__(self, buckets: int) -> None:
        self.buckets = {f"{n:04d}": Bucket(f"{n:04d}") for n in range(buckets)}
        self.noted: dict[str, str] = {}
        self.now = 1_000_000.0

    def round(self, outcomes: "Endings", *, asking: bool = True) -> int:
        """One tick of each sensor over the same facts, then what they asked for comes to its end."""
        self.now += ROUND_S
        retry, changed = self.decisions(asking=asking)
        assert not set(retry.run) & set(changed.run)
        assert len(retry.run) + len(changed.run) <= PER_TICK
        for key in retry.run:
            self.buckets[key].run(outcomes.next(), None, self.now)
        for key in changed.run:
            bucket = self.buckets[key]
            bucket.run(outcomes.next(), bucket.now().state, self.now)
        return len(retry.run) + len(changed.run)

    def decisions(self, *, asking: bool) -> tuple[Decision, Decision]:
        states = [bucket.state() for bucket in self.buckets.values()]
        recorded = {run.run_id for state in states for run in state.runs}

        def against(keys: Sequence[str], marks: Mapping[str, str] = {}) -> Mapping[str, Verdict]:
            found = {key: objection(self.buckets[key].launches, recorded, marks.get(key)) for key in keys}
            return {key: verdict for key, verdict in found.items() if verdict is not None}

        retry = decide(
            states, now=self.now, runs_per_tick=PER_TICK, objections=against, probe_wait_s=60.0, room_in_queue=IN_QUEUE
        )
        authors = [bucket.now() for bucket in self.buckets.values() if asking]
        open_ones = candidates(authors, retry, self.noted)
        done = [one for one in open_ones if (last := self.buckets[one.bucket].launches[:1]) and covers(last[0], one)]
        self.noted |= {one.bucket: one.state for one in done}
        left = [one for one in open_ones if one not in done]
        marks = {one.bucket: one.state for one in left}
        changed = choose(
            left,
            retry=retry,
            gate=provider_gate([(state.runs, False) for state in states], self.now, 60.0, None),
            runs_per_tick=PER_TICK,
            room_in_queue=IN_QUEUE,
            limit_used_up=False,
            objections=lambda keys: against(keys, marks),
        )
        return retry, changed


class Endings:
    """Drawn ones first, then `last` for ever."""

    def __init__(self, drawn: Sequence[Outcome], last: Outcome) -> None:
        self._drawn, self._last = list(drawn), last
        self.outages = self._drawn.count("outage")

    def next(self) -> Outcome:
        return self._drawn.pop(0) if self._drawn else self._last


drawn = st.lists(st.sampled_from(OUTCOMES), max_size=20)
changes = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3)), max_size=6)


def play(outcomes: Endings, changes: Sequence[tuple[int, int]], *, asking: bool = True) -> Rounds:
    """The changes come in the first 26 rounds; in the last 40, nothing may be launched any more.

    After each outage the next probe waits half an hour at most.
    """
    world = Rounds(4)
    rounds = 140 + outcomes.outages * round(PROBE_WAIT_S / ROUND_S + 1)
    for number in range(rounds):
        for when, bucket in changes:
            if when == number:
                changed = world.buckets[f"{bucket:04d}"]
                changed.version += 1
                changed.authors += 1
                changed.written_at = world.now
        launched = world.round(outcomes, asking=asking)
        if number >= rounds - 40:
            assert launched == 0, f"round {number}"
    return world


@settings(max_examples=60)
@given(drawn, changes)
@example(
    ["one fails", "answers", "answers", "one fails", "one fails", "answers", "one fails"]
    + ["answers"] * 2
    + ["outage"],
    [(6, 1), (13, 0)],
)
@example(["outage", "answers"] + ["outage"] * 5, [])
def test_when_runs_answer_in_the_end_all_is_done_and_then_it_is_quiet(
    drawn: Sequence[Outcome], changes: Sequence[tuple[int, int]]
) -> None:
    world = play(Endings(drawn, "answers"), changes)
    for bucket in world.buckets.values():
        left_alone = bucket.launches[0].end == "cancelled"
        parked = len(bucket.launches) >= 3 and all(launch.end == "failed" for launch in bucket.launches[:3])
        assert left_alone or parked or (bucket.missing == 0 and bucket.summarized == bucket.version)


@settings(max_examples=40)
@given(
    st.lists(st.sampled_from([*OUTCOMES, "unusable"]), max_size=20),
    changes,
    st.sampled_from(["dies", "stillborn", "cancelled", "unusable"]),
    st.booleans(),
)
def test_however_runs_end_for_ever_nothing_is_launched_for_ever(
    drawn: Sequence[Outcome], changes: Sequence[tuple[int, int]], last: Outcome, asking: bool
) -> None:
    world = play(Endings(drawn, last), changes, asking=asking)
    assert sum(len(bucket.launches) for bucket in world.buckets.values()) <= 4 * 3 * (len(changes) + 2) + len(drawn)


@settings(max_examples=8)
@given(st.lists(st.sampled_from(OUTCOMES), max_size=8))
def test_an_outage_without_end_is_probed_ever_less_often(drawn: Sequence[Outcome]) -> None:
    world, outcomes = Rounds(4), Endings(drawn, "outage")
    launched = [world.round(outcomes) for _ in range(400)]
    assert sum(launched[-200:]) <= 200 * ROUND_S / PROBE_WAIT_S + 1


def test_of_a_model_of_no_use_three_runs_are_launched_whatever_the_number_of_buckets() -> None:
    world = Rounds(20)
    launched = [world.round(Endings([], "unusable")) for _ in range(60)]
    assert sum(launched) <= 3 + PER_TICK - 1


def test_an_author_who_fails_for_ever_is_given_up() -> None:
    world = play(Endings([], "one fails"), [])
    assert {bucket.attempts for bucket in world.buckets.values()} == {MAX_ATTEMPTS}


def test_a_person_s_run_after_the_change_is_known_by_its_time() -> None:
    world = Rounds(1)
    bucket = world.buckets["0000"]
    bucket.run("answers", None, world.now + 100)
    world.now += 200
    assert world.round(Endings([], "answers")) == 0
    bucket.version, bucket.written_at = 2, world.now  # a citation, say: nobody is missing
    assert [world.round(Endings([], "answers")) for _ in range(3)] == [1, 0, 0]

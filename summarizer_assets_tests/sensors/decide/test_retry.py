from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.run_records import PastRun
from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.provider_gate import Budget
from summarizer_assets.sensors.decide.retry import BucketState, Decision, Objections, decide

NOW = 1_000_000.0


def run(
    *, ago: float = 500.0, before: int = 10, after: int | None = 5, stop: str | None = None, died: bool = False
) -> PastRun:
    """A run that ended `ago` seconds before now."""
    return PastRun(
        run_id=f"run-{ago}",
        started_at=NOW - ago - 10,
        ended_at=None if died else NOW - ago,
        pending_before=before,
        pending_after=None if died else after,
        stop=stop,
    )


BRAKED = run(ago=10, before=5, after=5, stop="unusable")
REFUSED = run(ago=10, before=5, after=5, stop="outage")
IDLE = [run(ago=100.0 * n, before=5, after=5, stop="terminated") for n in (1, 2, 3)]
DEAD = [run(ago=100.0 * n, before=5, died=True) for n in (1, 2, 3)]

DONE = BucketState(
    bucket="0001",
    authors=100,
    summaries=95,
    failed=5,
    next_due_at=None,
    runs=[run(after=0)],
    in_flight=False,
    asked_for=True,
)
UNFINISHED = replace(DONE, summaries=90, runs=[run(after=5)])
DUE = replace(DONE, next_due_at=NOW - 1)
LATER = replace(DONE, next_due_at=NOW + 1)


def nothing(_: Sequence[str]) -> Mapping[str, Verdict]:
    """The orchestrator has nothing against a run of any bucket."""
    return {}


def cancelled(*buckets: str) -> Objections:
    return lambda asked: {bucket: Verdict.CANCELLED for bucket in asked if bucket in buckets}


def decided(
    *states: BucketState,
    now: float = NOW,
    most: int = 25,
    objections: Objections = nothing,
    unfinished_counts: bool = True,
    budget: Budget | None = None,
    room: int | None = None,
) -> Decision:
    return decide(
        states,
        now=now,
        runs_per_tick=most,
        objections=objections,
        unfinished_counts=unfinished_counts,
        budget=budget,
        room_in_queue=room,
    )


def verdict(state: BucketState, **options: bool) -> Verdict:
    decision = decided(state, **options)
    assert list(decision.run) == ([state.bucket] if decision.verdicts[state.bucket] is Verdict.RUN else [])
    return decision.verdicts[state.bucket]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        pytest.param(DONE, Verdict.DONE, id="everybody has a row"),
        pytest.param(replace(DONE, authors=90), Verdict.DONE, id="more rows than authors"),
        pytest.param(replace(DONE, authors=0), Verdict.RUN, id="all its authors vanished, their rows did not"),
        pytest.param(replace(DONE, authors=0, in_flight=True), Verdict.IN_FLIGHT, id="they are being removed"),
        pytest.param(replace(DONE, barred=True), Verdict.RUN, id="a summary of somebody who opted out"),
        pytest.param(UNFINISHED, Verdict.RUN, id="authors without a row"),
        pytest.param(replace(DONE, runs=[run(after=3)]), Verdict.RUN, id="the last run left outdated summaries"),
        pytest.param(replace(DONE, runs=[run(before=3, died=True)]), Verdict.RUN, id="the last run died"),
        pytest.param(
            replace(DONE, runs=[run(after=0), run(before=3, died=True)]), Verdict.DONE, id="an older one died"
        ),
        pytest.param(DUE, Verdict.RUN, id="a failure is due"),
        pytest.param(replace(DUE, next_due_at=NOW), Verdict.RUN, id="due just now"),
        pytest.param(LATER, Verdict.NOT_DUE, id="a failure is due later"),
        pytest.param(replace(UNFINISHED, in_flight=True), Verdict.IN_FLIGHT, id="at work"),
        pytest.param(replace(DONE, in_flight=True), Verdict.IN_FLIGHT, id="at work, as good as done"),
        pytest.param(replace(UNFINISHED, asked_for=False, runs=[]), Verdict.NOT_ASKED_FOR, id="never materialised"),
        pytest.param(replace(DUE, asked_for=False), Verdict.NOT_ASKED_FOR, id="due, yet never asked for"),
        pytest.param(replace(UNFINISHED, runs=IDLE), Verdict.PARKED, id="three runs without progress"),
        pytest.param(replace(UNFINISHED, runs=IDLE[:2]), Verdict.RUN, id="two runs without progress"),
        pytest.param(
            replace(UNFINISHED, runs=[run(ago=400, before=5, after=5, stop="outage"), *[run(before=0, after=0)] * 3]),
            Verdict.RUN,
            id="an outage after three retries of failures, which had nobody pending",
        ),
        pytest.param(replace(UNFINISHED, runs=[*IDLE[:2], run(before=9, after=5)]), Verdict.RUN, id="some progress"),
        pytest.param(replace(UNFINISHED, summaries=90, runs=DEAD), Verdict.PARKED, id="three runs died"),
        pytest.param(
            replace(
                UNFINISHED,
                summaries=91,
                runs=[replace(r, pending_before=n) for r, n in zip(DEAD, (4, 6, 8), strict=True)],
            ),
            Verdict.RUN,
            id="three runs died, each further on",
        ),
        pytest.param(
            replace(UNFINISHED, runs=IDLE, next_due_at=NOW - 1), Verdict.RUN, id="parked, but a failure is due"
        ),
        pytest.param(
            replace(UNFINISHED, runs=IDLE, next_due_at=NOW + 1), Verdict.PARKED, id="parked, a failure due later"
        ),
        pytest.param(replace(DUE, runs=DEAD), Verdict.PARKED, id="a failure is due, but each run dies"),
        pytest.param(replace(UNFINISHED, runs=[BRAKED]), Verdict.UNUSABLE, id="the model gave nothing usable"),
        pytest.param(replace(DUE, runs=[BRAKED]), Verdict.UNUSABLE, id="nothing usable, and a failure is due"),
        pytest.param(
            replace(UNFINISHED, runs=[replace(BRAKED, fingerprint="before")]),
            Verdict.RUN,
            id="another model gave nothing usable",
        ),
        pytest.param(
            replace(UNFINISHED, runs=[replace(BRAKED, fingerprint=f"{number}") for number in range(3)]),
            Verdict.RUN,
            id="three other models gave nothing usable",
        ),
        pytest.param(
            replace(UNFINISHED, runs=[run(ago=1), BRAKED]), Verdict.RUN, id="nothing usable came before the last run"
        ),
        pytest.param(replace(DONE, authors=0, runs=[BRAKED]), Verdict.RUN, id="nothing usable, and all vanished"),
        pytest.param(replace(DUE, runs=DEAD[:2]), Verdict.RUN, id="a failure is due and two runs died"),
    ],
)
def test_the_verdict_on_a_bucket(state: BucketState, expected: Verdict) -> None:
    assert verdict(state) is expected


def test_when_a_pilot_s_limit_is_used_up_only_due_failures_count() -> None:
    assert verdict(UNFINISHED, unfinished_counts=False) is Verdict.DONE
    assert verdict(replace(UNFINISHED, next_due_at=NOW + 1), unfinished_counts=False) is Verdict.NOT_DUE
    assert verdict(replace(UNFINISHED, next_due_at=NOW - 1), unfinished_counts=False) is Verdict.RUN


def test_a_bucket_that_a_person_cancelled_is_left_alone_and_takes_nobody_s_turn() -> None:
    emptiest, other = replace(UNFINISHED, summaries=0), replace(UNFINISHED, bucket="0002")
    decision = decided(emptiest, other, most=1, objections=cancelled("0001"))
    assert decision.run == ["0002"]
    assert decision.verdicts == {"0001": Verdict.CANCELLED, "0002": Verdict.RUN}


def test_only_buckets_that_would_run_are_looked_up_for_a_cancellation() -> None:
    asked: list[str] = []

    def objections(buckets: Sequence[str]) -> Mapping[str, Verdict]:
        asked.extend(buckets)
        return {}

    decided(DONE, replace(UNFINISHED, bucket="0002"), replace(LATER, bucket="0003"), objections=objections)
    assert asked == ["0002"]


def test_a_tick_starts_no_more_runs_than_allowed_the_emptiest_bucket_first() -> None:
    states = [replace(UNFINISHED, bucket=f"{n:04d}", summaries=90 - n % 3) for n in range(6)]
    decision = decided(*states, most=4)
    assert decision.run == ["0002", "0005", "0001", "0004"]
    assert [decision.verdicts[b] for b in ("0000", "0003")] == [Verdict.NEXT_TICK] * 2


# An outage: the runs that ended last, whatever their bucket, were all refused from outside.


def outage(refusals: int) -> list[BucketState]:
    """Three unfinished buckets, of whose runs the last `refusals` were refused, the very last one 10 s ago."""
    runs: list[list[PastRun]] = [[], [], []]
    for n in range(refusals):
        runs[n % 3].append(run(ago=10.0 + 100 * n, before=5, after=5, stop="quota"))
    for n in range(3):
        runs[n].append(run(ago=5000.0 + n, after=5))
    return [replace(UNFINISHED, bucket=f"{n:04d}", runs=past) for n, past in enumerate(runs)]


def probe_after(states: Sequence[BucketState], last_end: float) -> float:
    """Seconds after the last refusal until a probe starts; it is alone, and before it nothing starts."""
    for wait in range(0, 4000, 10):
        decision = decided(*states, now=last_end + wait)
        if decision.run:
            assert len(decision.run) == 1
            return wait
        assert set(decision.verdicts.values()) == {Verdict.OUTAGE}
    raise AssertionError("no probe ever starts")


def test_the_wait_for_the_next_probe_doubles_up_to_a_cap_while_every_probe_is_refused() -> None:
    states, end, waits = list(outage(1)), NOW - 10, []
    for number in range(8):
        waits.append(probe_after(states, end))
        end += waits[-1]
        refused = PastRun(f"probe-{number}", end, end, 5, 5, "outage")
        probed = decided(*states, now=end).run[0]
        # No more runs of a bucket are known than the state store is asked for.
        states = [replace(s, runs=[refused, *s.runs][:4]) if s.bucket == probed else s for s in states]
    assert waits == [60, 60, 120, 240, 480, 960, 1800, 1800]


def test_many_runs_refused_in_the_same_minute_are_one_outage_and_not_many() -> None:
    states = [
        replace(UNFINISHED, bucket=f"{n:04d}", runs=[run(ago=10.0 + n, before=5, after=5, stop="quota")])
        for n in range(20)
    ]
    assert probe_after(states, NOW - 10) == 60


def test_the_probe_goes_to_the_bucket_whose_last_run_is_the_longest_ago() -> None:
    decision = decided(*outage(2), now=NOW + 10_000)
    assert decision.run == ["0002"]
    assert decision.verdicts == {"0000": Verdict.OUTAGE, "0001": Verdict.OUTAGE, "0002": Verdict.RUN}


def test_while_a_probe_is_at_work_nothing_else_is_started() -> None:
    first, *others = outage(2)
    decision = decided(replace(first, in_flight=True), *others, now=NOW + 10_000)
    assert decision.run == []
    assert decision.verdicts["0001"] is Verdict.OUTAGE


def test_a_probe_is_not_wasted_on_a_cancelled_bucket() -> None:
    decision = decided(*outage(2), now=NOW + 10_000, objections=cancelled("0002"))
    assert decision.run == ["0001"]
    assert decision.verdicts["0002"] is Verdict.CANCELLED


def test_a_run_that_was_not_refused_ends_the_outage() -> None:
    states = outage(4)
    healed = replace(states[0], runs=[run(ago=1, after=5), *states[0].runs])
    assert len(decided(healed, *states[1:]).run) == 3


@pytest.mark.parametrize("stop", ["terminated", "too_many_failures", None])
def test_a_stop_of_the_bucket_s_own_is_no_outage(stop: str | None) -> None:
    states = [replace(UNFINISHED, bucket=b, runs=[run(ago=1, after=5, stop=stop)]) for b in ("0001", "0002")]
    assert len(decided(*states).run) == 2


def test_refused_runs_never_park_a_bucket() -> None:
    refused = [run(ago=4000.0 + n, before=5, after=5, stop="outage") for n in range(4)]
    assert decided(replace(UNFINISHED, runs=refused)).run == ["0001"]


past_runs = st.lists(
    st.builds(
        run,
        ago=st.floats(0, 5000),
        before=st.integers(0, 20),
        after=st.integers(0, 20),
        stop=st.sampled_from([None, None, "outage", "quota", "terminated"]),
        died=st.booleans(),
    ),
    max_size=4,
)
states = st.builds(
    BucketState,
    bucket=st.text("0123", min_size=4, max_size=4),
    authors=st.integers(0, 30),
    summaries=st.integers(0, 30),
    failed=st.integers(0, 30),
    next_due_at=st.sampled_from([None, NOW - 5, NOW + 5]),
    runs=past_runs,
    in_flight=st.booleans(),
    asked_for=st.booleans(),
)


@given(
    states=st.lists(states, max_size=8, unique_by=lambda state: state.bucket),
    most=st.integers(0, 4),
    held=st.sets(st.text("0123", min_size=4, max_size=4)),
)
def test_whatever_is_known_nothing_is_started_that_must_not_be(
    states: Sequence[BucketState], most: int, held: set[str]
) -> None:
    decision = decided(*states, most=most, objections=cancelled(*held))
    by_bucket = {state.bucket: state for state in states}
    assert decision.verdicts.keys() == by_bucket.keys()
    assert len(decision.run) <= max(most, 1)
    assert len(set(decision.run)) == len(decision.run)
    assert set(decision.run) == {bucket for bucket, said in decision.verdicts.items() if said is Verdict.RUN}
    for bucket in decision.run:
        state = by_bucket[bucket]
        assert state.asked_for or state.deserted
        assert not state.in_flight
        assert bucket not in held
        due = state.next_due_at is not None and state.next_due_at <= NOW
        assert state.pending > 0 or due or state.deserted


# Money and the queue.

BROKE = run(ago=10, before=5, after=5, stop="budget")


def budgeted(left: int, *runs: PastRun) -> Decision:
    states = [replace(UNFINISHED, bucket=f"{n:04d}", runs=runs) for n in range(3)]
    return decided(*states, now=NOW + 10_000, budget=Budget(cap=1000, gone=1000 - left, request=100))


def test_a_used_up_budget_is_waited_for_without_a_probe() -> None:
    decision = budgeted(99, BROKE)
    assert decision.run == []
    assert set(decision.verdicts.values()) == {Verdict.BUDGET}


def test_a_raised_budget_lets_a_probe_through_and_then_all() -> None:
    assert len(budgeted(100, BROKE).run) == 1
    assert len(budgeted(100, run(ago=1, after=5), BROKE).run) == 3


def test_what_little_is_left_of_a_budget_that_stopped_nobody_is_tried() -> None:
    assert len(budgeted(1, run(after=5)).run) == 3
    assert budgeted(0, run(after=5)).run == []


def test_a_bucket_of_vanished_authors_is_cleared_whatever_the_provider_says() -> None:
    deserted = replace(DONE, authors=0)
    refused = replace(UNFINISHED, bucket="0002", runs=[REFUSED])
    assert decided(deserted, refused).run == ["0001"]
    assert decided(deserted, budget=Budget(cap=10, gone=10, request=1)).run == ["0001"]


@pytest.mark.parametrize(("room", "started"), [(None, 6), (4, 4), (0, 0), (-3, 0)])
def test_the_queue_is_not_flooded(room: int | None, started: int) -> None:
    decision = decided(*(replace(UNFINISHED, bucket=f"{n:04d}") for n in range(6)), room=room)
    assert len(decision.run) == started
    assert list(decision.verdicts.values()).count(Verdict.QUEUE_FULL) == 6 - started


def test_thousands_of_cancelled_buckets_are_looked_up_by_the_batch() -> None:
    asked: list[int] = []

    def objections(buckets: Sequence[str]) -> Mapping[str, Verdict]:
        asked.append(len(buckets))
        return dict.fromkeys(buckets, Verdict.CANCELLED)

    decided(*(replace(UNFINISHED, bucket=f"{n:04d}") for n in range(1000)), objections=objections)
    assert asked == [50] * 20


def braked(ago: float, fingerprint: str = "now") -> PastRun:
    return replace(run(ago=ago, before=5, after=5, stop="unusable"), fingerprint=fingerprint)


@pytest.mark.parametrize(
    ("runs", "busy", "started"),
    [
        pytest.param([braked(10)], False, 1, id="one got nothing"),
        pytest.param([braked(10), braked(20)], False, 1, id="two got nothing"),
        pytest.param([braked(10), braked(20), braked(30)], False, 0, id="three got nothing"),
        pytest.param([braked(10)], True, 0, id="one is being tried"),
        pytest.param([braked(10), braked(20, "before"), braked(30, "before")], False, 1, id="also after a change"),
        pytest.param([run(ago=5), braked(10), braked(20), braked(30)], False, 3, id="then one brought summaries"),
        pytest.param([run(ago=5, stop="outage"), braked(10)], False, 0, id="then the provider was out"),
    ],
)
def test_while_the_last_runs_got_nothing_usable_the_other_buckets_are_tried_one_by_one(
    runs: Sequence[PastRun], busy: bool, started: int
) -> None:
    tried = [replace(DONE, bucket=f"t{number}", runs=[one], in_flight=busy) for number, one in enumerate(runs)]
    others = [replace(UNFINISHED, bucket=f"o{number}", runs=[run(ago=900)]) for number in range(3)]
    decision = decide(
        [*tried, *others], now=NOW, runs_per_tick=25, objections=nothing, probe_wait_s=60, fingerprint="now"
    )
    told = [verdict for bucket, verdict in sorted(decision.verdicts.items()) if bucket[0] == "o"]
    waits = Verdict.OUTAGE if runs[0].refused else Verdict.UNUSABLE_ELSEWHERE
    assert told == [Verdict.RUN] * started + [waits] * (3 - started)


def test_after_a_change_one_bucket_shows_whether_it_helped() -> None:
    states = [replace(UNFINISHED, bucket=f"{number}", runs=[braked(10 * number + 10, "before")]) for number in range(5)]
    decision = decide(states, now=NOW, runs_per_tick=25, objections=nothing, fingerprint="now")
    assert len(decision.run) == 1


IN_JOB = replace(UNFINISHED, in_batch=True, batch_authors=2, runs=[run(ago=10, before=5, after=5, stop="in_batch")])
OUT = [run(ago=10_000, before=5, after=5, stop="outage")]


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        (IN_JOB, Verdict.WAITING),
        (replace(IN_JOB, runs=[run(ago=90_000, stop="in_batch")]), Verdict.WAITING),
        (replace(IN_JOB, batch_for_us=True), Verdict.WAITING),
        (replace(IN_JOB, batch_for_us=True, runs=[run(ago=900, stop="in_batch")]), Verdict.RUN),
        (replace(IN_JOB, batch_for_us=True, runs=[run(died=True, stop="in_batch")]), Verdict.RUN),
        (replace(IN_JOB, in_flight=True), Verdict.IN_FLIGHT),
        (replace(IN_JOB, next_due_at=NOW - 1), Verdict.WAITING),
        (replace(IN_JOB, runs=OUT), Verdict.RUN),  # others than those in the job were asked online, and not reached
        (replace(IN_JOB, runs=OUT, batch_authors=5), Verdict.WAITING),
    ],
)
def test_a_bucket_with_a_batch_job_is_left_to_it_unless_a_run_has_the_next_step(state, verdict):
    assert decided(state).verdicts["0001"] is verdict


def test_runs_that_ended_for_a_batch_job_are_no_runs_without_progress():
    idle = [run(ago=1000.0 * n, before=5, after=5, stop="in_batch") for n in (1, 2, 3, 4)]
    assert decided(replace(UNFINISHED, runs=idle)).verdicts["0001"] is Verdict.RUN
    assert not idle[0].refused, "the provider did its part"

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.sensors.decide.launches import End
from summarizer_assets.sensors.decide.reingest import TRIES, Ingest, Memory, SourceVerdict, judge

NOW, SETTLE = 1_000_000.0, 60.0
KNOWN = Memory("new", NOW - 100, "old")


def judged(
    *ingests: Ingest, memory: Memory = KNOWN, changed_at: float = NOW - 5000, atomic: bool = True, state: str = "new"
) -> SourceVerdict:
    verdict, _ = judge(
        state, changed_at=changed_at, atomic=atomic, memory=memory, ingests=ingests, now=NOW, settle_s=SETTLE
    )
    return verdict


def ingest(end: End, ago: float = 300.0, found: str | None = "new") -> Ingest:
    return Ingest(end, NOW - ago, found)


FAILED = ingest("failed", 4000)


@pytest.mark.parametrize(
    ("ingests", "verdict"),
    [
        pytest.param([], SourceVerdict.READ, id="never ingested"),
        pytest.param([ingest("under way")], SourceVerdict.UNDER_WAY, id="an ingest is under way"),
        pytest.param([ingest("under way", found=None)], SourceVerdict.UNDER_WAY, id="somebody else's, too"),
        pytest.param([ingest("succeeded")], SourceVerdict.UNCHANGED, id="read"),
        pytest.param([ingest("succeeded", 50, None)], SourceVerdict.UNCHANGED, id="read by a person since it was seen"),
        pytest.param([ingest("succeeded", 150, None)], SourceVerdict.READ, id="a person's ingest was before it"),
        pytest.param([ingest("succeeded", 20, "old")], SourceVerdict.UNCHANGED, id="changed while it was launched"),
        pytest.param([ingest("failed")], SourceVerdict.TRIED, id="it failed just now"),
        pytest.param([ingest("failed", 700)], SourceVerdict.READ, id="it failed a while ago"),
        pytest.param([ingest("failed", 700), FAILED], SourceVerdict.TRIED, id="failed twice: it waits longer"),
        pytest.param([FAILED] * TRIES, SourceVerdict.GIVEN_UP, id="failed thrice"),
        pytest.param([ingest("failed", found="old")] * TRIES, SourceVerdict.READ, id="an older state failed"),
        pytest.param([ingest("refused", 9000)], SourceVerdict.REFUSED, id="refused: it waits for a yes"),
        pytest.param([ingest("refused", found="old")], SourceVerdict.READ, id="an older state was refused"),
        pytest.param([ingest("cancelled", 9000)], SourceVerdict.CANCELLED, id="cancelled by a person"),
    ],
)
def test_what_becomes_of_a_changed_table(ingests: Sequence[Ingest], verdict: SourceVerdict) -> None:
    assert judged(*ingests) is verdict


def test_files_are_read_when_they_have_stayed_as_they_are() -> None:
    assert judged(atomic=False, memory=Memory("new", NOW - 59, "old")) is SourceVerdict.SETTLING
    assert judged(atomic=False, memory=Memory("new", NOW - 60, "old")) is SourceVerdict.READ
    assert judged(atomic=False, memory=Memory("half", NOW - 600, "old")) is SourceVerdict.SETTLING


def test_a_table_with_a_commit_a_second_is_not_read_all_the_time() -> None:
    assert judged(ingest("succeeded", 30, "older"), memory=Memory("new", NOW - 10, "older")) is SourceVerdict.SETTLING


def test_at_the_first_look_the_source_s_own_time_tells_whether_it_was_read() -> None:
    by_hand = ingest("succeeded", 1000, None)
    assert judged(by_hand, memory=Memory(), changed_at=NOW - 2000) is SourceVerdict.UNCHANGED
    assert judged(by_hand, memory=Memory(), changed_at=NOW - 900) is SourceVerdict.READ
    assert judged(memory=Memory(), changed_at=NOW - 2000) is SourceVerdict.READ


@settings(max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.booleans()), max_size=5),
    st.lists(st.sampled_from(["succeeded", "failed", "cancelled"]), max_size=12),
    st.sampled_from(["succeeded", "failed", "cancelled"]),
    st.booleans(),
)
def test_each_state_of_the_source_is_tried_three_times_at_most(
    changes: Sequence[tuple[int, bool]], ends: list[End], last: End, atomic: bool
) -> None:
    now, state, memory = NOW, 0, Memory()
    runs: list[Ingest] = []
    changed_at = NOW
    for number in range(250):
        now += 60
        for when, back in changes:
            if when == number:  # a restored table is in a state that was there before
                state, changed_at = (0 if back else state + 1), now
        verdict, memory = judge(
            str(state),
            changed_at=changed_at,
            atomic=atomic,
            memory=memory,
            ingests=runs[:50],
            now=now,
            settle_s=SETTLE,
        )
        if verdict is SourceVerdict.READ:
            assert number < 180, "still launched though nothing changed for hours"
            runs.insert(0, Ingest(ends.pop(0) if ends else last, now, str(state)))
    assert all(sum(run.found == str(one) for run in runs) <= TRIES for one in range(7))
    assert len(runs) <= TRIES * (len(changes) + 1)
    if runs and runs[0].end == "succeeded" and not changes:
        assert memory.read == str(state)

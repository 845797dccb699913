"""Attempts under several prompts: counted for each, ended for each, whoever's row stands in the table."""

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.authors.earlier_attempts import NOTHING_TRIED, TRIED, kept_of
from summarizer_assets.core.authors.retry_policy import RetryPolicy
from summarizer_assets.core.authors.work_plan import Identity, plan_bucket
from summarizer_assets.core.records import FAILURES, SUMMARIES

START = datetime(2026, 1, 1, tzinfo=UTC)
POLICY = RetryPolicy(max_attempts=3, first_wait_s=60)
NO_SUMMARIES = pl.DataFrame(schema={**SUMMARIES})


def authors(content: str) -> pl.DataFrame:
    row = {"author_id": "1", "author_name": "A", "text": "t", "content_hash": content, "tokens": 9, "empty": False}
    return pl.DataFrame([row | {"bucket": "0000"}])


def failed(identity: Identity, content: str, attempts: int, now: datetime) -> pl.DataFrame:
    wait = POLICY.next_due_s(attempts, retryable=True)
    row = {
        "author_id": "1",
        "bucket": "0000",
        "content_hash": content,
        "prompt_version": identity.prompt_version,
        "model": identity.model,
        "reason": "refusal",
        "retryable": True,
        "attempts": attempts,
        "first_failed_at": now,
        "last_failed_at": now,
        "next_retry_at": None if wait is None else now + timedelta(seconds=wait),
    }
    return pl.DataFrame([{name: row.get(name) for name in FAILURES}], schema=FAILURES)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([1, 120, 4000, 90_000])), min_size=1, max_size=60),
    st.booleans(),
)
def test_however_installations_take_turns_each_prompt_s_attempts_end_and_none_is_cut_short(
    turns: list[tuple[int, int]], retried_without_end: bool
) -> None:
    """Each turn: which of three prompts runs, and how many seconds after the last one. The author always fails."""
    now, failures, tried = START, pl.DataFrame(schema=FAILURES), NOTHING_TRIED
    asked: dict[int, int] = {}
    due: dict[int, datetime | None] = {}
    turns = turns + [(number, 90_000) for _ in range(6) for number in range(3)] if retried_without_end else turns
    for number, seconds in turns:
        now += timedelta(seconds=seconds)
        identity = Identity(f"prompt{number}", "m")
        plan = plan_bucket(
            authors("c"), NO_SUMMARIES, failures, identity=identity, excluded=frozenset(), now=now, tried=tried
        )
        assert plan.current == 0
        is_due = asked.get(number, 0) == 0 or (due[number] is not None and due[number] <= now)  # type: ignore[operator]
        assert plan.todo.height == is_due
        if not plan.todo.height:
            assert plan.failures.equals(failures)
            continue
        assert plan.todo["attempts"].item() == asked.get(number, 0)
        asked[number] = asked.get(number, 0) + 1
        after = failed(identity, "c", asked[number], now)
        due[number] = after["next_retry_at"].item()
        tried, failures = kept_of(tried, failures, after), after
        assert tried.height == len(asked) - 1
    assert max(asked.values()) <= POLICY.max_attempts
    if retried_without_end:
        assert set(asked.values()) == {POLICY.max_attempts}


def test_a_changed_record_is_tried_anew_and_what_was_known_of_the_old_one_is_let_go() -> None:
    one, other = Identity("one", "m"), Identity("other", "m")
    first, second = failed(one, "old", 3, START), failed(other, "old", 1, START)
    tried = kept_of(NOTHING_TRIED, first, second)
    assert tried.select("prompt_version", "attempts").rows() == [("one", 3)]
    plan = plan_bucket(authors("new"), NO_SUMMARIES, second, identity=one, excluded=frozenset(), now=START, tried=tried)
    assert plan.todo["attempts"].item() == 0
    assert kept_of(tried, second, failed(one, "new", 1, START)).is_empty()
    assert kept_of(tried, second, second.clear()).is_empty()
    assert kept_of(tried, second, second).equals(tried)
    assert tried.schema == TRIED

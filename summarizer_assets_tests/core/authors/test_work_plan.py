from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.authors.redrive import Choice, Redrive, Resummarize, moment_of
from summarizer_assets.core.authors.retry_policy import RetryPolicy
from summarizer_assets.core.authors.work_plan import Identity, Plan, plan_bucket
from summarizer_assets.core.records import FAILURES, SUMMARIES, FailureReason

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
OURS, OTHERS = Identity("p1", "m1"), Identity("p0", "m0")
_AUTHORS = {
    "author_id": pl.String,
    "author_name": pl.String,
    "text": pl.String,
    "content_hash": pl.String,
    "tokens": pl.Int64,
    "empty": pl.Boolean,
    "bucket": pl.String,
}
_HELD = {name: SUMMARIES[name] for name in ("author_id", "content_hash", "prompt_version", "model", "summarized_at")}


@dataclass(frozen=True)
class State:
    """What is known of one author: in the source (`hash`), as a summary (`held`), as a failure."""

    hash: str | None
    held: str | None = None
    failed: str | None = None  # the content hash that failed
    identity: Identity = OURS
    retryable: bool = True
    due_in_s: float | None = 0
    attempts: int = 1
    empty: bool = False
    excluded: bool = False
    age_days: float = 1  # of the summary


def failure(author_id: str, state: State) -> dict[str, Any]:
    return {
        "author_id": author_id,
        "bucket": "0001",
        "content_hash": state.failed,
        "prompt_version": state.identity.prompt_version,
        "model": state.identity.model,
        "reason": "bad_json",
        "retryable": state.retryable,
        "attempts": state.attempts,
        "first_failed_at": NOW - timedelta(days=1),
        "last_failed_at": NOW - timedelta(hours=1),
        "next_retry_at": None if state.due_in_s is None else NOW + timedelta(seconds=state.due_in_s),
    }


@dataclass
class Bucket:
    authors: pl.DataFrame
    summaries: pl.DataFrame
    failures: pl.DataFrame
    excluded: frozenset[str]

    def plan(
        self,
        identity: Identity = OURS,
        now: datetime = NOW,
        retry_all: bool = False,
        choice: Choice | None = None,
        **options: bool | pl.DataFrame,
    ) -> Plan:
        return plan_bucket(
            self.authors,
            self.summaries,
            self.failures,
            identity=identity,
            excluded=self.excluded,
            now=now,
            choice=choice or Choice(retry_all=retry_all),
            **options,
        )


def bucket_of(states: dict[str, State]) -> Bucket:
    authors = [
        (a, f"Name {a}", f"text {s.hash}", s.hash, 10, s.empty, "0001") for a, s in states.items() if s.hash is not None
    ]
    return Bucket(
        pl.DataFrame(authors, schema=_AUTHORS, orient="row"),
        pl.DataFrame(
            [
                (a, s.held, s.identity.prompt_version, s.identity.model, NOW - timedelta(days=s.age_days))
                for a, s in states.items()
                if s.held is not None
            ],
            schema=_HELD,
            orient="row",
        ),
        pl.DataFrame([failure(a, s) for a, s in states.items() if s.failed is not None], schema=FAILURES),
        frozenset(a for a, s in states.items() if s.excluded),
    )


def todo(plan: Plan) -> list[str]:
    return plan.todo["author_id"].to_list()


def standing(plan: Plan) -> dict[str, str]:
    return dict(plan.failures.select("author_id", "reason").rows())


states = st.builds(
    State,
    hash=st.sampled_from([None, "h1", "h1", "h2"]),
    held=st.sampled_from([None, "h1", "h2"]),
    failed=st.sampled_from([None, None, "h1", "h2"]),
    identity=st.sampled_from([OURS, OTHERS]),
    retryable=st.booleans(),
    due_in_s=st.sampled_from([None, -60.0, 0.0, 60.0]),
    empty=st.sampled_from([False, False, True]),
    excluded=st.sampled_from([False, False, True]),
)
buckets = st.dictionaries(st.text("abcxyz", min_size=1, max_size=2), states, max_size=8)


@settings(max_examples=60, deadline=None)
@given(states=buckets, retry_all=st.booleans())
def test_every_author_is_in_exactly_one_place(states: dict[str, State], retry_all: bool) -> None:
    bucket = bucket_of(states)
    plan = bucket.plan(retry_all=retry_all)
    live = {a: s for a, s in states.items() if s.hash is not None}
    failed, unresolved = set(plan.failures["author_id"]), set(plan.unresolved["author_id"])
    current = {a for a, s in live.items() if s.held == s.hash and not (s.empty or s.excluded)}
    assert plan.failures.height == len(failed)
    assert plan.todo.height == len(set(todo(plan)))
    assert current | failed | unresolved == live.keys()
    assert len(current) + len(failed) + len(unresolved) == plan.authors == len(live)
    assert plan.current == len(current)
    assert plan.failures.schema == FAILURES
    # Whoever is skipped by rule is never asked, and no summary of theirs, or of who is gone, stays; nor does an
    # outdated one of an author whose failure under the new content stands.
    skipped = {a for a, s in live.items() if s.empty or s.excluded}
    assert not skipped & set(todo(plan))
    replaced = failed - set(todo(plan))
    assert plan.removed == {a for a, s in states.items() if s.held and (a in skipped | replaced or a not in live)}


@settings(max_examples=60, deadline=None)
@given(states=buckets, fails=st.sets(st.text("abcxyz", min_size=1, max_size=2)))
def test_a_plan_that_was_carried_out_leaves_nothing_to_do(states: dict[str, State], fails: set[str]) -> None:
    """Some of those asked fail, for good or with a wait; the others are answered."""
    bucket = bucket_of(states)
    plan = bucket.plan()
    hashes = dict(plan.todo.select("author_id", "content_hash").rows())
    failed = {a: h for a, h in hashes.items() if a in fails}
    outdated = set(plan.todo.filter("outdated")["author_id"])
    new = pl.DataFrame([failure(a, State(h, failed=h, due_in_s=60)) for a, h in failed.items()], schema=FAILURES)
    answered = {a: h for a, h in hashes.items() if a not in failed}
    gone = plan.removed | set(answered) | (outdated & failed.keys())
    after = Bucket(
        bucket.authors,
        pl.concat(
            [
                bucket.summaries.filter(~pl.col("author_id").is_in(list(gone))),
                pl.DataFrame(
                    [(a, h, OURS.prompt_version, OURS.model, NOW) for a, h in answered.items()],
                    schema=bucket.summaries.schema,
                    orient="row",
                ),
            ]
        ),
        pl.concat([plan.failures.filter(~pl.col("author_id").is_in(list(hashes))), new]).sort("author_id"),
        bucket.excluded,
    )
    again = after.plan(now=NOW + timedelta(seconds=1))
    assert todo(again) == []
    assert again.removed == frozenset()
    assert again.failures.equals(after.failures)
    assert again.unresolved.height == 0
    assert again.current == after.summaries.height


@settings(max_examples=40, deadline=None)
@given(states=buckets)
def test_a_plan_depends_on_no_order_of_rows(states: dict[str, State]) -> None:
    bucket, mixed = bucket_of(states), bucket_of(dict(reversed(states.items())))
    first, second = bucket.plan(), mixed.plan()
    assert first.todo.equals(second.todo)
    assert first.failures.equals(second.failures)
    assert first.removed == second.removed


FAILED = State("h", failed="h")


@pytest.mark.parametrize(
    ("state", "asked"),
    [
        (State("h"), True),
        (State("h", held="h"), False),
        (State("h2", held="h1"), True),
        (replace(FAILED, due_in_s=0), True),
        (replace(FAILED, due_in_s=1), False),
        (replace(FAILED, due_in_s=None), False),
        (replace(FAILED, retryable=False), False),
        (replace(FAILED, retryable=False, identity=OTHERS), True),
        (replace(FAILED, due_in_s=1, identity=Identity("p1", "m0")), True),
        (replace(FAILED, due_in_s=1, identity=Identity("p0", "m1")), True),
        (replace(FAILED, failed="h0", retryable=False), True),
        (replace(FAILED, held="h", due_in_s=0), False),
        (State("h", empty=True), False),
        (State("h", excluded=True), False),
        (State(None, held="h"), False),
    ],
)
def test_who_is_asked(state: State, asked: bool) -> None:
    assert todo(bucket_of({"a": state}).plan()) == (["a"] if asked else [])


@pytest.mark.parametrize(
    ("state", "asked"),
    [
        (replace(FAILED, due_in_s=1), True),
        (replace(FAILED, due_in_s=None, attempts=99), True),
        (replace(FAILED, retryable=False), False),
        (State("h", held="h"), False),
        (State("h", excluded=True), False),
    ],
)
def test_retry_all_asks_what_may_succeed_and_nothing_else(state: State, asked: bool) -> None:
    assert todo(bucket_of({"a": state}).plan(retry_all=True)) == (["a"] if asked else [])


def test_an_author_asked_again_keeps_the_attempts_of_this_very_question_only() -> None:
    states = {
        "mine": replace(FAILED, attempts=3),
        "other": replace(FAILED, attempts=3, identity=OTHERS),
        "changed": replace(FAILED, attempts=3, failed="h0"),
    }
    plan = bucket_of(states).plan()
    assert dict(plan.todo.select("author_id", "attempts").rows()) == {"mine": 3, "other": 0, "changed": 0}
    first = dict(plan.todo.select("author_id", "first_failed_at").rows())
    assert first == {"mine": NOW - timedelta(days=1), "other": None, "changed": None}


def test_only_a_summary_of_older_content_is_outdated() -> None:
    plan = bucket_of({"new": State("h"), "changed": State("h2", held="h1")}).plan()
    assert dict(plan.todo.select("author_id", "outdated").rows()) == {"new": False, "changed": True}


def test_a_failure_stands_until_its_author_was_asked_and_ends_with_a_summary() -> None:
    plan = bucket_of({"due": FAILED, "answered": replace(FAILED, held="h"), "gone": replace(FAILED, hash=None)}).plan()
    assert standing(plan) == {"due": "bad_json"}
    assert todo(plan) == ["due"]


def test_who_is_excluded_or_empty_is_a_failure_by_rule_and_loses_summary_and_old_failure() -> None:
    states = {
        "out": replace(FAILED, held="h", excluded=True),
        "empty": replace(FAILED, held="h", empty=True),
        "both": State("h", excluded=True, empty=True),
    }
    plan = bucket_of(states).plan()
    assert standing(plan) == {"out": "excluded", "empty": "no_papers", "both": "excluded"}
    assert plan.removed == {"out", "empty"}
    rows = plan.failures.to_dicts()
    assert all(row["detail"] == FailureReason(row["reason"]).meaning for row in rows)
    assert all(
        (row["attempts"], row["retryable"], row["next_retry_at"], row["model"]) == (0, False, None, None)
        for row in rows
    )
    assert all(row["bucket"] == "0001" for row in rows)


def test_a_skipped_author_s_row_keeps_its_first_time_and_a_new_prompt_rewrites_nothing() -> None:
    bucket = bucket_of({"out": State("h", excluded=True), "empty": State("h", empty=True)})
    bucket.failures = bucket.plan().failures
    later = bucket.plan(identity=OTHERS, now=NOW + timedelta(days=30))
    assert later.failures.equals(bucket.failures)


def test_who_is_no_longer_excluded_is_asked() -> None:
    bucket = bucket_of({"a": State("h", excluded=True)})
    bucket.failures, bucket.excluded = bucket.plan().failures, frozenset()
    assert todo(bucket.plan()) == ["a"]


def test_who_failed_under_older_content_is_pending_until_asked() -> None:
    plan = bucket_of({"a": State("new", failed="old", retryable=False, due_in_s=None)}).plan()

    assert todo(plan) == ["a"]
    assert standing(plan) == {}
    assert plan.unresolved["author_id"].to_list() == ["a"]


def test_rows_of_authors_gone_from_the_source_go_or_are_kept_as_set() -> None:
    bucket = bucket_of(
        {"s": State(None, held="h"), "f": State(None, failed="h", due_in_s=0), "a": State("h", held="h")}
    )
    plan = bucket.plan()
    assert (plan.removed, plan.failures.height, plan.authors, plan.current) == ({"s"}, 0, 1, 1)
    kept = bucket.plan(keep_removed=True)
    assert (kept.removed, standing(kept), todo(kept)) == (frozenset(), {"f": "bad_json"}, [])
    assert kept.current == 1


def test_a_bucket_without_authors_is_cleared() -> None:
    plan = bucket_of({"s": State(None, held="h"), "f": State(None, failed="h")}).plan()
    assert (plan.authors, plan.removed, plan.failures.height, plan.todo.height) == (0, {"s"}, 0, 0)


def test_the_wait_before_a_retry_doubles_up_to_a_cap_and_ends_with_the_attempts() -> None:
    policy = RetryPolicy(max_attempts=6, first_wait_s=300, longest_wait_s=3000)
    waits = [policy.next_due_s(attempts, retryable=True) for attempts in range(1, 8)]
    assert waits == [300, 600, 1200, 2400, 3000, None, None]
    assert policy.next_due_s(1, retryable=False) is None


REDRIVES = st.builds(
    Redrive,
    reasons=st.sampled_from([frozenset(), frozenset({"bad_json"}), frozenset({"refusal"})]),
    authors=st.sampled_from([frozenset(), frozenset({"a", "b"})]),
)
RESUMMARIES = st.builds(
    Resummarize,
    prompt_versions=st.sampled_from([frozenset(), frozenset({"p0"})]),
    models=st.sampled_from([frozenset(), frozenset({"m1"})]),
    authors=st.sampled_from([frozenset(), frozenset({"a", "x"})]),
    before=st.sampled_from([None, NOW - timedelta(hours=12), NOW - timedelta(days=2)]),
    other_identity=st.booleans(),
)


@settings(max_examples=80, deadline=None)
@given(states=buckets, redrive=REDRIVES, resummarize=RESUMMARIES)
def test_a_choice_adds_authors_to_ask_and_moves_nobody(states, redrive, resummarize) -> None:
    bucket = bucket_of(states)
    plain, chosen = bucket.plan(), bucket.plan(choice=Choice(redrive=redrive, resummarize=resummarize))
    assert set(todo(plain)) <= set(todo(chosen))
    assert len(todo(chosen)) == len(set(todo(chosen)))
    # Who has a summary of the current content, or a failure that stands, has it still.
    assert (chosen.current, chosen.authors) == (plain.current, plain.authors)
    assert chosen.failures.equals(plain.failures)
    assert chosen.removed <= plain.removed
    renewed = set(chosen.todo.filter(pl.col("has_summary") & ~pl.col("outdated"))["author_id"])
    held = bucket.summaries.filter(resummarize.summaries(OURS.prompt_version, OURS.model))
    assert renewed == {
        a for a in held["author_id"] if states[a].held == states[a].hash and not (states[a].empty or states[a].excluded)
    }
    driven = bucket.failures.filter(redrive.failures)["author_id"]
    added = set(todo(chosen)) - set(todo(plain)) - renewed
    assert added <= set(driven)
    for a in driven:
        state = states[a]
        if state.hash == state.failed and state.held != state.hash and not (state.empty or state.excluded):
            assert a in todo(chosen)


@pytest.mark.parametrize(
    ("resummarize", "asked"),
    [
        pytest.param(Resummarize(), [], id="without a filter nobody"),
        pytest.param(Resummarize(other_identity=True), ["old"], id="of another prompt or model"),
        pytest.param(Resummarize(prompt_versions=frozenset({"p0"})), ["old"], id="by prompt"),
        pytest.param(Resummarize(models=frozenset({"m1"})), ["aged", "new"], id="by model"),
        pytest.param(Resummarize(before=NOW - timedelta(days=30)), ["aged"], id="by age"),
        pytest.param(
            Resummarize(models=frozenset({"m1"}), authors=frozenset({"new", "old"})),
            ["new"],
            id="all filters must hold",
        ),
    ],
)
def test_summaries_are_chosen_by_prompt_model_age_and_author(resummarize, asked) -> None:
    bucket = bucket_of(
        {
            "old": State("h1", held="h1", identity=OTHERS),
            "aged": State("h1", held="h1", age_days=90),
            "new": State("h1", held="h1"),
        }
    )
    assert todo(bucket.plan(choice=Choice(resummarize=resummarize))) == asked


@pytest.mark.parametrize(("reason", "complaint"), [("excluded", "no request is made"), ("bad_jsn", "unknown reason")])
def test_only_reasons_that_a_request_can_mend_are_driven_again(reason, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        Redrive(reasons=frozenset({reason}))


def test_a_failure_that_is_never_retried_by_itself_is_asked_when_a_person_names_it() -> None:
    bucket = bucket_of({"a": State("h1", failed="h1", retryable=False, due_in_s=None, attempts=9)})
    assert todo(bucket.plan(retry_all=True)) == []
    assert todo(bucket.plan(choice=Choice(redrive=Redrive(authors=frozenset({"a"}))))) == ["a"]


@pytest.mark.parametrize(
    ("hours", "replaces", "taken"),
    [(-1.0, True, False), (0.0, True, False), (1.0, True, True), (1.0, False, False)],
)
def test_an_answer_left_to_replace_a_summary_is_taken_when_it_is_newer(hours, replaces, taken) -> None:
    at = NOW - timedelta(days=1) + timedelta(hours=hours)
    schema = {**dict.fromkeys(("author_id", "content_hash"), pl.String), "answered_at": SUMMARIES["summarized_at"]}
    schema["replaces"] = pl.Boolean
    answered = pl.DataFrame([("a", "h1", at, replaces)], schema=schema, orient="row")
    assert todo(bucket_of({"a": State("h1", held="h1")}).plan(answered=answered)) == (["a"] if taken else [])


@pytest.mark.parametrize("text", ["2026-01-01T00:00:00", "2026-01-01T01:00+01:00", "2026-01-01", "2026-01-01T00Z"])
def test_a_moment_is_read_with_its_zone_and_as_utc_without_one(text) -> None:
    assert moment_of(text) == datetime(2026, 1, 1, tzinfo=UTC)


def test_what_is_no_moment_is_refused_with_an_example() -> None:
    with pytest.raises(ValueError, match=r"before='yesterday' is no moment; write it as in 2026"):
        moment_of("yesterday")


def test_who_left_the_source_and_opted_out_goes_though_others_who_left_are_kept() -> None:
    bucket = bucket_of({"a": State(None, held="h1", excluded=True), "b": State(None, held="h1"), "c": State("h1")})
    assert bucket.plan(keep_removed=True).removed == {"a"}


def test_failures_chosen_before_they_are_due_count_as_work_and_due_ones_do_not() -> None:
    later = State("h1", failed="h1", due_in_s=3600)
    bucket = bucket_of({"later": later, "due": State("h1", failed="h1", due_in_s=0)})
    plan = bucket.plan(choice=Choice(redrive=Redrive(reasons=frozenset({"bad_json"}))))
    assert (todo(plan), plan.wanted, plan.unresolved.height) == (["due", "later"], 1, 0)
    failed_since = Choice(redrive=Redrive(frozenset({"bad_json"}), failed_before=NOW - timedelta(hours=2)))
    assert todo(bucket.plan(choice=failed_since)) == ["due"]

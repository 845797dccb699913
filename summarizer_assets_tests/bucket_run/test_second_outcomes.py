"""Outcomes of two models, broken off anywhere: what the journal gives back is what was reported, each author once."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.bucket_run.journal_records import RunFacts, Todo
from summarizer_assets.bucket_run.results import Outcomes
from summarizer_assets.core.answers.reply import Reading
from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.authors.remedies import FOR_A_SECOND_MODEL
from summarizer_assets.core.authors.retry_policy import RetryPolicy
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.judging.judge import UNJUDGED
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.outcome import Answer, Failed
from summarizer_assets.core.records import FailureReason
from summarizer_assets.storage.journal import replay

AUTHORS = 6
FACTS = RunFacts("0000", "run", Identity("p", "first"), None, RetryPolicy(5, 300), second_model="second")
REASONS = st.sampled_from([reason for reason in FailureReason if not reason.skipped])
#: What the first model did of an author, and then the second: answered, failed so, or nothing yet.
FATES = st.one_of(
    st.just((None, None)),
    st.tuples(REASONS, st.one_of(st.none(), st.just("answered"), REASONS)),
)


def todo(has_summary: list[bool]) -> Todo:
    many: dict[str, Any] = {
        "ids": [str(place) for place in range(AUTHORS)],
        "names": [None] * AUTHORS,
        "texts": ["text"] * AUTHORS,
        "hashes": ["content"] * AUTHORS,
        "tokens": [10] * AUTHORS,
        "attempts": [0] * AUTHORS,
        "first_failed_at": [None] * AUTHORS,
        "has_summary": has_summary,
        "outdated": has_summary,
        "asked_before": has_summary,
        "driven": [False] * AUTHORS,
        "second_model": [None] * AUTHORS,
        "second_reason": [None] * AUTHORS,
    }
    return Todo(**many)


def answer(position: int) -> Answer:
    reading = Reading([(str(position), "A summary.", UNJUDGED)], {}, {}, Told(None, None, None, None), "m")
    return Answer([position], reading, None, Usage(1, 1))


def state(outcomes: Outcomes) -> tuple[Any, ...]:
    """Who is where, and what is left for the second model."""
    rows = outcomes.failures().frame.sort("author_id").drop("last_failed_at", "first_failed_at", "next_retry_at")
    return outcomes.open_positions(), outcomes.tally.answered, rows.to_dicts(), outcomes.for_second()


def opened(folder: Path, has_summary: list[bool]) -> Outcomes:
    outcomes = Outcomes(todo(has_summary), FACTS, folder, 1.0)
    outcomes.replay(replay(folder).records)
    return outcomes


@given(st.lists(FATES, min_size=AUTHORS, max_size=AUTHORS), st.lists(st.booleans(), min_size=AUTHORS), st.data())
def test_at_any_point_a_dead_run_is_taken_up_where_it_was_as_often_as_it_dies(tmp_path_factory, fates, booleans, data):
    folder, has_summary = tmp_path_factory.mktemp("journal"), booleans[:AUTHORS]
    of_first = [(position, reason, None) for position, (reason, _) in enumerate(fates)]
    of_second = [(position, reason, then) for position, (reason, then) in enumerate(fates) if then is not None]
    steps = [*data.draw(st.permutations(of_first)), *data.draw(st.permutations(of_second))]
    deaths = data.draw(st.sets(st.integers(0, len(steps))))
    outcomes = opened(folder, has_summary)
    for number, (position, reason, then) in enumerate(steps):
        if number in deaths:
            before = state(outcomes)
            outcomes.close()
            outcomes = opened(folder, has_summary)
            assert state(outcomes) == before
        if then is not None and position not in outcomes.for_second():
            continue  # nobody asks
        if reason is None or then == "answered":
            outcomes.answered(answer(position))
        elif then is None:
            outcomes.failed([Failed(position, reason, "why")])
        else:
            outcomes.failed_too([Failed(position, then, "why too")], "second")
    opened_again = opened(folder, has_summary)
    assert state(opened_again) == state(outcomes)
    failed = {row["author_id"]: row for row in opened_again.failures().frame.to_dicts()}
    for position, (reason, then) in enumerate(fates):
        row, for_second = failed.pop(str(position), None), reason in FOR_A_SECOND_MODEL
        if reason is None or (for_second and then == "answered"):
            assert row is None
            continue
        assert row is not None
        assert (row["reason"], row["attempts"]) == (str(reason), 1)
        asked = for_second and then is not None
        assert row["second_reason"] == (str(then) if asked else None)
        assert row["retryable"] == (reason.retryable or (for_second and not asked))
        assert (row["next_retry_at"] is not None) == row["retryable"]
    assert not failed
    for one in (outcomes, opened_again):
        one.close()

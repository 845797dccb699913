import polars as pl
import pytest

from summarizer_assets.core.records import AUTHOR, AUTHORS, FAILURES, PAPER, SUMMARIES, FailureReason


def test_a_reason_is_its_word_wherever_text_is_asked_for() -> None:
    for reason in FailureReason:
        assert str(reason) == reason.value == reason
        assert FailureReason(str(reason)) is reason
        assert reason.name == str(reason).upper()
    assert pl.Series([FailureReason.ECHO], dtype=pl.String).to_list() == ["echo"]


def test_every_reason_says_what_it_means_and_what_to_do() -> None:
    for reason in FailureReason:
        assert len(reason.meaning) > 10
        assert isinstance(reason.retryable, bool)
        assert not (reason.skipped and reason.retryable)
    assert {reason for reason in FailureReason if reason.skipped} == {FailureReason.NO_PAPERS, FailureReason.EXCLUDED}
    assert len({reason.meaning for reason in FailureReason}) == len(FailureReason)


@pytest.mark.parametrize("schema", [AUTHORS, SUMMARIES, FAILURES])
def test_every_table_has_an_author_and_a_bucket(schema: pl.Schema) -> None:
    assert schema["author_id"] == schema["bucket"] == pl.String


def test_the_columns_that_others_rely_on_are_there() -> None:
    assert AUTHORS.names() == [*AUTHOR.names(), "record_hash", "bucket"]
    assert AUTHOR.names() == ["author_id", "author_name", "primary_affiliation", "topics", "papers"]
    assert [field.name for field in PAPER.fields] == [
        "ut", "prefinstitution", "hot_paper", "highly_cited_paper", "citingsrcslocalcount", "title", "woscategory",
        "journal",
    ]  # fmt: skip
    assert set(SUMMARIES.names()) >= {
        "author_id", "author_name", "summary", "bucket", "content_hash", "prompt_version", "model", "response_model",
        "prompt_tokens", "completion_tokens", "cost_usd", "support", "flags", "request_id", "run_id", "summarized_at",
    }  # fmt: skip
    assert set(FAILURES.names()) >= {
        "author_id", "bucket", "content_hash", "prompt_version", "model", "reason", "detail", "retryable", "attempts",
        "first_failed_at", "last_failed_at", "next_retry_at", "http_status", "request_id", "run_id",
    }  # fmt: skip

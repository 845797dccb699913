"""The failures of a bucket as a person reads them: whole, in order of need, bounded, and as text whatever they hold."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from summarizer_assets.bucket_run.failure_table import COLUMNS, SHOWN, listing, most_serious
from summarizer_assets.core.records import FAILURES
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from testing.installation import Installation, ingested, metadata_of
from testing.provider import answer

BREAK = "\N{ZERO WIDTH SPACE}"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def failure(author: str, **given: Any) -> dict[str, Any]:
    row = dict.fromkeys(FAILURES.names()) | {
        "author_id": author,
        "reason": "refusal",
        "retryable": True,
        "attempts": 1,
        "first_failed_at": NOON,
        "last_failed_at": NOON,
        "next_retry_at": NOON + timedelta(hours=1),
    }
    return row | given


def frame(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=FAILURES)


def shown(*rows: dict[str, Any], **names: str) -> dict[str, dict[str, str]]:
    """By author, as the first word of its cell."""
    made = listing(most_serious(frame(*rows).lazy(), 5), names, 5)
    cells = [dict(zip(made.columns, row, strict=True)) for row in made.rows]
    return {row["author"].split(" ")[0]: {name: plain(text) for name, text in row.items()} for row in cells}


def plain(text: str) -> str:
    return text.replace("\N{NON-BREAKING HYPHEN}", "-")


def test_who_waits_for_a_person_comes_first_then_the_newest_and_who_is_skipped_by_rule_last():
    rows = [
        failure("skipped", reason="no_papers", retryable=False, attempts=0, next_retry_at=None),
        failure("old"),
        failure("new", last_failed_at=NOON + timedelta(minutes=1)),
        failure("exhausted", attempts=5, next_retry_at=None),
        failure("past a lower maximum", attempts=6),
        failure("final", reason="rejected", retryable=False, next_retry_at=None, last_failed_at=NOON + timedelta(1)),
    ]
    assert list(shown(*rows)) == ["final", "exhausted", "past", "new", "old", "skipped"]


def test_a_row_tells_the_reason_the_tries_the_reply_the_next_retry_and_what_to_do():
    row = shown(
        failure(
            "7",
            attempts=2,
            last_failed_at=NOON + timedelta(minutes=5),
            http_status=200,
            request_id="req-9",
            detail="the model declined: no",
        ),
        failure("8", next_retry_at=None, attempts=5),
        failure("9", next_retry_at=None, reason="too_large", retryable=False),
        failure("10", next_retry_at=None, reason="excluded", retryable=False, attempts=0),
        **{"7": "Lin, Ada"},
    )
    assert list(row["7"]) == list(COLUMNS)
    assert row["7"]["author"] == "7 Lin, Ada"
    assert (row["7"]["reason"], row["7"]["detail"]) == ("refusal", "the model declined: no")
    tries = "2 of 5 runs, last 2026-05-01 12:05 UTC, first 2026-05-01 12:00 UTC, status 200, request req-9"
    assert row["7"]["last_try"] == tries
    assert row["7"]["next_retry"] == "2026-05-01 13:00 UTC"
    assert row["8"]["next_retry"] == "exhausted"
    assert row["9"]["next_retry"] == row["10"]["next_retry"] == "not retried"
    assert row["10"]["last_try"] == "not asked, since 2026-05-01 12:00 UTC"


def test_what_is_hostile_or_endless_stays_a_line_of_text():
    row = shown(failure("1", detail="a\n\x1b[31m\u202e<script>" + "x" * 10_000, request_id="r" * 999))["1"]
    assert row["detail"].startswith("a  [31m <script>")
    assert len(row["detail"].replace(BREAK, "")) == 300
    assert len(row["last_try"]) < 150
    assert max(map(len, re.split(rf"[ {BREAK}]", row["detail"] + " " + row["last_try"]))) <= 24


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Installation, dg.ExecuteInProcessResult]]:
    """Authors of whom every fourth fails for good, and what the run said."""
    provider = FaultyProvider(answer)
    provider.use(Plan(rules=(Rule("content_filter", authors=tuple(str(number) for number in range(4, 221, 4))),)))
    folder: Path = tmp_path_factory.mktemp("failing")
    with ingested(provider, folder, 220, group_size=1) as made:
        (run,) = made.summarize()
        yield made, run


def told(run: dg.ExecuteInProcessResult) -> dict[str, Any]:
    return metadata_of(run, "failed_authors")


def test_a_run_shows_its_failures_as_a_table_with_the_names_bounded_and_says_how_many_more(house):
    made, run = house
    records = [record.data for record in told(run)["failures"].records]
    assert len(records) == SHOWN < made.frame("failures").height == 55
    assert told(run)["failures_not_shown"].startswith(
        "5 more in bucket 0000 of the table failed_authors; docs/failures"
    )
    names = dict(made.frame("authors").select("author_id", "author_name").iter_rows())
    for record in records:
        author_id, _, name = record["author"].partition(" ")
        assert names[author_id] == name
        assert record["reason"] == "content_filter"
        assert record["next_retry"] == "not retried"
        assert "request" in record["last_try"]


def test_a_run_without_work_shows_them_too_and_writes_nothing(house):
    made, run = house
    versions = made.versions()
    (again,) = made.summarize()
    assert told(again)["failures"] == told(run)["failures"]
    assert made.versions() == versions
    assert told(again)["failures_by_reason"] == {"content_filter": 55}

"""A report over real tables: every mixture of authors, summaries and failures, and roots that hold little."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from summarizer_assets.core.authors.coverage import Coverage
from summarizer_assets.core.money.spending import Booking, Wish
from summarizer_assets.report import gather as module
from summarizer_assets.report.facts import Report
from summarizer_assets.report.gather import gather
from summarizer_assets_tests.report.tables import NOW, Root

PEOPLE = 40


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Iterator[Root]:
    """Of each kind someone: of two models, outdated, failed in every way, gone, twice, and never asked."""
    root = Root(tmp_path_factory.mktemp("mixture"), max_attempts=3, price_input_usd=1.0, price_output_usd=2.0)
    root.authors({"author_id": f"p{number}"} for number in range(PEOPLE))
    root.summaries({"author_id": f"p{number}", "model": "old" if number < 5 else "new"} for number in range(20))
    root.summaries({"author_id": f"p{number}", "content_hash": "of before"} for number in range(20, 23))
    root.summaries([{"author_id": "p3"}])  # a second time, as two compactions may leave it
    root.summaries({"author_id": f"gone{number}"} for number in range(2))
    root.failures({"author_id": f"p{number}"} for number in range(23, 25))
    root.failures([{"author_id": "p25", "next_retry_at": NOW + timedelta(hours=1)}])
    root.failures([{"author_id": "p26", "attempts": 3, "next_retry_at": None, "reason": "ungrounded"}])
    root.failures([{"author_id": "p27", "retryable": False, "attempts": 0, "reason": "no_papers"}])
    root.failures({"author_id": author} for author in ("p0", "p20", "gone9"))  # beside a summary, or of nobody
    ledger = root.summarizer.ledger
    ledger.account("run", "0000").settle(Booking(3_000_000, 0, 1_000_000, 4_000, 100, 900, 5), Wish(), None)
    return root


@pytest.fixture(scope="module")
def report(root) -> Report:
    return gather(root.summarizer, NOW)


def test_each_author_is_counted_once_and_those_who_are_gone_apart(report):
    assert report.coverage == Coverage(
        authors=PEOPLE, summaries=20, failed=6, pending=14, outdated=2, vanished=2, vanished_failures=1
    )
    for found in (*report.buckets.values(), report.coverage):
        assert found.authors == found.summaries + found.failed + found.pending
    assert list(report.buckets) == ["0000", "0001"]


def test_failures_are_those_of_the_authors_counted_as_failed(report):
    total = report.failures.total
    assert total.authors == report.coverage.failed
    assert (total.due, total.waiting, total.exhausted, total.final) == (3, 1, 1, 1)
    assert list(report.failures.by_reason) == ["timeout", "no_papers", "ungrounded"]


def test_statistics_are_of_every_row_of_the_table_and_money_is_the_ledgers(report):
    made = report.summaries.made
    assert {model: found.summaries for (_, model), found in made.items()} == {"old": 5, "new": 15, "template": 6}
    assert report.summaries.words.total == report.summaries.support.total == 26
    assert (report.money.spent, report.money.wasted, report.money.requests) == (3_000_000, 1_000_000, 5)
    assert report.usd_per_summary == pytest.approx(0.003 / 26)


def test_ten_are_drawn_by_the_moment_each_with_its_own_authors_facts(root, report):
    assert len({sample.author_id for sample in report.samples}) == 10
    for sample in report.samples:
        assert sample.name == f"Nobody {sample.author_id}"
        assert (sample.papers, sample.citations, list(sample.titles)) == (1, 3, ["On samples"])
        assert int(sample.author_id.removeprefix("p")) < 20  # neither outdated nor gone
    assert gather(root.summarizer, NOW).samples == report.samples
    later = gather(root.summarizer, NOW + timedelta(days=1)).samples
    assert {sample.author_id for sample in later} != {sample.author_id for sample in report.samples}


def test_parts_of_any_size_come_to_the_same_report(root, report, monkeypatch):
    monkeypatch.setattr(module, "AUTHORS_AT_ONCE", 1)
    again = gather(root.summarizer, NOW)
    assert again.buckets == report.buckets
    assert again.samples == report.samples
    assert again.failures.by_reason == report.failures.by_reason
    assert again.summaries.made == report.summaries.made


def test_without_comparing_outdated_summaries_count_as_summaries(root):
    coverage = gather(root.summarizer, NOW, compare=False).coverage
    assert (coverage.summaries, coverage.pending, coverage.outdated) == (23, 12, 0)


@pytest.mark.parametrize("filled", ["nothing", "authors", "summaries only"])
def test_a_root_without_tables_or_with_one_has_a_report_too(tmp_path: Path, filled):
    root = Root(tmp_path)
    if filled == "authors":
        root.authors([{"author_id": "a"}])
    elif filled == "summaries only":
        root.summaries([{"author_id": "a"}])
    report = gather(root.summarizer, NOW)
    expected = {
        "nothing": (Coverage(), "No authors yet"),
        "authors": (Coverage(authors=1, pending=1), "Nobody was asked yet"),
        "summaries only": (Coverage(vanished=1), "No authors yet"),
    }
    assert (report.coverage, report.verdict) == expected[filled]
    assert report.samples == []
    assert report.steps

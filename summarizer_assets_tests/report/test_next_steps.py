"""What a person is told to do follows from the numbers, and nothing is told that needs nobody."""

import re
from dataclasses import replace

import pytest

from summarizer_assets.core.authors.coverage import Coverage
from summarizer_assets.core.authors.failure_counts import Failures
from summarizer_assets.report.next_steps import Situation, next_steps, verdict

DONE = Situation(coverage=Coverage(authors=100, summaries=97, failed=3), failures={"no_papers": Failures(3, final=3)})


def told(**changes) -> str:
    return "\n".join(f"{step.what}: {step.how}" for step in next_steps(replace(DONE, **changes)))


def test_where_everybody_has_a_summary_or_is_not_asked_by_rule_there_is_nothing_to_do():
    assert next_steps(DONE) == []
    assert verdict(DONE.coverage, DONE.failures) == "Complete"


@pytest.mark.parametrize(
    ("coverage", "words"),
    [
        (Coverage(), "No authors yet"),
        (Coverage(authors=5, pending=5), "Nobody was asked yet"),
        (Coverage(authors=5, summaries=4, pending=1), "1 author still to be asked"),
        (Coverage(authors=9, summaries=4, pending=2, failed=3), "2 authors still to be asked, 3 failed"),
        (Coverage(authors=9, summaries=6, failed=3), "Everybody was asked, 3 failed"),
    ],
)
def test_the_verdict_says_what_is_missing(coverage, words):
    assert verdict(coverage, {"timeout": Failures(3, due=3)}) == words


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"coverage": Coverage()}, "materialize the asset authors"),
        ({"coverage": Coverage(9, 7, 0, 2), "waiting_in": ["0003"]}, "2 authors wait to be asked: .*bucket 0003"),
        (
            {"coverage": Coverage(9, 5, 0, 4, outdated=1), "in_batch": 2, "batch_jobs": "1 batch job of 2 requests"},
            "2 authors wait in 1 batch job of 2 requests: the sensor collect_batches",
        ),
        ({"coverage": Coverage(9, 5, 0, 4, outdated=1), "in_batch": 2}, "1 author wait to be asked"),
        ({"coverage": Coverage(9, 7, 0, 2, outdated=2)}, "2 authors changed since .*old summaries stand"),
        (
            {"stopped": [("budget", ["0001", "0002"], "raise it")]},
            "last run of buckets 0001, 0002 ended .*budget: raise it",
        ),
        ({"failures": {"timeout": Failures(2, due=2)}}, "2 authors failed and are due .*retry_failed_authors"),
        ({"failures": {"timeout": Failures(1, exhausted=1)}}, "1 author failed in as many runs .*retry_all"),
        ({"failures": {"rejected": Failures(1, final=1)}}, "1 author failed for rejected: read the detail"),
        ({"failures": {"ungrounded": Failures(40, waiting=40)}}, "40 authors failed for ungrounded"),
        ({"budget": 100, "spent": 80, "uncertain": 10}, "of a budget of .* are used: raise SUMMARIZER_BUDGET_USD"),
        ({"uncertain": 5}, "may have been billed.*--release-uncertain"),
        ({"priced": False}, "SUMMARIZER_PRICE_INPUT_USD"),
        ({"coverage": replace(DONE.coverage, vanished=1)}, "1 person with a summary left .*delete"),
        ({"coverage": replace(DONE.coverage, vanished=2), "keep_removed": True}, "SUMMARIZER_KEEP_REMOVED"),
        ({"rejected": 4}, "4 source rows .*rejected_source_rows"),
        ({"flagged": 4, "commonest_flag": "other_model"}, "4 summaries with a flag, most often other_model"),
        ({"flagged": 4, "doubtful": 1}, "1 summary in doubt"),
        ({"at_work": ["0001"]}, "bucket 0001 at work now"),
    ],
)
def test_each_trouble_has_its_step(changes, words):
    assert re.search(words, told(**changes))


def test_what_presses_stands_first_and_many_buckets_are_not_all_named():
    steps = next_steps(
        replace(
            DONE,
            coverage=Coverage(900, 0, 0, 900),
            waiting_in=[f"{number:04d}" for number in range(20)],
            rejected=1,
            at_work=[],
        )
    )
    assert [step.pressing for step in steps] == sorted((step.pressing for step in steps), reverse=True)
    assert "0007 and 12 more" in steps[0].how

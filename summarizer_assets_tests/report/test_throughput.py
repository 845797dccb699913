"""How fast, by the runs' own records."""

import pytest

from summarizer_assets.core.run_records import PastRun
from summarizer_assets.report.throughput import stopped, throughput


def run(start: float, end: float | None, before: int = 10, after: int | None = 0, stop: str | None = None) -> PastRun:
    return PastRun("r", start, end, before, after, stop)


def test_time_in_which_several_runs_work_counts_once_and_a_pause_not_at_all():
    found = throughput({"0000": [run(0, 10)], "0001": [run(5, 15), run(100, 105, before=5, after=5)]})
    assert (found.runs, found.settled, found.busy_s) == (3, 20, 20)
    assert found.authors_per_second == 1


def test_a_run_that_died_or_is_at_work_tells_nothing():
    found = throughput({"0000": [run(0, None, after=None)]})
    assert (found.runs, found.authors_per_second) == (0, None)


@pytest.mark.parametrize(
    ("runs", "at_work", "causes"),
    [
        ([run(5, 6, stop="budget"), run(0, 1)], [], {"budget": ["0007"]}),
        ([run(5, 6), run(0, 1, stop="budget")], [], {}),
        ([run(5, None, after=None)], [], {"died": ["0007"]}),
        ([run(5, None, after=None)], ["0007"], {}),
        ([], [], {}),
    ],
)
def test_only_the_last_run_of_a_bucket_says_whether_it_stopped_early(runs, at_work, causes):
    assert stopped({"0007": runs}, at_work) == causes

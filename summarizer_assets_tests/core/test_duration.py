"""How fast, by the runs' own records."""

from summarizer_assets.core.duration import throughput
from summarizer_assets.core.run_records import PastRun


def run(start: float, end: float | None, before: int = 10, after: int | None = 0) -> PastRun:
    return PastRun("r", start, end, before, after, None)


def test_time_in_which_several_runs_work_counts_once_and_a_pause_not_at_all():
    found = throughput({"0000": [run(0, 10)], "0001": [run(5, 15), run(100, 105, before=5, after=5)]})
    assert (found.runs, found.settled, found.busy_s) == (3, 20, 20)
    assert found.authors_per_second == 1


def test_a_run_that_died_or_is_at_work_tells_nothing():
    found = throughput({"0000": [run(0, None, after=None)]})
    assert (found.runs, found.authors_per_second) == (0, None)

"""What the record of a bucket's last run says."""

import pytest

from summarizer_assets.core.run_records import PastRun, stopped


def run(start: float, end: float | None, before: int = 10, after: int | None = 0, stop: str | None = None) -> PastRun:
    return PastRun("r", start, end, before, after, stop)


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

"""What a person reads of a run under way."""

import base64
import itertools
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.progress import Every, IngestProgress, Progress, Rate

COUNTS = st.integers(0, 100_000_000)


def test_a_line_tells_share_counts_rate_spend_and_the_time_left():
    progress = Progress("0003", done=2_940, failed=60, left=1_000, rate=50.0, spent=123_456_789)
    assert progress.line == (
        "bucket 0003 [#########...] 75%, 20 s left: 2,940 summarised, 60 failed, 1,000 to go, 50 a second, $0.12345"
    )


def test_in_an_outage_it_says_why_nothing_moves_and_foretells_nothing():
    progress = Progress("0003", 1, 0, 9, rate=4.0, spent=None, waits="the provider is out")
    assert progress.line.endswith("1 summarised, 0 failed, 9 to go, the provider is out")
    assert progress.seconds_left is None


@pytest.mark.parametrize(("left", "said"), [(89, "89 s left"), (3600, "60 min left"), (7200, "2.0 hours left")])
def test_the_time_left_is_told_in_a_unit_of_its_size(left, said):
    assert f" 0%, {said}: " in Progress("0000", 0, 0, left, rate=1.0, spent=None).line


@given(done=COUNTS, failed=COUNTS, left=COUNTS, rate=st.floats(0, 1e6), spent=st.none() | st.integers(0, 10**15))
def test_the_picture_is_well_formed_and_short_enough_to_be_shown_inline(done, failed, left, rate, spent):
    progress = Progress("0003", done, failed, left, rate, spent)
    for markdown in (progress.markdown, IngestProgress("reading", done, failed, max(failed, left), rate).markdown):
        assert len(markdown) < 1000
        svg = base64.b64decode(markdown.partition("base64,")[2].partition(")")[0])
        assert len(list(ET.fromstring(svg))) == 3


def test_the_rate_is_that_of_the_last_two_minutes():
    rate = Rate(0.0)
    assert rate(10.0, 100) == 10.0
    for second in range(20, 1000, 10):
        last = rate(float(second), 100)
    assert last == 0.0


@given(looks=st.lists(st.floats(0, 10), min_size=1, max_size=50), seconds=st.floats(0.5, 5))
def test_between_two_reports_lies_at_least_the_interval(looks, seconds):
    every, now, reports = Every(seconds), 0.0, []
    for step in looks:
        now += step
        if every.due(now):
            reports.append(now)
    assert all(later - earlier >= seconds for earlier, later in itertools.pairwise(reports))

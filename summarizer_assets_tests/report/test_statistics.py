"""What is added part by part is what the whole comes to."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.records import SUMMARIES
from summarizer_assets.report.statistics import Spread, SummaryStatistics, lowest

START = datetime(2026, 3, 1, 23, 58, 30, tzinfo=UTC)


def spread(values: list[int]) -> Spread:
    found = Spread()
    found.add(pl.Series(values, dtype=pl.Int64))
    return found


@settings(max_examples=50)
@given(st.lists(st.integers(0, 500), min_size=1), st.integers(1, 40))
def test_the_bars_of_a_spread_hold_every_value_and_are_not_too_many(values, most):
    width, bars = spread(values).bars(most)
    assert len(bars) <= most
    assert sum(number for _, number in bars) == len(values)
    for start, number in bars:
        assert number == sum(start <= value < start + width for value in values)


@settings(max_examples=50)
@given(st.lists(st.integers(0, 50), min_size=1), st.sampled_from([0.05, 0.5, 0.95]))
def test_a_quantile_is_the_smallest_value_that_so_many_do_not_exceed(values, share):
    found = spread(values).quantile(share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values)
    assert sum(value < found for value in values) < share * len(values)


def test_an_empty_spread_says_nothing():
    assert (spread([]).quantile(0.5), spread([]).mean, spread([]).bars()) == (None, None, (1, []))


def summaries(number: int) -> pl.DataFrame:
    rows = [
        {
            "author_id": f"a{row}",
            "summary": " ".join(["word"] * (1 + row % 7)),
            "prompt_version": f"p{row % 2}",
            "model": "m",
            "prompt_tokens": row,
            "completion_tokens": 1,
            "cost_usd": None if row % 3 == 0 else 0.5,
            "support": None if row % 5 == 0 else 0.29,
            "flags": ["unknown_name", "unnamed"] if row % 4 == 0 else [],
            "summarized_at": START + timedelta(seconds=31 * row),
        }
        for row in range(number)
    ]
    return pl.DataFrame([{name: row.get(name) for name in SUMMARIES} for row in rows], schema=SUMMARIES, orient="row")


def added(*parts: pl.DataFrame) -> SummaryStatistics:
    found = SummaryStatistics()
    for part in parts:
        found.add(part)
    return found


@settings(max_examples=15)
@given(st.lists(st.integers(0, 40), max_size=3))
def test_parts_add_up_to_the_whole(cuts):
    rows = summaries(40)
    edges = [0, *sorted(cuts), 40]
    parts = [rows[start:end] for start, end in pairwise(edges)]
    whole, by_part = added(rows), added(*parts)
    assert vars(by_part.words) == vars(whole.words)
    assert vars(by_part.support) == vars(whole.support)
    assert (by_part.flags, by_part.flagged, by_part.minutes) == (whole.flags, whole.flagged, whole.minutes)
    assert by_part.made == whole.made


def test_the_numbers_of_a_small_table_are_those_counted_by_hand():
    found = added(summaries(40))
    assert found.summaries == 40
    assert found.words.counts == Counter(1 + row % 7 for row in range(40))
    assert found.support.counts == {29: 32}  # 0.29 is 29 percent, though 0.29 * 100 is less
    assert (found.flagged, found.flags) == (10, {"unknown_name": 10, "unnamed": 10})
    even = found.made["p0", "m"]
    assert (even.summaries, even.priced, even.cost_usd) == (20, 13, 6.5)
    assert (even.prompt_tokens, even.completion_tokens) == (sum(range(0, 40, 2)), 20)
    assert found.by_day == {datetime(2026, 3, 1, tzinfo=UTC): 3, datetime(2026, 3, 2, tzinfo=UTC): 37}
    assert found.fastest_minute == 2


@pytest.mark.parametrize(
    ("apart", "unit"),
    [
        (timedelta(seconds=50), "minute"),
        (timedelta(minutes=9), "10 minutes"),
        (timedelta(hours=1), "hour"),
        (timedelta(hours=5), "6 hours"),
        (timedelta(days=1), "day"),
        (timedelta(days=9), "week"),
        (timedelta(days=90), "week"),
    ],
)
def test_what_came_over_time_is_cut_into_steps_that_a_picture_can_hold(apart, unit):
    rows = summaries(40).with_columns(
        summarized_at=pl.Series([START + number * apart for number in range(40)], dtype=SUMMARIES["summarized_at"])
    )
    name, steps = added(rows).over_time(60)
    assert name == unit
    assert sum(number for _, number in steps) == 40
    widths = {later[0] - earlier[0] for earlier, later in pairwise(steps)}
    assert len(widths) == 1
    assert len(steps) <= 60 or unit == "week"


@settings(max_examples=25)
@given(st.sets(st.text("abc123", min_size=1, max_size=4), min_size=1), st.integers(0, 2**40), st.integers(1, 5))
def test_lots_drawn_in_parts_are_those_drawn_from_the_whole(ids, seed, number):
    rows = pl.DataFrame({"author_id": sorted(ids)})
    whole = lowest(rows, seed, number)
    parts = pl.concat([lowest(rows[start : start + 3], seed, number) for start in range(0, rows.height, 3)])
    assert lowest(parts, seed, number).equals(whole)
    assert whole.height == min(number, rows.height)


def test_another_seed_draws_others():
    rows = pl.DataFrame({"author_id": [f"a{number}" for number in range(1000)]})
    assert set(lowest(rows, 1, 10)["author_id"]) != set(lowest(rows, 2, 10)["author_id"])

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.buckets import MAX_BUCKETS, bucket_key, bucket_keys, bucket_of, buckets_of, in_parts

author_ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("author_id", "count", "bucket"),
    [
        ("2345", 16, "0000"),
        ("2345", 256, "0144"),
        ("", 16, "0004"),
        ("Ωμέγα", 16, "0011"),
        ("A-1001-2008", 9999, "1227"),
    ],
)
def test_an_author_s_bucket_is_what_it_was_when_the_first_table_was_made(
    author_id: str, count: int, bucket: str
) -> None:
    assert bucket_of(author_id, count) == bucket


@given(ids=st.lists(author_ids, max_size=20), count=st.integers(1, MAX_BUCKETS))
def test_a_column_of_ids_gets_the_bucket_of_each_and_every_bucket_is_a_key(ids: list[str], count: int) -> None:
    buckets = buckets_of(pl.Series(ids, dtype=pl.String), count)
    assert buckets.dtype == pl.String
    assert buckets.to_list() == [bucket_of(author_id, count) for author_id in ids]
    assert set(buckets) <= set(bucket_keys(count))


def test_keys_sort_as_numbers_do_also_the_largest() -> None:
    keys = bucket_keys(MAX_BUCKETS)
    assert keys == sorted(keys)
    assert len(set(keys)) == MAX_BUCKETS
    assert keys[-1] == bucket_key(MAX_BUCKETS - 1) == "9998"


def test_ids_handed_out_in_order_fill_the_buckets_evenly() -> None:
    counts = buckets_of(pl.Series([str(number) for number in range(16_000)]), 16).value_counts()["count"]
    assert counts.len() == 16
    assert counts.min() > 850  # of 1000; five standard deviations
    assert counts.max() < 1150


def test_the_keys_go_in_order_into_parts_that_are_not_too_large() -> None:
    keys = ["a", "b", "c", "d", "e"]
    assert list(in_parts(keys, [1, 1, 5, 0, 2], most=2)) == [["a", "b"], ["c"], ["d", "e"]]
    assert list(in_parts(keys, [0, 0, 0, 0, 0], most=2)) == [keys]
    assert list(in_parts([], [], most=2)) == []


@given(st.lists(st.integers(0, 50), max_size=20), st.integers(1, 60))
def test_parts_hold_every_bucket_once_in_order_and_no_more_rows_than_allowed(numbers: list[int], most: int) -> None:
    rows = {f"{place:04}": number for place, number in enumerate(numbers)}
    found = list(in_parts(list(rows), numbers, most))
    assert [bucket for part in found for bucket in part] == list(rows)
    assert all(len(part) == 1 or sum(rows[bucket] for bucket in part) <= most for part in found)
    assert all(found)

"""Values: lossless, or null and counted, or the row rejected."""

import json
import tempfile
from collections import Counter
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.sources.values import NULL_IDS
from summarizer_assets_tests.sources import building

NAME = "N"


def ids_of(frame: pl.DataFrame) -> tuple[list[str], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        authors, rejected, _ = building.read_frame(Path(folder), frame.with_columns(pl.lit(NAME).alias("name")))
    return authors["author_id"].to_list(), rejected["reason"].to_list()


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [
        (pl.Int8, -(2**7), 2**7 - 1),
        (pl.UInt8, 0, 2**8 - 1),
        (pl.Int32, -(2**31), 2**31 - 1),
        (pl.Int64, -(2**63), 2**63 - 1),
        (pl.UInt64, 0, 2**64 - 1),
        (pl.Int128, -(2**127), 2**127 - 1),
        (pl.Decimal(38, 0), -(10**37), 10**37),
    ],
)
def test_an_integer_id_keeps_every_digit(dtype, low, high):
    numbers = [low, low + 1, 0, 7, high - 1, high]
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series([*numbers, None], dtype=dtype)}))
    assert ids == [str(number) for number in numbers]
    assert rejected == ["null_id"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1))
def test_any_integer_id_comes_through_or_is_rejected_when_null(numbers):
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series(numbers, dtype=pl.Int64)}))
    assert ids == [str(number) for number in numbers if number is not None]
    assert rejected == ["null_id"] * numbers.count(None)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.floats() | st.none(), min_size=1))
def test_a_float_id_is_exact_or_rejected(numbers):
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series(numbers, dtype=pl.Float64)}))
    known = [number for number in numbers if number is not None and number == number]  # noqa: PLR0124 - not NaN
    exact = [str(int(number)) for number in known if abs(number) < 2**53 and number == int(number)]
    assert ids == exact
    assert Counter(rejected) == +Counter({"null_id": len(numbers) - len(known), "unusable_id": len(known) - len(exact)})


def test_a_narrow_float_is_exact_below_its_own_limit_only():
    ids, rejected = ids_of(pl.DataFrame({"id": pl.Series([123.0, 2.0**24], dtype=pl.Float32)}))
    assert (ids, rejected) == (["123"], ["unusable_id"])


def test_a_decimal_id_is_exact_or_rejected():
    ids, rejected = ids_of(pl.DataFrame({"id": [Decimal("12345678901234567890.00"), Decimal("1.50")]}))
    assert (ids, rejected) == (["12345678901234567890"], ["unusable_id"])


def test_a_binary_id_is_utf8_or_rejected():
    ids, rejected = ids_of(pl.DataFrame({"id": ["é".encode(), b"\xff", None]}))
    assert (ids, rejected) == (["é"], ["unusable_id", "null_id"])


@settings(deadline=None, max_examples=30)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1))
def test_a_text_id_is_itself_trimmed_or_rejected_by_a_reason(texts):
    ids, rejected = ids_of(pl.DataFrame({"id": texts}))
    assert len(ids) + len(rejected) == len(texts)
    trimmed = {text.strip() for text in texts}
    assert all(author_id in trimmed or author_id in texts for author_id in ids)
    plain = [t for t in texts if t.isalnum() and len(t) <= 512 and t not in NULL_IDS]
    assert not Counter(plain) - Counter(ids)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "null_id"),
        ("  \t", "null_id"),
        ("None", "null_id"),
        ("NaN", "null_id"),
        ("a\x00b", "id_with_control_characters"),
        ("a\nb", "id_with_control_characters"),
        ("a\u2028b", "id_with_control_characters"),
        ("x" * 513, "id_too_long"),
    ],
)
def test_an_unusable_text_id_is_rejected_with_its_reason(text, reason):
    assert ids_of(pl.DataFrame({"id": [text, "x" * 512]})) == (["x" * 512], [reason])


def test_csv_ids_keep_leading_zeros_and_digits_and_lose_the_float_of_pandas(tmp_path):
    text = "id,name\n00123,a\n9007199254740993,b\n123.0,c\n 5 ,d\n1.5,e\n"
    authors, _, _ = building.read_csv(tmp_path, text)
    assert authors["author_id"].to_list() == ["00123", "9007199254740993", "123", "5", "1.5"]


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers() | st.integers(2**53, 2**70), min_size=1, max_size=20))
def test_json_ids_keep_every_digit_as_numbers_and_as_texts(numbers):
    lines = [json.dumps({"id": number, "name": NAME}) for number in numbers]
    lines += [json.dumps({"id": f"00{number}", "name": NAME}) for number in numbers]
    with tempfile.TemporaryDirectory() as folder:
        authors, _, _ = building.read_jsonl(Path(folder), *lines)
    assert authors["author_id"].to_list() == [*map(str, numbers), *(f"00{number}" for number in numbers)]


def test_a_json_float_id_that_was_rounded_is_rejected(tmp_path):
    lines = ['{"id": 123.0, "name": "N"}', '{"id": 9007199254740993.0, "name": "N"}', '{"id": 1e30, "name": "N"}']
    authors, rejected, _ = building.read_jsonl(tmp_path, *lines)
    assert authors["author_id"].to_list() == ["123"]
    assert rejected.select("reason", "row").rows() == [("unusable_id", line) for line in lines[1:]]


def papers_of(folder, column: str, values: list[object], dtype=None):
    frame = pl.DataFrame({"id": ["a"] * len(values), "title": "T", column: pl.Series(values, dtype=dtype)})
    authors, _, chunks = building.read_frame(folder, frame)
    return [paper[column] for paper in authors["papers"].to_list()[0]], chunks[0].counts.unparsable


@pytest.mark.parametrize(
    ("values", "expected", "lost"),
    [
        ([True, False, None], [True, False, None], 0),
        ([1, 0, 2, None], [True, False, None, None], 1),
        ([1.0, 0.0, float("nan"), 0.5], [True, False, None, None], 1),
        (["Y", "no", " TRUE ", "0", "", None, "maybe"], [True, False, True, False, None, None, None], 1),
    ],
)
def test_flags_are_read_or_null_and_counted(tmp_path, values, expected, lost):
    assert papers_of(tmp_path, "hot_paper", values) == (expected, +Counter({"hot_paper": lost}))


@pytest.mark.parametrize(
    ("values", "expected", "lost"),
    [
        ([5, 0, None, -1], [5, 0, None, None], 1),
        ([5.0, 1.5, float("nan"), float("inf"), -2.0], [5, None, None, None, None], 3),
        (["1,234", " 12 ", "3.0", "", None], [1234, 12, 3, None, None], 0),
        (["12,34", "1.5", "many", "-1", "9" * 30], [None] * 5, 5),
        ([Decimal("7.00"), Decimal("7.50")], [7, None], 1),
    ],
)
def test_counts_are_read_or_null_and_counted(tmp_path, values, expected, lost):
    found = papers_of(tmp_path, "citingsrcslocalcount", values)
    assert found == (expected, +Counter({"citingsrcslocalcount": lost}))


def test_a_count_beyond_64_bits_is_null_and_counted(tmp_path):
    found = papers_of(tmp_path, "citingsrcslocalcount", [2**64 - 1, 3], pl.UInt64)
    assert found == ([None, 3], Counter(citingsrcslocalcount=1))


def test_values_in_nested_papers_are_counted_alike(tmp_path):
    papers = [[{"ut": 1, "hot_paper": "?", "citingsrcslocalcount": "x"}], [], None, [None]]
    frame = pl.DataFrame({"id": [1, 2, 3, 4], "papers": papers})
    authors, _, chunks = building.read_frame(tmp_path, frame)
    assert chunks[0].counts.unparsable == Counter(hot_paper=1, citingsrcslocalcount=1)
    assert authors["papers"].list.len().to_list() == [1, 0, 0, 1]


def test_a_paper_key_that_was_rounded_is_null_and_counted(tmp_path):
    found = papers_of(tmp_path, "ut", [1.0, 2.0**60], pl.Float64)
    assert found == (["1", None], Counter(ut=1))


def test_texts_are_trimmed_and_blank_ones_are_null(tmp_path):
    frame = pl.DataFrame({"id": [1, 2], "name": [" A ", "  "], "affiliation": ["", None]})
    authors, _, _ = building.read_frame(tmp_path, frame)
    assert authors.select("author_name", "primary_affiliation").rows() == [("A", None), (None, None)]


def test_a_title_of_ten_megabytes_is_cut_and_counted(tmp_path):
    row = {"id": 1, "papers": [{"ut": "a", "title": "é" * 5_000_000}, {"ut": "b", "title": "é" * 20_000}]}
    authors, _, chunks = building.read_jsonl(tmp_path, row)
    assert [len(paper["title"]) for paper in authors["papers"].to_list()[0]] == [20_000, 20_000]
    assert chunks[0].counts.cut == Counter(title=1)


def test_a_rejected_row_is_kept_as_json_cut_to_two_thousand_characters(tmp_path):
    frame = pl.DataFrame({"id": [None, None], "name": ["N" * 5000, "B"]}, schema={"id": pl.Int64, "name": pl.String})
    _, rejected, chunks = building.read_frame(tmp_path, frame)
    assert [len(row) for row in rejected["row"]] == [2000, len(rejected["row"][1])]
    assert json.loads(rejected["row"][1]) == {"id": None, "name": "B"}
    assert sum(chunk.counts.rows for chunk in chunks) == 2

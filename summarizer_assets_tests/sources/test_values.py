"""Values: lossless, or null and counted, or the row rejected."""

import json
from collections import Counter
from decimal import Decimal

import polars as pl
import pytest

from summarizer_assets_tests.sources import building

NAME = "N"


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
        (["1.000", "12.000", "1,5", "0,123", "1.234.567", "1 234", "1E+03", "1e-3", "٣"], [None] * 9, 9),
        (
            ["1e3", "1e+05", "1.5E2", "1234.000", "1,234,567", "+5", "0.0", "12."],
            [1000, 10**5, 150, 1234, 1234567, 5, 0, 12],
            0,
        ),
        (["NA", "null", "N/A", "#N/A", "nan", r"\N"], [None] * 6, 0),
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


#: What stands in a text, and what an author's name and any other text then are.
WORDS = {
    **dict.fromkeys(
        (
            "NA",
            "N/A",
            "n/a",
            "#N/A",
            "<NA>",
            "NULL",
            "null",
            "(null)",
            "None",
            "NaN",
            "nan",
            r"\N",
            "#REF!",
            "undefined",
        ),
        (None, None),
    ),
    **{word: (word, None) for word in ("Null", "NAN", "NONE")},
    **{word: (word, word) for word in ("Nan", "Na", "na", "Nil", "Nulla", "None Such", "N.A.", "Anna N/A", "-")},
}


def test_words_for_nothing_are_null_in_texts_and_counted_and_names_of_people_stay(tmp_path):
    frame = pl.DataFrame({"id": range(len(WORDS)), "author_name": [f" {word} " for word in WORDS]})
    frame = frame.with_columns(title="author_name", journal="author_name", affiliation="author_name")
    authors, _, [chunk] = building.read_frame(tmp_path, frame)
    papers = authors["papers"].list.first()
    assert dict(zip(WORDS, authors["author_name"], strict=True)) == {word: name for word, (name, _) in WORDS.items()}
    for texts in (authors["primary_affiliation"], papers.struct.field("title"), papers.struct.field("journal")):
        assert dict(zip(WORDS, texts, strict=True)) == {word: text for word, (_, text) in WORDS.items()}
    names, texts = (sum(pair[place] is None for pair in WORDS.values()) for place in (0, 1))
    assert chunk.counts.nothing == Counter(author_name=names, title=texts, journal=texts, primary_affiliation=texts)
    assert not chunk.counts.unparsable


def test_words_for_nothing_are_null_in_flags_keys_and_lists(tmp_path):
    row = {"id": 1, "topics": ["optics", "NA", "Na"], "hot_paper": "None", "ut": "nan", "woscategory": ["Law", "NULL"]}
    authors, _, [chunk] = building.read_frame(tmp_path, pl.DataFrame([{**row, "title": "T"}]))
    assert authors["topics"].to_list() == [["optics", "Na"]]
    assert authors["papers"].to_list()[0] == [building.paper(None, "T", woscategory="Law")]
    assert chunk.counts.nothing == Counter(topics=1, hot_paper=1, ut=1, woscategory=1)


@pytest.mark.parametrize("key", ["1.23457E+11", "9007199254740993.0", "1.000", "1.2345678901234568e+19"])
def test_a_paper_key_in_a_text_that_may_be_rounded_is_null_and_counted(tmp_path, key):
    assert papers_of(tmp_path, "ut", ["4.0", key]) == (["4", None], Counter(ut=1))

"""Lists that a tool wrote as a text: the same list, or told."""

import json
from collections import Counter

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.sources.list_text import list_in
from summarizer_assets_tests.sources import building

#: What a text holds; None: no list, or one of which something was left out.
WRITTEN = {
    # JSON
    '["a", "b, c"]': ["a", "b, c"],
    r'["caf\u00e9", "\ud83d\ude00", "a \"b\""]': ["café", "😀", 'a "b"'],
    '["a", null, 1]': ["a", None, "1"],
    "[]": [],
    '["a", ["b"]]': None,
    '["a", {"b": 1}]': None,
    '["a", "b"': None,
    # Python, pandas
    "['a', 'b, c']": ["a", "b, c"],
    r"""["it's", 'a \'b\'', 'caf\xe9\n']""": ["it's", "a 'b'", "café\n"],
    "{'a', 'b'}": ["a", "b"],
    "('a', 'b')": ["a", "b"],
    "('a',)": ["a"],
    "[None, nan]": ["None", "nan"],
    "['a', 'b": None,
    "[b'a', u'b']": ["a", "b"],
    "frozenset({'a', 'b'})": ["a", "b"],
    # JSON in JSON
    r'"[\"a\", \"b, c\"]"': ["a", "b, c"],
    # Scala
    "WrappedArray(a, x-ray soft)": ["a", "x-ray soft"],
    # numpy
    "['a' 'b c'\n 'd']": ["a", "b c", "d"],
    "array(['a', 'b'], dtype=object)": ["a", "b"],
    "array(['a (x)', 'b'], dtype='<U5')": ["a (x)", "b"],
    "['a' 'b' ... 'y' 'z']": None,
    "['a', 'b' 'c']": None,
    # Postgres
    '{optics,"x-ray, soft",NULL,two words}': ["optics", "x-ray, soft", "NULL", "two words"],
    r'{"a \"b\"","c\\d"}': ['a "b"', "c\\d"],
    "{}": [],
    '{"a": 1}': None,
    "{{a},{b}}": None,
    # DuckDB, Spark
    "[optics, x-ray soft]": ["optics", "x-ray soft"],
    "[optics, 'x-ray, soft', 'it''s']": ["optics", "x-ray, soft", "it's"],
    "[a, [b]]": None,
    "[a,,b]": None,
    # R
    'c("a", "b, c")': ["a", "b, c"],
}  # fmt: skip


@pytest.mark.parametrize("text", WRITTEN)
def test_a_list_in_a_text_is_read_or_none(text):
    assert list_in(text) == WRITTEN[text]


def test_topics_in_a_list_text_are_read_or_told(tmp_path):
    frame = pl.DataFrame({"author_id": range(len(WRITTEN)), "topics": list(WRITTEN)})
    authors, _, [chunk] = building.read_frame(tmp_path, frame)
    known = [[item for item in items or [] if item not in {None, "NULL", "None", "nan"}] for items in WRITTEN.values()]
    assert [[topic.strip() for topic in topics] for topics in authors["topics"]] == [
        [item.strip() for item in items] for items in known
    ]
    assert chunk.counts.unparsable == Counter(topics=list(WRITTEN.values()).count(None))


@pytest.mark.parametrize(
    "text",
    [
        "[18F]FDG imaging; optics",
        "(bio)chemistry; optics",
        "c(arbon); optics",
        "List(s) of words; (a) b (c)",
        "{a} b; optics",
    ],
)
def test_a_topic_that_begins_with_a_bracket_is_no_list(tmp_path, text):
    authors, _, _ = building.read_frame(tmp_path, pl.DataFrame({"author_id": [1], "topics": [text]}))
    assert authors["topics"].to_list() == [text.split("; ")]


PLAIN = st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1))


@given(PLAIN)
def test_what_python_and_json_and_postgres_print_is_read_back(items):
    assert list_in(json.dumps(items)) == items
    assert list_in(json.dumps(items, ensure_ascii=False)) == items
    assert list_in(repr(items)) == items
    quoted = ",".join('"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"' for item in items)
    assert list_in("{" + quoted + "}") == items


@given(PLAIN)
def test_what_duckdb_prints_is_read_back_or_told(items):
    [text] = duckdb.execute("SELECT CAST(CAST(? AS VARCHAR[]) AS VARCHAR)", [items]).fetchone()
    assert list_in(text) in (items, None), text


def test_institutions_and_categories_in_a_list_text_are_joined(tmp_path):
    texts = ['["A, B", "C"]', "['A, B', 'C']", "['A, B' 'C']"]
    frame = pl.DataFrame({"id": [1] * 3, "prefinstitution": texts, "title": texts})
    papers = building.read_frame(tmp_path, frame)[0]["papers"].to_list()[0]
    assert [paper["prefinstitution"] for paper in papers] == ["A, B; C"] * 3
    assert [paper["title"] for paper in papers] == texts

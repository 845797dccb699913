"""JSON as people have it: lines, an array, texts in cells; each value read, or its line rejected by number."""

import json
import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.json import array as json_array
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources import building
from summarizer_assets_tests.sources.building import EXPECTED, compressed, read, write

GOOD = {"author_id": 1, "author_name": "N", "papers": [{"ut": "U1", "title": "T"}]}

#: Lines of which no author can be made, whatever stands around them.
BAD = [
    '{"author_id": 9, "author_name": {"en": "N"}}',
    '{"author_id": 9, "author_name": [{"en": "N"}]}',
    '{"author_id": 9, "author_name": NaN}',
    '{"author_id": 9, "author_name": "N", "papers": [{"ut": "U9", "title": {"en": "T"}}]}',
    '{"author_id": 9, "author_name": "N", "papers": [{"ut": "U9", "citingsrcslocalcount": NaN}]}',
    '{"author_id": 9, "author_name": "N", "papers": [{"ut": "U9", "citingsrcslocalcount": [1]}]}',
    '{"author_id": 9, "author_name": "N", "papers": [{"ut": "U9", "hot_paper": {}}]}',
    '{"author_id": 9, "author_name": "N", "papers": {"ut": "U9"}}',
    '{"author_id": 9, "author_name": "N", "papers": [["U9", "T"]]}',
    '{"author_id": 9, "author_name": "N", "papers": ["U9"]}',
    '{"author_id": 9, "author_name": "N", "papers": "[{"}',
    '{"author_id": 9, "author_name": "N", "papers": 3}',
    '{"author_id": 9, "author_name": "N", "topics": [{"name": "optics"}]}',
    '{"author_id": 9, "author_name": "N", "topics": {"optics": 1}}',
    '{"author_id": 9, "author_name": "N", "topics": [["optics"]]}',
    '{"author_id": [9], "author_name": "N"}',
    '{"author_id": {"$oid": "9"}, "author_name": "N"}',
    '{"author_id": true, "author_name": "N"}',
    '{"author_id": -Infinity, "author_name": "N"}',
    r'{"author_id": "\ud800", "author_name": "N"}',
    '{"author_id": 9, "author_name": "N"',
    '{"author_id": 9 "author_name": "N"}',
    "{'author_id': 9}",
    '{"author_id": ' + "9" * 5000 + "}",
    '{"author_id": 9, "papers": ' + "[" * 5000 + "]" * 5000 + "}",
    '{"author_id": 9}, {"author_id": 10}',
    "null",
    "9",
    '"text"',
    "[9]",
    "[[]]",
    "\x00",
    "author_id,author_name",
]


@pytest.mark.parametrize("bad", BAD, ids=lambda line: line[:60])
def test_a_line_of_another_shape_is_rejected_with_file_and_line_and_costs_no_other(tmp_path, bad):
    lines = [GOOD, "", bad, {**GOOD, "author_id": 2}]
    authors, rejected, chunks = building.read_jsonl(tmp_path, *lines)
    assert authors["author_id"].to_list() == ["1", "2"]
    assert authors["papers"].list.len().to_list() == [1, 1]
    assert rejected["reason"].is_in(["unreadable_line", "wrong_shape"]).all()
    [row] = rejected["row"]
    assert row == f"{tmp_path / 'source.jsonl'}:3: {bad[:2000]}"
    assert sum(chunk.counts.rows for chunk in chunks) == 3


@pytest.mark.parametrize("bad", [line for line in BAD if '"papers": ' in line], ids=lambda line: line[-60:])
def test_papers_of_another_shape_in_a_cell_cost_their_row(tmp_path, bad):
    cell = bad[bad.index('"papers": ') + len('"papers": ') : -1]
    frame = pl.DataFrame({"author_id": [1, 9, 2], "papers": ['[{"ut": "U1", "title": "T"}]', cell, "[]"]})
    for authors, rejected, _ in (
        building.read_csv(tmp_path, building.csv_bytes(frame).decode()),
        building.read_frame(tmp_path, frame),
    ):
        assert authors["author_id"].to_list() == ["1", "2"]
        assert rejected["reason"].to_list() == ["unreadable_papers"]


def test_values_that_are_no_texts_are_read_where_a_text_belongs(tmp_path):
    papers = [{"ut": 5, "title": 12.5, "journal": True, "prefinstitution": ["A", None, 7], "hot_paper": 1}]
    papers += [{"ut": 2.0, "hot_paper": "no", "citingsrcslocalcount": 3.0}, None]
    row = {"author_id": 12.0, "author_name": 1, "primary_affiliation": ["X", "Y"], "topics": "a; b", "papers": papers}
    authors, rejected, _ = building.read_jsonl(tmp_path, row, {"author_id": "x", "topics": ["c; d", 5]})
    assert rejected.is_empty()
    one, two = authors.to_dicts()
    assert (one["author_id"], one["author_name"], one["primary_affiliation"]) == ("12", "1", "X; Y")
    assert (one["topics"], two["topics"]) == (["a", "b"], ["c; d", "5"])
    assert one["papers"][:2] == [
        building.paper("5", "12.5", journal="true", prefinstitution="A; 7", hot_paper=True),
        building.paper("2", None, hot_paper=False, citingsrcslocalcount=3),
    ]


def test_a_broken_json_line_costs_only_itself_in_chunks_of_any_size(tmp_path):
    good = [{"id": n, "name": "N"} for n in range(50)]
    lines = [*good[:20], '{"id": 1', "null", "[1]", "", *good[20:]]
    building.read_jsonl(tmp_path, *lines)
    for rows in (1, 7, 1000):
        authors, rejected, chunks = read(str(tmp_path / "source.jsonl"), rows=rows)
        assert authors["author_id"].to_list() == [str(n) for n in range(50)]
        place = tmp_path / "source.jsonl"
        assert rejected["row"].to_list() == [f'{place}:21: {{"id": 1', f"{place}:22: null", f"{place}:23: [1]"]
        assert sum(chunk.counts.rows for chunk in chunks) == 53


EARLY = 1500
#: What may begin late: the column, and where its value is found.
LATE = {
    "topics": (["t"], "topics", ["t"]),
    "primary_affiliation": ("I", "primary_affiliation", "I"),
    "affiliation": ("I", "primary_affiliation", "I"),
    "Affiliation": ("I", "primary_affiliation", "I"),
    "author_name": ("A", "author_name", "A"),
    "NAME": ("A", "author_name", "A"),
    " name ": ("A", "author_name", "A"),
    "papers": ([{"ut": "U"}], "papers", [building.paper("U")]),
    "Papers": ([{"Title": "T", "JOURNAL": "J"}], "papers", [building.paper(None, "T", journal="J")]),
    "title": ("T", "papers", [building.paper(None, "T")]),
    "JOURNAL": ("J", "papers", [building.paper(None, journal="J")]),
}


@pytest.mark.parametrize("rows", [100, 100_000])
@pytest.mark.parametrize("key", LATE)
def test_a_column_that_begins_late_is_read_under_any_known_name(tmp_path, key, rows):
    value, name, expected = LATE[key]
    lines = [{"author_id": n, "topics" if name != "topics" else "affiliation": "x"} for n in range(EARLY)]
    building.read_jsonl(tmp_path, *lines, {"author_id": "late", key: value})
    authors, rejected, _ = read(str(tmp_path / "source.jsonl"), rows=rows)
    assert rejected.is_empty()
    assert authors.filter(author_id="late")[name].to_list() == [expected]
    assert authors.height == EARLY + 1


@pytest.mark.parametrize("field", ["journal", "Journal", "JOURNAL ", "blatt"])
def test_a_field_of_papers_that_begins_late_is_read(tmp_path, field):
    mapping = {"journal": "blatt"} if field == "blatt" else {}
    lines = [{"author_id": n, "author_name": "N", "papers": [{"ut": n}]} for n in range(EARLY)]
    building.read_jsonl(tmp_path, *lines, {**lines[0], "author_id": "late", "papers": [{"ut": "U", field: "J"}]})
    authors, _, _ = read(str(tmp_path / "source.jsonl"), mapping)
    assert authors.filter(author_id="late")["papers"].to_list() == [[building.paper("U", journal="J")]]


def test_mapped_columns_and_even_the_id_may_begin_after_any_number_of_lines(tmp_path):
    lines = [{"x": n} for n in range(EARLY)]
    write(tmp_path / "source.jsonl", "\n".join(map(json.dumps, [*lines, {"person": "p", "headline": "T"}])))
    authors, rejected, _ = read(str(tmp_path / "source.jsonl"), {"author_id": "person", "title": "headline"})
    assert authors["author_id"].to_list() == ["p"]
    assert authors["papers"].to_list() == [[building.paper(None, "T")]]
    assert rejected["reason"].to_list() == ["null_id"] * EARLY
    with pytest.raises(SourceError, match="says that author_id is 'persn', but there is no such column"):
        read(str(tmp_path / "source.jsonl"), {"author_id": "persn"})


def test_each_line_is_read_by_its_own_keys_but_another_things_id_is_nobodys(tmp_path):
    authors, rejected, _ = building.read_jsonl(
        tmp_path,
        {"author_id": 1, "id": "record-1", "author_name": "A", "name": "record"},
        {"author_id": 2, "name": "B"},
        {"id": "record-3", "name": "C"},
    )
    assert authors.select("author_id", "author_name").rows() == [("1", "A"), ("2", "B")]
    assert rejected["reason"].to_list() == ["null_id"]
    authors, _, _ = building.read_jsonl(tmp_path, {"ID": 1, "name": "A"}, {"id": 2, "NAME": "B"}, {" Id ": 3})
    assert authors.select("author_id", "author_name").rows() == [("1", "A"), ("2", "B"), ("3", None)]


def test_papers_that_begin_where_columns_of_one_paper_were_are_an_error(tmp_path):
    lines = [{"author_id": n, "title": "T"} for n in range(EARLY)]
    with pytest.raises(SourceError, match=r"in or after line 1001 begins a column of papers"):
        building.read_jsonl(tmp_path, *lines, {"author_id": "late", "papers": []})


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
@pytest.mark.parametrize("form", ["nested", "flat"])
@pytest.mark.parametrize("indent", [None, 2])
def test_one_array_of_objects_is_read_like_lines(tmp_path, suffix, form, indent):
    rows = (building.nested() if form == "nested" else building.flat()).to_dicts()
    text = "\ufeff \n" + json.dumps(rows, indent=indent, ensure_ascii=indent is None)
    authors, rejected, _ = read(write(tmp_path / f"a.json{suffix}", compressed(text.encode(), suffix)), rows=2)
    assert sorted(authors["author_id"].unique()) == sorted(row["author_id"] for row in EXPECTED)
    assert rejected.is_empty()


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_elements_of_an_array_are_found_wherever_it_is_cut_into_blocks(tmp_path, monkeypatch, block):
    monkeypatch.setattr(json_array, "_BLOCK", block)
    text = '[\n {"id": 1, "name": "a ] } \\" , [ é"},\n\n {"id": 2,\n "name": {"x": [1]}} ,{"id": 3, "name": "C"}\n]\n'
    authors, rejected, _ = read(write(tmp_path / "a.json", text))
    assert authors.select("author_id", "author_name").rows() == [("1", 'a ] } " , [ é'), ("3", "C")]
    assert [row.partition(": ")[0] for row in rejected["row"]] == [f"{tmp_path / 'a.json'}:4"]


def test_an_array_that_is_compressed_under_another_name_or_in_another_encoding_is_read_or_named(tmp_path):
    text = '[{"id": 1, "name": "é"}]'
    for suffix in (".gz", ".zst"):
        assert read(write(tmp_path / "a.json", compressed(text.encode(), suffix)))[0]["author_name"].to_list() == ["é"]
    with pytest.raises(SourceError, match=r"a.json: .*(not UTF-8|utf8)"):
        read(write(tmp_path / "a.json", text.encode("latin-1")))


def test_an_array_that_is_empty_is_an_empty_file(tmp_path):
    with pytest.raises(SourceError, match="is empty"):
        open_source(write(tmp_path / "a.json", " [ ]\n"), {})


TEXTS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
PAPERS = st.lists(
    st.dictionaries(st.sampled_from(["ut", "title", "woscategory", "hot_paper", "x"]), VALUES), max_size=3
)
ROWS = st.fixed_dictionaries(
    {"author_id": st.integers(1, 9)},
    optional={"author_name": VALUES, "topics": VALUES, "papers": PAPERS | VALUES, "other": VALUES},
)


@settings(deadline=None, max_examples=60)
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_whatever_stands_in_a_line_it_is_an_author_or_rejected_and_never_an_assertion(rows):
    rows = [{"author_id": "first", "author_name": "N", "papers": [{"ut": "U"}]}, *rows]
    with tempfile.TemporaryDirectory() as folder:
        for uri in (
            write(Path(folder) / "a.jsonl", "\n".join(map(json.dumps, rows))),
            write(Path(folder) / "a.json", json.dumps(rows)),
        ):
            try:
                authors, rejected, _ = read(uri)
            except SourceError as error:  # NaN spoils an array's element only; a list of unknown papers the file
                assert "no field of a paper is known" in str(error)  # noqa: PT017 - the only one allowed
            else:
                assert authors.height + rejected.height == len(rows)
                assert authors["author_id"][0] == "first"

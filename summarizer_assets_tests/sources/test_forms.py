"""Every form, format and compression delivers the same authors."""

import json

import polars as pl
import pytest
from deltalake import write_deltalake

from summarizer_assets.core.records import AUTHORS
from summarizer_assets.ingest.ingest import ingest
from summarizer_assets.ingest.merge import merge
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources import building
from summarizer_assets_tests.sources.building import EXPECTED, compressed, csv_bytes, jsonl_bytes, read, write

FORMS = {"nested": building.nested, "flat": building.flat}


def united(authors: pl.DataFrame) -> list[dict]:
    return merge(authors).authors.to_dicts()


WANTED = sorted(EXPECTED, key=lambda author: author["author_id"])


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_a_parquet_file_delivers_its_authors_in_any_chunk_size(tmp_path, form, rows):
    FORMS[form]().write_parquet(tmp_path / "a.parquet")
    authors, rejected, _ = read(str(tmp_path / "a.parquet"), rows=rows)
    assert united(authors) == WANTED
    assert rejected.is_empty()


@pytest.mark.parametrize("form", FORMS)
def test_a_delta_table_delivers_its_authors(tmp_path, form):
    write_deltalake(str(tmp_path / "table"), FORMS[form]())
    assert united(read(str(tmp_path / "table"))[0]) == WANTED


@pytest.mark.parametrize("form", ["json", "flat"])
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_csv_file_delivers_its_authors_compressed_or_not(tmp_path, form, suffix):
    frame = building.papers_as_json() if form == "json" else building.flat()
    path = write(tmp_path / f"a.csv{suffix}", compressed(csv_bytes(frame), suffix))
    source = open_source(path, {})
    assert source.form == ("nested" if form == "json" else "flat")
    assert united(read(path, rows=2)[0]) == WANTED


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
def test_a_json_lines_file_delivers_its_authors_compressed_or_not(tmp_path, form, suffix):
    path = write(tmp_path / f"a.jsonl{suffix}", compressed(jsonl_bytes(FORMS[form]()), suffix))
    assert united(read(path, rows=2)[0]) == WANTED


@pytest.mark.parametrize(
    "text",
    ['["optics", "x-ray, soft"]', "['optics', 'x-ray, soft']", "optics; x-ray, soft", "optics|x-ray, soft|optics"],
)
def test_topics_in_a_text_are_split_at_its_strongest_separator(tmp_path, text):
    frame = pl.DataFrame({"author_id": ["a"], "author_name": ["N"], "affiliation": ["I"], "topics": [text]})
    authors, _, _ = read(write(tmp_path / "a.csv", csv_bytes(frame)))
    expected = {"author_id": "a", "author_name": "N", "primary_affiliation": "I", "topics": ["optics", "x-ray, soft"]}
    assert authors.to_dicts() == [{**expected, "papers": []}]


def test_topics_are_split_at_commas_when_nothing_else_separates_them(tmp_path):
    authors, _, _ = building.read_csv(tmp_path, 'author_id,topics\n1,"a, b ,,b"\n2,\n')
    assert authors["topics"].to_list() == [["a", "b"], []]


def test_a_list_of_topics_keeps_commas_and_order_and_loses_blanks_and_repeats(tmp_path):
    frame = pl.DataFrame({"author_id": [1], "topics": [["z, y", " ", None, "a", "z, y"]]})
    assert building.read_frame(tmp_path, frame)[0]["topics"].to_list() == [["z, y", "a"]]
    assert building.read_jsonl(tmp_path, *frame.to_dicts())[0]["topics"].to_list() == [["z, y", "a"]]


def test_institutions_and_categories_may_be_lists(tmp_path):
    row = {"id": 1, "papers": [{"ut": 5, "prefinstitution": ["A", None, "B"], "woscategory": ["C"]}]}
    for authors, _, _ in (
        building.read_jsonl(tmp_path, row),
        building.read_frame(tmp_path, pl.DataFrame([row])),
        building.read_csv(
            tmp_path, csv_bytes(pl.DataFrame({"id": [1], "papers": [json.dumps(row["papers"])]})).decode()
        ),
    ):
        [found] = authors["papers"].to_list()[0]
        assert (found["ut"], found["prefinstitution"], found["woscategory"]) == ("5", "A; B", "C")


def test_an_author_whose_papers_cannot_be_read_is_rejected_not_left_without_papers(tmp_path):
    frame = pl.DataFrame({"id": [1, 2, 3, 4], "papers": ['[{"ut": "x"}]', "[{'ut': 'y'}]", None, "NULL"]})
    authors, rejected, _ = building.read_csv(tmp_path, csv_bytes(frame).decode())
    assert authors["author_id"].to_list() == ["1", "3", "4"]
    assert rejected["reason"].to_list() == ["unreadable_papers"]
    assert "'y'" in rejected["row"][0]


@pytest.mark.parametrize("separator", ["\t", ";", "|"])
def test_a_csv_may_be_separated_otherwise(tmp_path, separator):
    text = "\n".join(separator.join(row) for row in (("author_id", "author_name"), ("01", "A, B")))
    authors, _, _ = building.read_csv(tmp_path, "\ufeff" + text)
    assert authors.select("author_id", "author_name").rows() == [("01", "A, B")]


def test_nested_and_flat_and_csv_ingest_to_the_same_hashes(tmp_path):
    building.nested().write_parquet(tmp_path / "a.parquet")
    sources = [
        str(tmp_path / "a.parquet"),
        write(tmp_path / "b.csv", csv_bytes(building.flat())),
        write(tmp_path / "c.jsonl", jsonl_bytes(building.nested())),
    ]
    hashes = []
    for uri in sources:
        run = ingest(
            open_source(uri, {}),
            buckets=1,
            selected=["0000"],
            spill_dir=tmp_path / "spill",
            current=lambda _: pl.LazyFrame(schema=AUTHORS),
        )
        [change] = run
        hashes.append(change.frame.select("author_id", "record_hash").rows())
    assert hashes[0] == hashes[1] == hashes[2]

"""Addresses: files, folders, globs, and what is wrong with them."""

import polars as pl
import pytest

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.files import list_files
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources.building import jsonl_bytes, nested, read, write

ROW = "id,name\n{},N\n"


def test_a_folder_is_read_whole_in_order_without_hidden_files(tmp_path):
    for number in (2, 1):
        write(tmp_path / "deep" / f"part-{number}.csv", ROW.format(number))
    write(tmp_path / "_SUCCESS", "")
    write(tmp_path / ".part-1.csv.crc", "x")
    assert read(str(tmp_path))[0]["author_id"].to_list() == ["1", "2"]


def test_a_glob_chooses_files(tmp_path):
    for name in ("a1.csv", "a2.csv", "b1.csv", "x/a3.csv"):
        write(tmp_path / name, ROW.format(name[-5]))
    assert read(str(tmp_path / "a*.csv"))[0]["author_id"].to_list() == ["1", "2"]
    assert read(str(tmp_path / "**" / "a*.csv"))[0]["author_id"].to_list() == ["1", "2", "3"]


def test_a_name_with_pattern_characters_is_a_file_first(tmp_path):
    assert read(write(tmp_path / "a[1]*.csv", ROW.format(1)))[0]["author_id"].to_list() == ["1"]
    assert read(write(tmp_path / "a[2].jsonl", '{"id": 2, "name": "N"}'))[0]["author_id"].to_list() == ["2"]


def test_files_of_one_source_may_type_and_order_their_columns_differently(tmp_path):
    pl.DataFrame({"id": [1], "name": ["N"]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"name": ["N"], "id": ["x"], "other": [None]}).write_parquet(tmp_path / "b.parquet")
    assert read(str(tmp_path))[0]["author_id"].to_list() == ["1", "x"]


def test_an_empty_part_of_several_is_no_error(tmp_path):
    write(tmp_path / "a.jsonl", "")
    write(tmp_path / "b.jsonl", '\n{"id": 1, "name": "N"}\n')
    write(tmp_path / "c" / "a.csv", "")
    write(tmp_path / "c" / "b.csv", ROW.format(1))
    assert read(str(tmp_path / "*.jsonl"))[0].height == 1
    assert read(str(tmp_path / "c"))[0].height == 1


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl"])
def test_a_source_without_even_a_header_is_an_error(tmp_path, name):
    with pytest.raises(SourceError, match="is empty"):
        open_source(write(tmp_path / name, ""), {})


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("missing.parquet", "no such file or folder"),
        ("*.avro", "no file is there"),
        ("empty", "no file is there"),
        ("mixed", "different formats.*choose one with a glob"),
        ("notes.docx", "cannot be told from the name"),
        ("a.parquet.gz", "decompress"),
        ("pretty.json", "no JSON object a line.*jq"),
        ("wrapped.json", r"one object, whose 'results' is a list.*jq -c '\.results\[\]'"),
        ("cut.json", "ends within the array.*cut off"),
        ("two.json", "goes on after the array"),
        ("torn.parquet", "torn.parquet: cannot be read as parquet"),
        ("torn.csv.gz", "torn.csv.gz: cannot be read as csv"),
        ("forms", "b.csv: is flat, but .*a.csv is narrow"),
    ],
)
def test_what_cannot_be_read_is_named_with_cause_and_remedy(tmp_path, uri, message):
    (tmp_path / "empty").mkdir()
    write(tmp_path / "mixed" / "a.csv", ROW.format(1))
    write(tmp_path / "mixed" / "b.jsonl", jsonl_bytes(nested()))
    write(tmp_path / "notes.docx", "x")
    write(tmp_path / "a.parquet.gz", "x")
    write(tmp_path / "pretty.json", '{\n"id": 1,\n"name": "N"}\n')
    write(tmp_path / "wrapped.json", '{"count": 1, "results": [{"id": 1}]}')
    write(tmp_path / "cut.json", '[{"id": 1, "name": "N"}, {"id": 2, "na')
    write(tmp_path / "two.json", '[{"id": 1, "name": "N"}]\n[{"id": 2, "name": "N"}]')
    write(tmp_path / "torn.parquet", b"PAR1 and then nothing")
    write(tmp_path / "torn.csv.gz", b"\x1f\x8b\x08\x00 torn")
    write(tmp_path / "forms" / "a.csv", ROW.format(1))
    write(tmp_path / "forms" / "b.csv", "id,title\n1,T\n")
    with pytest.raises(SourceError, match=message):
        read(str(tmp_path / uri))


def test_an_address_of_another_store_is_refused():
    with pytest.raises(SourceError, match="only local paths and s3://"):
        list_files("gs://bucket/authors.csv", None)

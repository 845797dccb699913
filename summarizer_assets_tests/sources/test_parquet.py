"""Parquet files with columns of any type beside ours, and footers that contradict what is in the file."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.parquet import ArrowParquetReader, ParquetReader, open_parquet
from summarizer_assets_tests.sources import building
from summarizer_assets_tests.sources.building import read

OURS = pa.table({"author_id": [7, 2**60 + 1], "author_name": ["Ada", None], "title": ["T", "U"]})
SQL = {
    "interval": "INTERVAL 1 YEAR", "union": "union_value(num := 2)", "map": "MAP {'a': 1}", "bits": "'101'::BIT",
    "map of structs": "MAP {{'k': 1}: [1]}", "huge": "1::HUGEINT", "time with zone": "'12:00:00+05:30'::TIMETZ",
    "enum": "'a'::ENUM('a', 'b')", "uuid": "uuid()", "json": "'{}'::JSON",
    "deep interval": "{'a': {'b': INTERVAL 1 DAY}}", "uuids": "[{'a': uuid()}]",
    "null": "NULL", "variant": "{'a': 1}::VARIANT", "bignum": "1::BIGNUM",
}  # fmt: skip
ARROW = {
    "offset": pa.array([0, 1], pa.timestamp("us", "+05:30")),
    "unknown zone": pa.array([0, 1], pa.timestamp("us", "Mars/Base")),
    "zone": pa.array([0, 1], pa.timestamp("us", "Europe/Berlin")),
    "nested offset": pa.array([[{"at": 0}], []], pa.list_(pa.struct([("at", pa.timestamp("us", "-03:00"))]))),
    "date64": pa.array([0, 1], pa.date64()),
    "duration": pa.array([1, 2], pa.duration("ns")),
    "decimal256": pa.array([1, 2], pa.decimal256(60, 3)),
    "half": pa.array([1, 2], pa.float16()),
    "null": pa.nulls(2),
    "fixed binary": pa.array([b"abc", b"abd"], pa.binary(3)),
    "dictionary": pa.array(["x", "y"]).dictionary_encode(),
    "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    "fixed list": pa.array([[1], [2]], pa.list_(pa.int64(), 1)),
    "empty lists": pa.array([[], []], pa.list_(pa.null())),
    "view": pa.array(["x", "y"], pa.string_view()),
}


def ours(uri: str) -> list[tuple]:
    authors, rejected, _ = read(uri)
    assert rejected.is_empty()
    titles = authors["papers"].list.first().struct.field("title")
    return list(zip(authors["author_id"], authors["author_name"], titles, strict=True))


WANTED = [("7", "Ada", "T"), (str(2**60 + 1), None, "U")]


@pytest.mark.parametrize("kind", SQL)
def test_a_column_that_nobody_asked_for_may_have_any_type_of_duckdb(tmp_path, kind):
    path = tmp_path / "a.parquet"
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT *, {SQL[kind]} AS odd FROM OURS) TO '{path}' (FORMAT parquet)")
    assert ours(str(path)) == WANTED


@pytest.mark.parametrize("kind", ARROW)
def test_a_column_that_nobody_asked_for_may_have_any_type_of_arrow(tmp_path, kind):
    pq.write_table(OURS.append_column("odd", ARROW[kind]), tmp_path / "a.parquet")
    assert ours(str(tmp_path / "a.parquet")) == WANTED


def test_only_odd_files_go_the_other_way(tmp_path):
    pq.write_table(OURS.append_column("odd", ARROW["offset"]), tmp_path / "odd.parquet")
    pq.write_table(OURS, tmp_path / "plain.parquet")
    assert isinstance(open_parquet(str(tmp_path / "odd.parquet"), {}, None), ArrowParquetReader)
    assert isinstance(open_parquet(str(tmp_path / "plain.parquet"), {}, None), ParquetReader)


def test_a_field_of_papers_that_nobody_asked_for_may_have_any_type(tmp_path):
    papers = [[{"ut": "a", "Title": "T", "at": 0, "cites": 3}], None, []]
    kind = pa.list_(
        pa.struct(
            [("ut", pa.string()), ("Title", pa.string()), ("at", pa.timestamp("us", "+01:00")), ("cites", pa.int32())]
        )
    )
    table = pa.table({"id": [1, 2, 3], "papers": pa.array(papers, kind), "topics": [["x"], [], None]})
    for groups in (1, 3):
        pq.write_table(table, tmp_path / "a.parquet", row_group_size=groups)
        authors, _, _ = read(str(tmp_path / "a.parquet"), {"citingsrcslocalcount": "cites"}, rows=2)
        assert authors["papers"].to_list() == [[building.paper("a", "T", citingsrcslocalcount=3)], [], []]
        assert authors["topics"].to_list() == [["x"], [], []]


@pytest.mark.parametrize("odd", [False, True])
def test_a_uuid_is_its_text(tmp_path, odd):
    given = [uuid.UUID(int=2**127 + 5), uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8"), None]
    ids = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([one and one.bytes for one in given], pa.binary(16)))
    table = pa.table({"id": ids, "name": ["A", "B", "C"]})
    if odd:
        table = table.append_column("odd", pa.array([0] * 3, pa.timestamp("us", "+01:00")))
    pq.write_table(table, tmp_path / "a.parquet")
    authors, rejected, _ = read(str(tmp_path / "a.parquet"))
    assert authors["author_id"].to_list() == [str(one) for one in given[:2]]
    assert rejected["reason"].to_list() == ["null_id"]


def test_bytes_of_16_that_are_told_to_be_no_uuid_are_no_id(tmp_path):
    raw = pa.array([uuid.UUID(int=2**127 + 5).bytes], pa.binary(16))
    pq.write_table(pa.table({"id": raw, "name": ["A"]}), tmp_path / "a.parquet")
    assert read(str(tmp_path / "a.parquet"))[1]["reason"].to_list() == ["unusable_id"]


def test_ids_of_more_digits_than_128_bits_keep_them_all(tmp_path):
    ids = pa.array([Decimal(10**50 + 7), Decimal(5)], pa.decimal256(60, 0))
    pq.write_table(pa.table({"id": ids, "name": ["A", "B"]}), tmp_path / "a.parquet")
    assert read(str(tmp_path / "a.parquet"))[0]["author_id"].to_list() == [str(10**50 + 7), "5"]


def test_integers_of_128_bits_beside_ours_are_no_hindrance(tmp_path):
    frame = pl.DataFrame({"id": [1], "name": ["A"], "odd": pl.Series([2**100], dtype=pl.Int128)})
    frame.write_parquet(tmp_path / "a.parquet")
    assert read(str(tmp_path / "a.parquet"))[0]["author_id"].to_list() == ["1"]


def test_papers_in_a_column_of_json_or_of_views_are_read(tmp_path):
    with duckdb.connect() as connection:
        query = """SELECT 1 AS id, '[{"ut": "U"}]'::JSON AS papers UNION ALL SELECT 2, '[{"ut": {}}]'"""
        connection.execute(f"COPY ({query}) TO '{tmp_path / 'json.parquet'}' (FORMAT parquet)")
    kind = pa.list_view(pa.struct({"ut": pa.string()}))
    pq.write_table(pa.table({"id": [1], "papers": pa.array([[{"ut": "U"}]], kind)}), tmp_path / "views.parquet")
    for name, reasons in (("json", ["unreadable_papers"]), ("views", [])):
        authors, rejected, _ = read(str(tmp_path / f"{name}.parquet"))
        assert authors["papers"].to_list() == [[building.paper("U")]]
        assert rejected["reason"].to_list() == reasons


def test_a_wanted_column_of_a_type_that_is_no_text_is_named(tmp_path):
    durations = pa.array([1], pa.duration("us"))
    pq.write_table(pa.table({"id": [1], "title": durations}), tmp_path / "a.parquet")
    with pytest.raises(SourceError, match=r"column 'title' has the type Duration"):
        read(str(tmp_path / "a.parquet"))


@pytest.mark.parametrize("year", [1600, 1900, 2020, 2262, 2263, 2500, 9999])
def test_a_time_of_96_bits_is_its_own_time_in_any_year(tmp_path, year):
    time = datetime(year, 6, 1, 12, 30)  # noqa: DTZ001 - Parquet's have no zone
    table = pa.table({"id": [1], "name": pa.array([time], pa.timestamp("us")), "title": ["T"]})
    pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    assert pq.ParquetFile(tmp_path / "a.parquet").schema.column(1).physical_type == "INT96"
    [name] = read(str(tmp_path / "a.parquet"))[0]["author_name"].to_list()
    assert name.startswith(f"{year}-06-01 12:30:00")


def test_a_wanted_time_with_an_odd_zone_is_a_text(tmp_path):
    at = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=1)
    table = pa.table({"id": [1], "name": pa.array([at], pa.timestamp("us", "+05:30"))})
    pq.write_table(table, tmp_path / "a.parquet")
    assert read(str(tmp_path / "a.parquet"))[0]["author_name"][0].startswith("2020-01-01 01:00:00")


ROWS = 300
TOLD = b"\x16\xd8\x04"  # 300, as the footer writes a number of 64 bits


@pytest.mark.parametrize("other", [b"\x16\xd6\x04", b"\x16\xda\x04", b"\x16\x80\x04"], ids=["299", "301", "256"])
def test_a_footer_that_contradicts_its_row_groups_is_refused_or_read_whole(tmp_path, other):
    path = tmp_path / "a.parquet"
    pl.DataFrame({"id": range(ROWS), "name": ["N"] * ROWS}).write_parquet(path)
    content = path.read_bytes()
    begin = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    places = [begin + at for at in range(len(content) - begin) if content[begin + at :].startswith(TOLD)]
    refused = 0
    for at in places:
        path.write_bytes(content[:at] + other + content[at + len(TOLD) :])
        try:
            authors, _, _ = read(str(path))
        except SourceError as error:
            refused += "by its footer there are" in str(error) or "values of" in str(error)
        else:  # a size or a statistic
            assert authors["author_id"].to_list() == list(map(str, range(ROWS)))
    assert refused >= 4  # the file's number, the row group's, each column's

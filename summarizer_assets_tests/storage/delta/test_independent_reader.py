"""What we write is read the same, value by value, by DuckDB's delta extension.

Its reader of data files is its own; the log it reads by the kernel library of Delta's own project, as delta-rs does, in
another build.
"""

import os
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from summarizer_assets.core.records import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.storage.delta.changes import Append, Change, Merge, Overwrite
from summarizer_assets.storage.delta.maintenance import maintain
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets_tests.duckdb_delta import duckdb_with_delta

TABLES = {"authors": AUTHORS, "author_summaries": SUMMARIES, "failed_authors": FAILURES}
BUCKETS = ("0000", "0001")
DAY_S = 24 * 3600
_TEXTS = ("plain", "", "Ünïcode “quotes” 中文 \U0001f52c", "line\nbreak\ttab", 'it\'s 100 % \\ "done"', "e\u0301\u200b")


@pytest.fixture
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb_with_delta() as connection:
        yield connection


_FIRST = datetime(2026, 3, 29, 0, 59, tzinfo=UTC)
_SCALARS: dict[Any, Callable[[int], list[Any]]] = {
    pl.String: lambda number: [None, *(f"{text} {number}" for text in _TEXTS)],
    pl.Int64: lambda number: [None, 0, -1, 2**63 - 1, -(2**63), number],
    pl.Float64: lambda number: [None, 0.0, 0.1, 1e-300, -1.5, number / 3],
    pl.Boolean: lambda number: [None, True, False],
    pl.Datetime("us", "UTC"): lambda number: [None, *(_FIRST + timedelta(microseconds=number + day) for day in (1, 2))],
}


def value(dtype: Any, number: int) -> Any:
    """Of every kind that our tables hold, with nulls and limits among them."""
    if isinstance(dtype, pl.List):
        return [value(dtype.inner, number + index) for index in range(number % 4)]
    if isinstance(dtype, pl.Struct):
        return {field.name: value(field.dtype, number + index) for index, field in enumerate(dtype.fields)}
    choice = _SCALARS[dtype](number)
    return choice[number % len(choice)]


def rows(schema: pl.Schema, bucket: str, ids: range, turn: int = 0) -> pl.DataFrame:
    """Authors of one bucket; another `turn` gives them other values."""
    made = [
        {
            **{name: value(dtype, 7 * turn + number + index) for index, (name, dtype) in enumerate(schema.items())},
            "author_id": f"{bucket}-{number:03d}",
            "bucket": bucket,
        }
        for number in ids
    ]
    return pl.DataFrame(made, schema=schema)


def by_duckdb(duck: duckdb.DuckDBPyConnection, uri: str, version: int | None = None) -> pl.DataFrame:
    at = "" if version is None else f", version={version}"
    found = duck.sql(f"SELECT * FROM delta_scan('{uri}'{at}) ORDER BY author_id")
    return pl.DataFrame(found.to_arrow_table())


def by_polars(uri: str, version: int | None = None) -> pl.DataFrame:
    return pl.scan_delta(uri, version=version).sort("author_id").collect()


def newest(table: BucketedTable) -> int:
    opened = table.open()
    assert opened is not None
    return opened.version()


def changes(schema: pl.Schema, bucket: str) -> list[Change]:
    """The life of a bucket: answers as they come, replaced, taken out, written anew, emptied, and filled again."""
    return [
        Append(bucket, rows(schema, bucket, range(10))),
        Append(bucket, rows(schema, bucket, range(10, 30))),
        Merge(bucket, rows(schema, bucket, range(5, 12), turn=1), frozenset({f"{bucket}-002", f"{bucket}-020"})),
        Merge(bucket, rows(schema, bucket, range(0)), frozenset({f"{bucket}-003"})),
        Overwrite(bucket, rows(schema, bucket, range(40), turn=2)),
        Overwrite(bucket, rows(schema, bucket, range(0))),
        *(Append(bucket, rows(schema, bucket, range(start, start + 3), turn=3)) for start in range(0, 24, 3)),
    ]


@pytest.mark.parametrize("name", TABLES)
def test_every_version_of_a_table_is_read_by_duckdb_as_by_polars(tmp_path: Path, name: str, duck: Any) -> None:
    table = BucketedTable(str(tmp_path / name), TABLES[name], len(BUCKETS))
    for bucket in BUCKETS:
        writer = table.writer(bucket, None)
        for change in changes(TABLES[name], bucket):
            writer.apply(change)
    assert by_duckdb(duck, table.uri).equals(by_polars(table.uri))
    assert by_polars(table.uri).height == 48
    last = newest(table)
    heights = set[int]()
    for version in range(last + 1):
        found = by_duckdb(duck, table.uri, version)
        assert found.equals(by_polars(table.uri, version)), version
        heights.add(found.height)
    assert {0, 10, 30, 28, 27, 40} <= heights


@pytest.mark.parametrize("name", TABLES)
def test_a_maintained_table_is_read_by_duckdb_as_by_polars(tmp_path: Path, name: str, duck: Any) -> None:
    table = BucketedTable(str(tmp_path / name), TABLES[name], len(BUCKETS))
    for bucket in BUCKETS:
        writer = table.writer(bucket, None)
        for change in changes(TABLES[name], bucket):
            writer.apply(change)
    before, last = by_polars(table.uri), newest(table)
    orphan = Path(table.uri) / f"bucket={BUCKETS[0]}" / "never-committed.parquet"
    orphan.write_bytes(b"of a commit that was never made")
    aged = time.time() - 8 * DAY_S
    os.utime(orphan, (aged, aged))
    done = maintain(table)
    assert done is not None
    assert (done.buckets_compacted, done.files_vacuumed) == (2, 1)
    assert list((Path(table.uri) / "_delta_log").glob("*.checkpoint.parquet"))
    assert by_duckdb(duck, table.uri).equals(before)
    assert by_duckdb(duck, table.uri, last).equals(before)  # and so is what was compacted, for seven days

    writer = table.writer(BUCKETS[1], table.fence(BUCKETS[1], table.open()))
    writer.apply(Merge(BUCKETS[1], rows(TABLES[name], BUCKETS[1], range(3), turn=4), frozenset({"0001-005"})))
    opened = table.open()
    assert opened is not None
    assert opened.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False, full=True)
    found = by_duckdb(duck, table.uri)
    assert found.equals(by_polars(table.uri))
    assert found.height == before.height - 1

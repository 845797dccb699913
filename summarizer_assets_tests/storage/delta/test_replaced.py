"""The rows that commits replaced are read from the files that are still there, not those that only moved."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from summarizer_assets.storage.delta.changes import Append, Change, Merge, Overwrite
from summarizer_assets.storage.delta.replaced import ReplacedRows
from summarizer_assets.storage.delta.table import BucketedTable
from testing.table_rows import rows, table_at

COLUMNS = ["author_id", "summary"]
EVERYBODY = pl.lit(value=True)


def apply(table: BucketedTable, change: Change) -> None:
    handle = table.ensure()
    table.writer(change.bucket, table.fence(change.bucket, handle)).apply(change)


def found(table: BucketedTable, bucket: str = "0000", only: pl.Expr = EVERYBODY, **more) -> set[tuple[str, str]] | None:
    replaced = ReplacedRows(table, more.get("at", datetime.now(UTC)), more.get("most", 9)).rows(bucket, COLUMNS, only)
    return None if replaced is None else set(replaced.iter_rows())


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> BucketedTable:
    """Bucket 0000: a replaced twice, b once, both files joined once in between; 0001: nothing was ever replaced."""
    table = table_at(tmp_path_factory.mktemp("a folder"))
    apply(table, Append("0000", rows("0000", "ab")))
    apply(table, Append("0000", rows("0000", "c")))
    apply(table, Append("0001", rows("0001", "z")))
    handle = table.open()
    assert handle is not None
    handle.optimize.compact(partition_filters=[("bucket", "=", "0000")])
    apply(table, Merge("0000", rows("0000", "a", "second")))
    apply(table, Overwrite("0000", rows("0000", "ab", "third")))
    return table


def test_what_commits_replaced_is_found_by_bucket_and_by_author(table: BucketedTable) -> None:
    old = {("a", "first"), ("b", "first"), ("c", "first"), ("a", "second")}
    assert found(table) == old
    assert found(table, only=pl.col("author_id") == "a") == {("a", "first"), ("a", "second")}
    assert found(table, "0001") == found(table, "0002") == set()


def test_the_files_that_were_removed_last_are_read_and_none_of_more_than_seven_days(table: BucketedTable) -> None:
    assert found(table, most=1) == {("a", "second"), ("b", "first"), ("c", "first")}
    assert found(table, at=datetime.now(UTC) + timedelta(days=7, minutes=1)) == set()


def test_a_checkpoint_tells_the_same_as_the_entries_that_it_replaces(table: BucketedTable) -> None:
    before = found(table)
    handle = table.open()
    assert handle is not None
    handle.create_checkpoint()
    for entry in (Path(table.uri) / "_delta_log").glob("*.json"):
        entry.write_text("unread")
    assert found(table) == before


def test_a_file_that_somebody_removed_early_is_no_error_and_no_table_has_no_rows(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert found(table) == set()
    apply(table, Append("0000", rows("0000", "a")))
    apply(table, Overwrite("0000", rows("0000", "a", "second")))
    handle = table.open()
    assert handle is not None
    handle.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    assert found(table) is None

"""A small table's schema and rows, and programs run in processes of their own."""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from summarizer_assets.storage.delta.table import BucketedTable

SCHEMA = pl.Schema({"author_id": pl.String, "summary": pl.String, "bucket": pl.String})


def rows(bucket: str, ids: Iterable[str], summary: str = "first") -> pl.DataFrame:
    return pl.DataFrame({"author_id": list(ids), "summary": summary, "bucket": bucket}, schema=SCHEMA)


def table_at(folder: Path, buckets: int = 4) -> BucketedTable:
    return BucketedTable(str(folder / "table"), SCHEMA, buckets)


def content(table: BucketedTable) -> set[tuple[str, str, str]]:
    """Every row as (bucket, author, summary); fails when a row is there twice."""
    found = table.read().select("bucket", "author_id", "summary").collect().rows()
    assert len(found) == len(set(found))
    return set(found)


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Run `program` in a new interpreter; `sys.argv[1:]` are the arguments."""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """Wait for the end of `process` and return what it printed; fails when it failed."""
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out.splitlines()

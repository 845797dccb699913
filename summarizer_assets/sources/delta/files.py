"""Integrity checks of a Delta snapshot's files: their sizes match the log, and all their rows are read.

Why (measured with polars 2.1): on a data file shorter than the log says, polars' stream crashes in a thread of its own
and then ends as if there were no more rows. An ingest would treat the missing authors as removed.
"""

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import polars as pl
import pyarrow.fs as pafs
from deltalake import DeltaTable

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.readers import Batch, TableReader, nothing_rejected
from summarizer_assets.sources.stores import filesystem

REMEDY = (
    "a data file may be damaged: put it back from a backup or from the store's older versions of it, or go back to a "
    "whole version with RESTORE TABLE … TO VERSION AS OF"
)


@dataclass(frozen=True)
class DeltaReader(TableReader):
    """A Delta table through polars' streaming engine.

    Attributes:
        kept: filter of the rows to read; None for all.
    """

    table: DeltaTable
    uri: str
    options: dict[str, str] | None
    kept: pl.Expr | None = None

    def batches(self, rows: int) -> Iterator[Batch]:
        check_sizes(self.table, self.uri, self.options)
        if self.layout is None:
            return super().batches(rows)
        id_column, expected = self.layout.authors["author_id"], expected_rows(self.table)
        if self.kept is None:
            return counted(super().batches(rows), expected, self.uri, id_column)
        # The log does not tell how many rows the filter keeps, so the whole id column is read and counted.
        ids = counted(_batches(self.frame.select(id_column), rows), expected, self.uri, id_column)
        found = sum(frame.filter(self.kept).height for frame, _ in ids)
        chosen = self.frame.filter(self.kept).select(self.layout.columns)
        return counted(_batches(chosen, rows), found, self.uri, None, "by its column of ids")


def _batches(frame: pl.LazyFrame, rows: int) -> Iterator[Batch]:
    for batch in frame.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming"):
        yield batch, nothing_rejected()


def address(uri: str, path: str) -> str:
    """A file's address from its path in the log: relative to the table, or absolute in a clone of another table."""
    if "://" in path or path.startswith("file:"):
        return unquote(path).replace("file:///", "/").replace("file:/", "/").replace("s3a://", "s3://")
    return f"{uri.rstrip('/')}/{unquote(path)}"


def check_sizes(table: DeltaTable, uri: str, options: dict[str, str] | None) -> None:
    """Compare the files' sizes with the log; of a shallow clone, files in the original table only if they are local.

    Raises:
        SourceError: a file's size differs.
        FileNotFoundError: a file does not exist.
    """
    listed = _listed(uri, options) if uri.startswith("s3://") else {}
    for path, size in pl.DataFrame(table.get_add_actions()).select("path", "size_bytes").iter_rows():
        place = address(uri, path)
        if "://" not in place:
            found = Path(place).stat().st_size
        elif place in listed:
            found = listed[place]
        elif place.startswith(uri):
            raise FileNotFoundError(errno.ENOENT, "no such file", place)
        else:
            continue
        if found != size:
            raise SourceError(f"{place}: has {found} bytes, and {size} by the log of {uri}; {REMEDY}")


def _listed(uri: str, options: dict[str, str] | None) -> dict[str, int]:
    """Sizes of all objects under a table, by path; one request per thousand."""
    store, root = filesystem(uri, options)
    found = store.get_file_info(pafs.FileSelector(root, recursive=True))
    return {f"s3://{info.path}": info.size for info in found if info.type == pafs.FileType.File}


def expected_rows(table: DeltaTable) -> int | None:
    """The number of rows by the log, without rows removed by deletion vectors; None if the log lacks a file's count."""
    told = rows_by_log(table)
    if not told:
        return told
    kept = (pl.DataFrame(batch)["selection_vector"] for batch in table.deletion_vectors())
    return told - sum(int((~column.explode(empty_as_null=False, keep_nulls=False)).sum()) for column in kept)


def rows_by_log(table: DeltaTable) -> int | None:
    """The same for a table without deletion vectors."""
    adds = pl.DataFrame(table.get_add_actions())
    if adds.is_empty():
        return 0
    if "num_records" not in adds.columns or adds["num_records"].null_count():
        return None
    return int(adds["num_records"].sum())


def counted(
    batches: Iterator[Batch],
    expected: int | None,
    uri: str,
    id_column: str | None,
    by: str = "by the Delta table's log",
) -> Iterator[Batch]:
    """Yield the same batches; at the end, check that `expected` rows came and that some have a value in `id_column`.

    Raises:
        SourceError: the check fails.
    """
    rows = without_id = 0
    for frame, rejected in batches:
        rows += frame.height
        without_id += frame[id_column].null_count() if id_column is not None else 0
        yield frame, rejected
    if expected is not None and rows != expected:
        raise SourceError(f"{uri}: {rows} rows could be read, and {by} there are {expected}; {REMEDY}")
    if rows and without_id == rows:
        raise SourceError(
            f"{uri}: column {id_column!r} is null in all {rows} rows: the files may name it otherwise than the Delta "
            "table's log; write the table anew with CREATE TABLE … AS SELECT, or map the right column with "
            "SUMMARIZER_COLUMNS"
        )

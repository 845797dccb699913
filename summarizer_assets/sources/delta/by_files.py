"""A Delta table read file by file, where both engines refuse it for a feature that asks nothing of this way of reading.

Each file is read by its own types, so columns that were widened after it was written are read right, and columns that
nobody asked for may be of any type. Only for tables whose files tell all: without column mapping and deletion vectors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.sources.columns import Layout
from summarizer_assets.sources.delta import files
from summarizer_assets.sources.parquet import open_part
from summarizer_assets.sources.readers import Batch

#: Features of readers that ask no more than to read each file as it is.
BY_FILES = frozenset(
    {
        "typeWidening",
        "typeWidening-preview",
        "vacuumProtocolCheck",
        "variantShredding",
        "variantShredding-preview",
        "variantType",
        "variantType-preview",
    }
)
#: With these, a file alone does not tell its rows, or the names of its columns.
NOT_BY_FILES = frozenset({"columnMapping", "deletionVectors"})


@dataclass(frozen=True)
class FilesReader:
    """A table that is read file by file, in the order of their names."""

    table: DeltaTable
    layout: Layout
    mapping: Mapping[str, str]
    uri: str
    options: dict[str, str] | None

    def batches(self, rows: int) -> Iterator[Batch]:
        files.check_sizes(self.table, self.uri, self.options)
        expected = files.rows_by_log(self.table)
        return files.counted(self._batches(rows), expected, self.uri, self.layout.authors["author_id"])

    def _batches(self, rows: int) -> Iterator[Batch]:
        told = self.table.metadata().partition_columns
        adds = pl.DataFrame(self.table.get_add_actions(flatten=True))
        if adds.is_empty():
            return
        for add in adds.sort("path").iter_rows(named=True):
            path = files.address(self.uri, add["path"])
            partition = [pl.lit(add[f"partition.{name}"]).alias(name) for name in told if name in self.layout.columns]
            for frame, rejected in open_part(path, self.layout, self.mapping, self.options).batches(rows):
                whole = frame.with_columns(partition)
                absent = [pl.lit(None).alias(name) for name in self.layout.columns if name not in whole.columns]
                yield whole.with_columns(absent), rejected

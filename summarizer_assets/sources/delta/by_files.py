"""Reading of a Delta table file by file, where both engines refuse it for a feature that does not affect its files.

Each file is read by its own types, so columns widened after it was written are read correctly, and columns that are not
read may be of any type. Only for tables without column mapping and deletion vectors, whose files are self-contained.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.delta_log import OF_PLAIN_FILES, VECTORS
from summarizer_assets.sources.columns import Layout
from summarizer_assets.sources.delta import files
from summarizer_assets.sources.parquet import open_part
from summarizer_assets.sources.readers import Batch

#: Reader features under which each file can be read as it is.
BY_FILES = OF_PLAIN_FILES | {"variantType", "variantType-preview"}
#: Reader features under which a file alone does not determine its rows or column names.
NOT_BY_FILES = frozenset({"columnMapping", VECTORS})


@dataclass(frozen=True)
class FilesReader:
    """A table read file by file, in the order of the files' names."""

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

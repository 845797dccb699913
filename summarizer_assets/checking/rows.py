"""Columns of one bucket in a snapshot of a table."""

from collections.abc import Sequence

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.records import FailureReason
from summarizer_assets.storage.delta import BucketedTable
from summarizer_assets.storage.guards import reading


def rows_of(table: BucketedTable, bucket: str, handle: DeltaTable | None, columns: Sequence[str]) -> pl.DataFrame:
    """The bucket's rows in the version that `handle` shows; no table has no rows.

    Raises:
        TableError: they cannot be read.
    """
    if handle is None:
        return pl.DataFrame(schema={column: table.schema[column] for column in columns})
    with reading(table.uri):
        return table.read([bucket], table=handle).select(columns).collect()


def refused(failures: pl.DataFrame) -> pl.DataFrame:
    """The failures whose answer told another author's work, contradicted its record or named nobody."""
    return failures.filter(pl.col("reason") == str(FailureReason.UNGROUNDED))

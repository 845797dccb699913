"""Reading of one bucket's columns in a snapshot of a table, and selections of rows for the checks."""

from collections.abc import Sequence

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.records import FailureReason
from summarizer_assets.ingest.merge import record_hashes
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable


def rows_of(table: BucketedTable, bucket: str, handle: DeltaTable | None, columns: Sequence[str]) -> pl.DataFrame:
    """The bucket's rows in the version of `handle`; empty if there is no table.

    Raises:
        TableError: the rows cannot be read.
    """
    if handle is None:
        return pl.DataFrame(schema={column: table.schema[column] for column in columns})
    with reading(table.uri):
        return table.read([bucket], table=handle).select(columns).collect()


def altered(authors: pl.DataFrame) -> pl.Series:
    """Ids of the records whose recomputed hash differs from the stored one."""
    papers, topics = pl.col("papers"), pl.col("topics")
    # An ingest never writes such nulls, and the hash cannot encode them.
    holes = [
        column.is_null() | (column.list.drop_nulls().list.len() != column.list.len()) for column in (papers, topics)
    ]
    odd = pl.any_horizontal(pl.col("author_id").is_null(), *holes)
    sound = authors.filter(~odd)
    wrong = sound.filter(record_hashes(sound).ne_missing(sound["record_hash"]))
    return pl.concat([wrong["author_id"], authors.filter(odd)["author_id"]])


def refused(failures: pl.DataFrame) -> pl.DataFrame:
    """Failures whose answer described another author's work, contradicted the record or named nobody."""
    return failures.filter(pl.col("reason") == str(FailureReason.UNGROUNDED))

"""Selections of rows for the checks."""

import polars as pl

from summarizer_assets.core.records import FailureReason
from summarizer_assets.ingest.merge import record_hashes


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

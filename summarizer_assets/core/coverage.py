"""Where the authors are: each has a summary, has failed, or is pending, and never two of these.

Counted from the rows that the tables hold, for a report. A run decides by the same rule (`core.pending`) and knows
more: the list of people never to be sent, and what a new prompt does to failures.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import polars as pl

CURRENT, FAILED, PENDING = "summary", "failed", "pending"


@dataclass(frozen=True)
class Coverage:
    """Numbers of authors, of one bucket or of all. `authors = summaries + failed + pending`, always.

    `outdated`: of the pending, those with a summary of an older record, which stands until they are asked again.
    `vanished`: summaries of people who are no longer among the authors; `vanished_failures`: failures of such.
    """

    authors: int = 0
    summaries: int = 0
    failed: int = 0
    pending: int = 0
    outdated: int = 0
    vanished: int = 0
    vanished_failures: int = 0

    def __add__(self, other: Self) -> "Coverage":
        names = [field.name for field in fields(self)]
        return Coverage(*(getattr(self, name) + getattr(other, name) for name in names))

    @property
    def answered(self) -> int:
        """Authors of whom it is known what became of them."""
        return self.summaries + self.failed


def standing(authors: pl.DataFrame, summaries: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """One row an author: author_id, bucket, `standing` (one of the three), `outdated`.

    Args:
        authors: author_id (unique), bucket, and content_hash where a summary of an older record is to be told from a
            current one.
        summaries: author_id, content_hash. An author who has two by mistake is counted once.
        failures: author_id. One beside a current summary counts for nothing: the summary wins.
    """
    compared = "content_hash" in authors.columns
    held = summaries.select("author_id", held="content_hash", has=pl.lit(value=True))
    if compared:  # of two, one that is current
        held = held.join(authors.select("author_id", "content_hash"), on="author_id", how="left").sort(
            pl.col("held").eq_missing(pl.col("content_hash")), descending=True
        )
    held = held.select("author_id", "held", "has").unique("author_id", keep="first", maintain_order=True)
    failed = failures.select("author_id", failed=pl.lit(value=True)).unique("author_id")
    rows = authors.join(held, on="author_id", how="left").join(failed, on="author_id", how="left")
    has, has_failed = pl.col("has").fill_null(value=False), pl.col("failed").fill_null(value=False)
    same = pl.col("held").eq_missing(pl.col("content_hash")) if compared else pl.lit(value=True)
    where = pl.when(has & same).then(pl.lit(CURRENT)).when(has_failed).then(pl.lit(FAILED)).otherwise(pl.lit(PENDING))
    rows = rows.with_columns(standing=where, outdated=has & ~same)
    return rows.select("author_id", "bucket", "standing", pl.col("outdated") & (pl.col("standing") == PENDING))


def coverage_by_bucket(
    rows: pl.DataFrame, summaries: pl.DataFrame, failures: pl.DataFrame, buckets: Iterable[str]
) -> dict[str, Coverage]:
    """The numbers of each of `buckets`.

    Args:
        rows: what `standing` found.
        summaries: author_id, bucket: all that the buckets hold.
        failures: the same of their failures.
        buckets: all that were read, those without a row too.
    """
    counted = rows.group_by("bucket").agg(
        authors=pl.len(),
        **{name: (pl.col("standing") == state).sum() for name, state in _STATES.items()},
        outdated=pl.col("outdated").sum(),
    )
    found = {row.pop("bucket"): row for row in counted.iter_rows(named=True)}
    for name, table in (("vanished", summaries), ("vanished_failures", failures)):
        gone = table.join(rows.select("author_id"), on="author_id", how="anti")
        for bucket, number in gone.group_by("bucket").agg(pl.col("author_id").n_unique()).iter_rows():
            found.setdefault(bucket, {})[name] = number
    return {bucket: Coverage(**found.get(bucket, {})) for bucket in buckets}


_STATES = {"summaries": CURRENT, "failed": FAILED, "pending": PENDING}

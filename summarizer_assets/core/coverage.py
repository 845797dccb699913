"""How many authors have a summary, have failed or are pending, counted from the rows that the tables hold."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import polars as pl

from summarizer_assets.core.author_state import FAILED, PENDING, SUMMARY


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

    @property
    def complete(self) -> bool:
        """Whether there are authors, and it is known of each what became of them."""
        return self.authors > 0 and self.pending == 0


def coverage_by_bucket(
    rows: pl.DataFrame, summaries: pl.DataFrame, failures: pl.DataFrame, buckets: Iterable[str]
) -> dict[str, Coverage]:
    """The numbers of each of `buckets`.

    Args:
        rows: of `author_state`, with each author's bucket.
        summaries: author_id, bucket: all that the buckets hold.
        failures: the same of their failures.
        buckets: all that were read, those without a row too.
    """
    counted = rows.group_by("bucket").agg(
        authors=pl.len(),
        **{name: (pl.col("state") == state).sum() for name, state in _COUNTED.items()},
        outdated=(pl.col("outdated") & (pl.col("state") == PENDING)).sum(),
    )
    found = {row.pop("bucket"): row for row in counted.iter_rows(named=True)}
    for name, table in (("vanished", summaries), ("vanished_failures", failures)):
        gone = table.join(rows.select("author_id"), on="author_id", how="anti")
        for bucket, number in gone.group_by("bucket").agg(pl.col("author_id").n_unique()).iter_rows():
            found.setdefault(bucket, {})[name] = number
    return {bucket: Coverage(**found.get(bucket, {})) for bucket in buckets}


_COUNTED = {"summaries": SUMMARY, "failed": FAILED, "pending": PENDING}

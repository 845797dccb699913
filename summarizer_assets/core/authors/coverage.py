"""Coverage: how many authors have a summary, have failed or are pending, counted from the tables' rows."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Self

import polars as pl

from summarizer_assets.core.authors.state import FAILED, PENDING, SUMMARY


@dataclass(frozen=True)
class Coverage:
    """Numbers of authors in one bucket or in all. Invariant: `authors = summaries + failed + pending`.

    `outdated`: pending authors with a summary of an older record, which is kept until they are asked again.
    `vanished`: summaries of people no longer among the authors; `vanished_failures`: their failures.
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
        """Authors with a summary or a failure."""
        return self.summaries + self.failed

    @property
    def complete(self) -> bool:
        """Whether there are authors and none is pending."""
        return self.authors > 0 and self.pending == 0


def coverage_by_bucket(
    rows: pl.DataFrame, summaries: pl.DataFrame, failures: pl.DataFrame, buckets: Iterable[str]
) -> dict[str, Coverage]:
    """The coverage of each of `buckets`.

    Args:
        rows: result of `author_state`, with a `bucket` column.
        summaries: author_id, bucket of all summaries in the buckets.
        failures: the same for failures.
        buckets: all buckets that were read, including empty ones.
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

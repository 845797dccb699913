"""What the run of any bucket works with: the tables, and how."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from summarizer_assets.core.money.amounts import Price
from summarizer_assets.core.pending import Identity, RetryPolicy
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.disk import prove_writable
from summarizer_assets.storage.journal import FSYNC_EVERY_S
from summarizer_assets.storage.state_db.earlier_attempts import TriedBefore


@dataclass(frozen=True)
class Tables:
    authors: BucketedTable
    summaries: BucketedTable
    failures: BucketedTable

    def prove_writable(self, bucket: str, journal: Path) -> None:
        """Raise unless a run of the bucket can store what it pays for: see `storage.disk.prove_writable`.

        Raises:
            TableError: a table, or its disk, takes nothing. JournalError: the journal's does not.
        """
        for table in (self.summaries, self.failures):
            table.require_writable()
        prove_writable(bucket, (self.summaries.uri, self.failures.uri), journal)

    def authors_asked(self) -> int:
        """Authors for whom a request was ever made, by the rows they left; those skipped by rule were never asked."""
        failed = self.failures.read().filter(pl.col("attempts") > 0).select(pl.len()).collect().item()
        return sum(self.summaries.rows_by_bucket().values()) + int(failed)


@dataclass(frozen=True)
class RunSettings:
    """How a bucket is worked on, whatever the bucket."""

    identity: Identity
    price: Price | None
    retry: RetryPolicy
    fingerprint: str
    excluded: Callable[[], Mapping[str, int]]
    journal: Path
    tried: TriedBefore
    journal_fsync_s: float = FSYNC_EVERY_S
    keep_removed: bool = False
    limit: int | None = None
    max_failure_share: float = 1.0
    commit_rows: int = 8000
    commit_interval_s: float = 30.0

"""What a bucket's run is given: the tables, the settings of all runs, and the context of this one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import polars as pl

from summarizer_assets.bucket_run.progress import Audience
from summarizer_assets.core.authors.redrive import Choice
from summarizer_assets.core.authors.retry_policy import RetryPolicy
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.cadence import Patience
from summarizer_assets.core.estimation.cost import Terms
from summarizer_assets.core.prompt.rendering import RenderSettings
from summarizer_assets.core.records import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.disk import prove_writable
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs
from summarizer_assets.storage.state_db.earlier_attempts import TriedBefore
from summarizer_assets.storage.state_db.state import StateStore


@dataclass(frozen=True)
class Tables:
    authors: BucketedTable
    summaries: BucketedTable
    failures: BucketedTable

    @classmethod
    def under(cls, root: str, buckets: int, options: Mapping[str, str]) -> Self:
        """The three tables of a root, which need not exist yet."""
        named = (("authors", AUTHORS), ("author_summaries", SUMMARIES), ("failed_authors", FAILURES))
        return cls(*(BucketedTable(f"{root}/{name}", schema, buckets, options) for name, schema in named))

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
class SecondModel:
    """What a run knows of the model that is asked about authors whom the first one failed."""

    name: str
    terms: Terms


@dataclass(frozen=True)
class RunSettings:
    """How a bucket is worked on, whatever the bucket. `commits`: the cadence where commits are quick."""

    identity: Identity
    second: SecondModel | None
    retry: RetryPolicy
    terms: Terms
    rendering: RenderSettings
    fingerprint: str
    excluded: Callable[[], Mapping[str, int]]
    keep_removed: bool
    limit: int | None
    max_failure_share: float
    commits: Patience
    journal_fsync_s: float


@dataclass(frozen=True)
class RunContext:
    """Everything that one run over one bucket is given. `journal` is the bucket's folder."""

    bucket: str
    run_id: str
    tables: Tables
    state: StateStore
    tried: TriedBefore
    jobs: BatchJobs
    journal: Path
    settings: RunSettings
    log: Callable[[str], None]
    choice: Choice
    audience: Audience

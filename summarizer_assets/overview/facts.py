"""Where a root stands at one moment: plain values, read once. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from summarizer_assets.core.authors.coverage import Coverage
from summarizer_assets.core.authors.failure_counts import Failures
from summarizer_assets.core.batches.waiting import Waiting


@dataclass(frozen=True)
class BucketNow:
    """One bucket. `authors = summaries + failed + pending`, but for rows of people who left the source.

    `due`: failures that the next run asks. `parked`: why no sensor starts it again; empty if one does. `in_batch`: what
    waits in batch jobs.
    """

    bucket: str
    authors: int
    summaries: int
    failed: int
    pending: int
    due: int = 0
    at_work: bool = False
    parked: str = ""
    in_batch: Waiting = field(default_factory=Waiting)


@dataclass(frozen=True)
class BySecond:
    """What the second model did: its summaries, and the authors whom both models failed."""

    model: str
    summaries: int
    failed_by_both: int


@dataclass(frozen=True)
class Overview:
    """A root at one moment, `at` in epoch seconds. Money in nano-dollars.

    `failures`: by reason, the most frequent first. `next_retry_at`: when the first failure that waits is due (UTC).
    `stopped`: cause, buckets and remedy of last runs that ended early. `budget`: None if none is set. `priced`:
    whether the cost of a request is known. `wasted`: the part of `spent` that brought no summary. `rejected_rows`: rows
    of the source that became no author. `limit`: SUMMARIZER_LIMIT; `asked`: authors with a summary or a failure.
    `second`: None without a second model.
    """

    root: str
    buckets: Sequence[BucketNow] = ()
    failures: Mapping[str, Failures] = field(default_factory=dict)
    next_retry_at: datetime | None = None
    stopped: Sequence[tuple[str, Sequence[str], str]] = ()
    spent: int = 0
    wasted: int = 0
    uncertain: int = 0
    budget: int | None = None
    priced: bool = True
    limit: int | None = None
    rejected_rows: int = 0
    second: BySecond | None = None
    at: float = 0.0

    @property
    def coverage(self) -> Coverage:
        names = ("authors", "summaries", "failed", "pending")
        return Coverage(**{name: sum(getattr(bucket, name) for bucket in self.buckets) for name in names})

    @property
    def in_batch(self) -> Waiting:
        """What waits in batch jobs of all buckets."""
        return sum((bucket.in_batch for bucket in self.buckets), Waiting())

    @property
    def pending_elsewhere(self) -> int:
        """Pending authors for whom no batch job is under way."""
        return sum(max(0, bucket.pending - bucket.in_batch.authors) for bucket in self.buckets)

    @property
    def parked(self) -> list[BucketNow]:
        return [bucket for bucket in self.buckets if bucket.parked]

    @property
    def at_work(self) -> list[str]:
        return [bucket.bucket for bucket in self.buckets if bucket.at_work]

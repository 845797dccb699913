"""The data of a report: plain values, gathered once, shown by the page and by Dagster's metadata."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from summarizer_assets.core.authors.coverage import Coverage
from summarizer_assets.core.authors.failure_counts import FailureStatistics
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.duration import Throughput
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.prompt.parsed_record import RecordView
from summarizer_assets.estimate.reconcile import Reconciliation
from summarizer_assets.report.next_steps import Situation, Step, next_steps, verdict
from summarizer_assets.report.statistics import SummaryStatistics


@dataclass(frozen=True)
class Sample:
    """A summary with its author's facts. All texts are untrusted data from the tables.

    `citations`: None if no paper has a count. `titles`: of the most cited papers.
    """

    author_id: str
    bucket: str
    name: str
    affiliation: str
    papers: int
    citations: int | None
    titles: Sequence[str]
    topics: Sequence[str]
    summary: str
    support: float | None
    flags: Sequence[str]
    model: str


@dataclass(frozen=True)
class Doubt:
    """A summary that a person should review, with its author's current record; all texts are untrusted data.

    `changed`: the record changed since the summary was written, so words are not compared. `doubted`: the doubtful
    words, by flag.
    """

    author_id: str
    bucket: str
    name: str
    record: RecordView
    changed: bool
    summary: str
    flags: Sequence[str]
    doubted: Mapping[Flag, Sequence[str]]
    support: float | None


@dataclass(frozen=True)
class Shown:
    """The number of authors shown one by one, in all and failed, and of how many; 0 authors: nobody is shown."""

    authors: int = 0
    failed: int = 0
    of: int = 0

    @property
    def all(self) -> bool:
        return self.authors == self.of


@dataclass(frozen=True)
class Money:
    """Nano-dollars since the root was created, by the ledger. `known`: a price is set or listed; `free`: it is zero."""

    known: bool = True
    free: bool = False
    spent: int = 0
    wasted: int = 0
    uncertain: int = 0
    reserved: int = 0
    budget: int | None = None
    requests: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True)
class Report:
    """The state of one root at one moment.

    `buckets`: the counts of each bucket. `compared`: whether each summary was compared with its author's current
    record, so that outdated ones are known. `stopped`: cause, buckets and remedy of last runs that ended early.
    `at_work`: buckets with an active run. `rejected`: rejected source rows, by reason. `doubtful`: number of summaries
    with a flag of their text; `doubts`: some of them, the most doubtful first. `shown`: who is in the page's search.
    `jobs`: what waits in batch jobs, by bucket.
    """

    at: datetime
    root: str
    model: str
    second_model: str | None
    prompt_version: str
    words_wanted: int
    compared: bool
    keep_removed: bool
    buckets: Mapping[str, Coverage]
    summaries: SummaryStatistics
    failures: FailureStatistics
    rejected: Sequence[tuple[str, int]] = ()
    money: Money = field(default_factory=Money)
    throughput: Throughput = field(default_factory=Throughput)
    stopped: Sequence[tuple[str, Sequence[str], str]] = ()
    at_work: Sequence[str] = ()
    samples: Sequence[Sample] = ()
    doubtful: int = 0
    doubts: Sequence[Doubt] = ()
    estimate: Reconciliation | None = None
    shown: Shown = field(default_factory=Shown)
    jobs: Mapping[str, Waiting] = field(default_factory=dict)

    @property
    def in_batch(self) -> Waiting:
        """What waits in batch jobs of all buckets."""
        return sum(self.jobs.values(), Waiting())

    @property
    def batch_jobs(self) -> str:
        return self.in_batch.words(self.at.timestamp())

    @property
    def coverage(self) -> Coverage:
        return sum(self.buckets.values(), start=Coverage())

    @property
    def by_second_model(self) -> int | None:
        """Summaries of the second model; None without one."""
        if self.second_model is None:
            return None
        return sum(made.summaries for (_, model), made in self.summaries.made.items() if model == self.second_model)

    @property
    def rejected_rows(self) -> int:
        return sum(number for _, number in self.rejected)

    @property
    def usd_per_summary(self) -> float | None:
        """The total spend divided by the summaries in the table, in dollars; None if unknown."""
        if not self.money.known or not self.summaries.summaries:
            return None
        return self.money.spent / 1e9 / self.summaries.summaries

    @property
    def verdict(self) -> str:
        return verdict(self.coverage, self.failures.by_reason)

    @property
    def steps(self) -> list[Step]:
        money = self.money
        return next_steps(
            Situation(
                coverage=self.coverage,
                failures=self.failures.by_reason,
                waiting_in=[key for key, found in self.buckets.items() if found.pending > self._in_batch(key)],
                in_batch=sum(map(self._in_batch, self.buckets)),
                batch_jobs=self.batch_jobs,
                stopped=self.stopped,
                at_work=self.at_work,
                rejected=self.rejected_rows,
                flagged=self.summaries.flagged,
                doubtful=self.doubtful,
                commonest_flag=next((flag for flag, _ in self.summaries.flags.most_common(1)), ""),
                spent=money.spent,
                uncertain=money.uncertain,
                budget=money.budget,
                priced=money.known,
                keep_removed=self.keep_removed,
            )
        )

    def _in_batch(self, bucket: str) -> int:
        """Pending authors of a bucket for whom a batch job is under way."""
        return min(self.buckets[bucket].pending, self.jobs.get(bucket, Waiting()).authors)

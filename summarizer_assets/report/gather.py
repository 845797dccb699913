"""Gathers a report's data from the tables part by part, so that memory is bounded by one part.

A part is several buckets of about 100,000 authors together, or one larger bucket. Each bucket's authors, summaries and
failures are read once, with the needed columns only; papers are read only to compare summaries with them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from summarizer_assets.bucket_run.snapshot import single
from summarizer_assets.core.authors.coverage import Coverage, coverage_by_bucket
from summarizer_assets.core.authors.failure_counts import FailureStatistics
from summarizer_assets.core.authors.state import FAILED, SUMMARY, author_state
from summarizer_assets.core.buckets import bucket_keys, in_parts
from summarizer_assets.core.display_text import moment
from summarizer_assets.core.duration import throughput
from summarizer_assets.core.judging.doubts import doubtful, most_doubtful
from summarizer_assets.core.money.amounts import nano_of
from summarizer_assets.core.prompt.rendering import RENDERED
from summarizer_assets.core.quality_breaker import UNUSABLE
from summarizer_assets.core.records import FailureReason
from summarizer_assets.core.run_records import stopped
from summarizer_assets.estimate.reconcile import reconcile
from summarizer_assets.installation import Summarizer
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.report.author_files import REPLACED_FILES, AuthorFiles, Put
from summarizer_assets.report.facts import Doubt, Money, Report, Sample, Shown
from summarizer_assets.report.people import doubt_of, sample_of
from summarizer_assets.report.statistics import SummaryStatistics, lowest
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.replaced import ReplacedRows
from summarizer_assets.storage.delta.snapshot import TableSnapshot
from summarizer_assets.storage.delta.table import BucketedTable

AUTHORS_AT_ONCE = 100_000
SAMPLES, DOUBTS = 10, 30
_RUNS_OF_A_BUCKET = 100

_SUMMARY_COLUMNS = [
    "author_id",
    "bucket",
    "author_name",
    "summary",
    "content_hash",
    "prompt_version",
    "model",
    "prompt_tokens",
    "completion_tokens",
    "cost_usd",
    "support",
    "flags",
    "summarized_at",
]
_FAILURE_COLUMNS = [
    "author_id",
    "bucket",
    "reason",
    "detail",
    "retryable",
    "attempts",
    "last_failed_at",
    "next_retry_at",
]
_REMEDIES: Mapping[str, str] = {
    **{str(cause): cause.remedy for cause in StopCause},
    "died": "the run ended without a word (a crash, a kill); materialize the partition: nothing stored is asked again",
    "terminated": "somebody ended the run; materialize the partition to go on",
    "too_many_failures": "read the reasons below, mend the cause, then materialize the partition",
    UNUSABLE: "the model gave nothing usable: read the run's message, change what it names, then run again",
    "batch_account": "batch jobs under way belong to another base URL or key: set SUMMARIZER_LLM_BASE_URL and "
    "SUMMARIZER_LLM_API_KEY as they were, until these jobs are collected; summarizer jobs lists them",
    "batch_failed": "the provider failed a batch job and billed nothing: read the run's message, mend what it names",
    "batch_unknown": "the provider has batch jobs of these tables that the state store does not know: restore the "
    "store, or correct SUMMARIZER_STATE; only if it is lost for good: summarizer jobs --disown",
    "rejected": "the provider refused whole requests: read the run's message, check model and settings, run again",
}


def gather(
    summarizer: Summarizer, at: datetime | None = None, *, compare: bool = True, put: Put | None = None
) -> Report:
    """Gather all data of a report.

    Args:
        summarizer: the installation.
        at: the moment of the report (UTC), which also seeds the sample of ten summaries; None: the current time.
        compare: render every author with a summary, to find summaries of an older record.
        put: writes the authors' scripts; None: the report shows no authors one by one.

    Raises:
        StorageError: a table or the state store cannot be read.
    """
    at = at or datetime.now(UTC)
    settings = summarizer.settings
    reader = _Reader(summarizer, at, compare=compare)
    shown = reader.read(put)
    samples, doubts = reader.people()
    runs = summarizer.state.recent_runs(_RUNS_OF_A_BUCKET)
    at_work = sorted(summarizer.state.holders())
    jobs = summarizer.jobs.waiting()
    return Report(
        at=at,
        root=settings.root,
        model=settings.model,
        second_model=settings.second_model,
        prompt_version=summarizer.identity.prompt_version,
        words_wanted=settings.words,
        compared=compare,
        keep_removed=settings.keep_removed,
        buckets=reader.buckets,
        summaries=reader.summaries,
        failures=reader.failures,
        rejected=rejected_rows(summarizer.rejected),
        money=_money(summarizer),
        throughput=throughput(runs),
        stopped=[(cause, buckets, remedy_of(cause)) for cause, buckets in stopped(runs, at_work).items()],
        at_work=at_work,
        samples=samples,
        doubtful=reader.doubtful,
        doubts=doubts,
        estimate=reconcile(summarizer),
        shown=shown,
        jobs=jobs,
    )


class _Reader:
    """One pass over the tables, each in one version."""

    def __init__(self, summarizer: Summarizer, at: datetime, *, compare: bool) -> None:
        settings, tables = summarizer.settings, summarizer.tables
        # Failures are opened first: an author summarised meanwhile is then in both tables, and the summary counts.
        self._failures = TableSnapshot(tables.failures)
        self._summaries = TableSnapshot(tables.summaries)
        self._authors = TableSnapshot(tables.authors)
        self._summarizer = summarizer
        self._seed = int(at.timestamp())
        self._at = at
        self._compare = compare
        self._excluded = pl.DataFrame({"author_id": list(settings.excluded_ids)}, schema={"author_id": pl.String})
        self._drawn, self._doubted = pl.DataFrame(), pl.DataFrame()
        self.doubtful = 0
        self.buckets: dict[str, Coverage] = {}
        self.summaries = SummaryStatistics()
        self.failures = FailureStatistics(at, settings.max_attempts)

    def read(self, put: Put | None) -> Shown:
        sizes = [snapshot.rows_by_bucket() for snapshot in (self._authors, self._summaries, self._failures)]
        files = None if put is None else self._author_files(put, sizes[0])
        keys = bucket_keys(self._summarizer.buckets)
        for part in in_parts(keys, [max(size.get(key, 0) for size in sizes) for key in keys], AUTHORS_AT_ONCE):
            self._add(part, files)
        return Shown() if files is None else files.finish(moment(self._at))

    def _author_files(self, put: Put, sizes: Mapping[str, int]) -> AuthorFiles:
        identity = self._summarizer.identity
        replaced = ReplacedRows(self._summarizer.tables.summaries, self._at, REPLACED_FILES)
        return AuthorFiles(put, sizes, replaced, (identity.prompt_version, *self._summarizer.models))

    def _add(self, part: Sequence[str], files: AuthorFiles | None) -> None:
        summaries = self._summaries.rows(part, _SUMMARY_COLUMNS)
        failures = self._failures.rows(part, _FAILURE_COLUMNS)
        authors = self._authors.rows(part, ["author_id", "bucket"])
        shown = None if files is None else files.chosen(self._showable(authors, summaries, failures))
        records = self._records(part, summaries, shown)
        if self._compare:
            authors = authors.join(records.select("author_id", "content_hash"), on="author_id", how="left")
        rows = author_state(authors, summaries, failures)
        self.buckets |= coverage_by_bucket(rows, summaries, failures, part)
        self.summaries.add(summaries)
        failed = rows.filter(pl.col("state") == FAILED).select("author_id")
        self.failures.add(failures.unique("author_id", keep="any").join(failed, on="author_id", how="semi"))
        if files is not None and shown is not None:
            files.add(_cards(shown, records, rows, summaries, failures))
        summaries = summaries.join(self._excluded, on="author_id", how="anti")
        current = rows.filter(pl.col("state") == SUMMARY).select("author_id")
        drawn = lowest(single(summaries.join(current, on="author_id", how="semi")), self._seed, SAMPLES)
        self._drawn = lowest(pl.concat([self._drawn, drawn], how="diagonal"), self._seed, SAMPLES)
        found = single(doubtful(summaries.join(authors, on="author_id", how="semi")))
        self.doubtful += found.height
        self._doubted = most_doubtful(pl.concat([self._doubted, found], how="diagonal"), DOUBTS)

    def _showable(self, authors: pl.DataFrame, summaries: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
        """The authors that may be shown one by one, with `failed` and `doubtful`; nobody who was excluded."""
        by_rule = failures.filter(pl.col("reason") == str(FailureReason.EXCLUDED))
        for excluded in (self._excluded, by_rule):
            authors = authors.join(excluded.select("author_id"), on="author_id", how="anti")
        ids = pl.col("author_id")
        return authors.with_columns(
            failed=ids.is_in(failures["author_id"].to_list()) & ~ids.is_in(summaries["author_id"].to_list()),
            doubtful=ids.is_in(doubtful(summaries)["author_id"].to_list()),
        )

    def _records(self, part: Sequence[str], summaries: pl.DataFrame, shown: pl.DataFrame | None) -> pl.DataFrame:
        """Authors rendered as in a run (schema `RENDERED`): those with a summary, to compare them, and those shown.

        The others' texts are null, so that only the texts of those shown are in memory.
        """
        shown = pl.DataFrame(schema={"author_id": pl.String}) if shown is None else shown
        wanted = pl.concat([shown, summaries.select("author_id")]) if self._compare else shown
        found = [pl.DataFrame(schema=RENDERED)]
        kept = pl.col("author_id").is_in(shown["author_id"].to_list())
        only = None if self._compare else kept
        for bucket in part if wanted.height else ():
            authors = self._authors.rows([bucket], only=only).join(wanted, on="author_id", how="semi")
            rendered = self._summarizer.render(authors).select(RENDERED.names())
            found.append(rendered.with_columns(text=pl.when(kept).then("text")))
        return pl.concat(found)

    def people(self) -> tuple[list[Sample], list[Doubt]]:
        """The sampled summaries and the most doubtful ones, each with its author's facts."""
        chosen = pl.concat([self._drawn, self._doubted], how="diagonal")
        if chosen.is_empty():
            return [], []
        ids = pl.col("author_id").is_in(chosen["author_id"].to_list())
        # Bucket by bucket, because all papers of a bucket are read before the few authors are picked.
        buckets = chosen["bucket"].unique(maintain_order=True)
        authors = pl.concat([self._authors.rows([bucket], only=ids) for bucket in buckets])
        drawn = self._drawn.join(authors, on="author_id", how="left").sort("draw")
        records = self._summarizer.render(authors)
        doubted = self._doubted.join(records, on="author_id", maintain_order="left")
        return list(map(sample_of, drawn.to_dicts())), list(map(doubt_of, doubted.to_dicts()))


def _cards(
    shown: pl.DataFrame, records: pl.DataFrame, rows: pl.DataFrame, summaries: pl.DataFrame, failures: pl.DataFrame
) -> pl.DataFrame:
    """Of each author of `shown` what `report.cards.card` wants to know."""
    return (
        rows.select("author_id", "bucket", "state")
        .join(shown, on="author_id", how="semi")
        .join(records.select("author_id", "text", "author_name", "content_hash"), on="author_id", how="left")
        .rename({"author_name": "author_name_right", "content_hash": "content_hash_right"})
        .join(single(summaries).drop("bucket"), on="author_id", how="left")
        .join(failures.unique("author_id", keep="any").drop("bucket"), on="author_id", how="left")
        .sort("bucket", "author_id")
    )


def rejected_rows(table: BucketedTable) -> list[tuple[str, int]]:
    """Source rows that became no author, by reason, the most frequent first."""
    with reading(table.uri):
        counted = table.read().group_by("reason").agg(pl.col("count").sum()).collect()
    return sorted(((reason or "", number) for reason, number in counted.iter_rows()), key=lambda row: (-row[1], row[0]))


def _money(summarizer: Summarizer) -> Money:
    totals, price, budget = summarizer.ledger.totals(), summarizer.price, summarizer.settings.budget_usd
    return Money(
        known=price is not None or totals["spent"] > 0,
        free=price is not None and price.free and not totals["spent"],
        budget=None if budget is None else nano_of(budget),
        **totals,
    )


def remedy_of(cause: str) -> str:
    """What to do about a run that ended early."""
    return _REMEDIES.get(cause, "read the message of the bucket's last run")

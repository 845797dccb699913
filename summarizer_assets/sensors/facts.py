"""The facts for the sensors, read from the tables, the state store and the ledger once per tick by few queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.asked_model import AskedModel
from summarizer_assets.core.authors.earlier_attempts import as_tried_with
from summarizer_assets.core.authors.state import is_due, is_retried
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.core.money.amounts import nano_of
from summarizer_assets.core.run_records import PastRun
from summarizer_assets.installation import Summarizer
from summarizer_assets.provider import asked_as
from summarizer_assets.sensors.decide.provider_gate import Budget
from summarizer_assets.sensors.decide.retry import BucketState
from summarizer_assets.storage.delta.guards import reading

#: The most bytes per estimated token (a long run of plain letters), bytes around the records, and per character.
_BYTES_A_TOKEN, _BYTES_AROUND, _BYTES_A_CHARACTER = 5, 20_000, 4


@dataclass(frozen=True)
class RetryFacts:
    """Facts by bucket, except for the four before the last.

    `given_up`: number of authors whose attempts are used up, by reason; only a person retries them.
    `unfinished_counts`: authors without a row may be asked (a pilot's limit is not used up). `fingerprint`: fingerprint
    of the current model, prompt and settings. `in_batch`: what waits in batch jobs.
    """

    authors: Mapping[str, int]
    summaries: Mapping[str, int]
    failed: Mapping[str, int]
    next_due_at: Mapping[str, float]
    runs: Mapping[str, Sequence[PastRun]]
    claimed: frozenset[str]
    given_up: Mapping[str, int]
    unfinished_counts: bool
    budget: Budget | None
    fingerprint: str
    in_batch: Mapping[str, Waiting]

    @property
    def recorded(self) -> frozenset[str]:
        """Ids of runs that wrote their own record."""
        return frozenset(run.run_id for runs in self.runs.values() for run in runs)

    def states(
        self, buckets: Sequence[str], in_flight: frozenset[str], barred: frozenset[str] = frozenset()
    ) -> list[BucketState]:
        busy = in_flight | self.claimed
        return [
            BucketState(
                bucket=bucket,
                authors=self.authors.get(bucket, 0),
                summaries=self.summaries.get(bucket, 0),
                failed=self.failed.get(bucket, 0),
                next_due_at=self.next_due_at.get(bucket),
                runs=self.runs.get(bucket, ()),
                in_flight=bucket in busy,
                asked_for=bool(self.runs.get(bucket)) or bucket in self.summaries or bucket in self.failed,
                barred=bucket in barred,
                in_batch=bucket in self.in_batch,
                batch_authors=self.in_batch.get(bucket, Waiting()).authors,
                batch_for_us=self.in_batch.get(bucket, Waiting()).wants_a_run,
            )
            for bucket in buckets
        ]


def retry_facts(summarizer: Summarizer) -> RetryFacts:
    """Read all facts; counts come from the tables' logs, and five columns of the failures are read.

    Raises:
        StorageError: a table or the state store cannot be read; the message says which, and the remedy.
    """
    tables, settings = summarizer.tables, summarizer.settings
    claimed_before = summarizer.state.holders().keys()
    in_batch = summarizer.jobs.waiting()  # before the tables: who moves there meanwhile is counted twice, not never
    summaries = tables.summaries.rows_by_bucket()
    table = tables.failures.open()
    failures = _failures(summarizer, table)
    asked = sum(summaries.values()) + int(failures["asked"].sum()) + sum(one.authors for one in in_batch.values())
    due = failures.filter(pl.col("next_retry_at").is_not_null()).group_by("bucket").agg(pl.col("next_retry_at").min())
    moments: list[tuple[str, datetime]] = due.rows()
    given_up = failures.group_by("reason").agg(pl.col("given_up").sum()).filter(pl.col("given_up") > 0)
    return RetryFacts(
        authors=tables.authors.rows_by_bucket(),
        summaries=summaries,
        failed=tables.failures.rows_by_bucket(table),
        next_due_at={bucket: moment.timestamp() for bucket, moment in moments},
        runs=summarizer.state.recent_runs(),
        claimed=frozenset(claimed_before | summarizer.state.holders().keys()),  # running while the tables were read
        given_up=dict(given_up.sort("given_up", "reason", descending=[True, False]).iter_rows()),
        unfinished_counts=settings.limit is None or asked < settings.limit,
        budget=budget_of(summarizer),
        fingerprint=summarizer.fingerprint,
        in_batch=in_batch,
    )


def budget_of(summarizer: Summarizer) -> Budget | None:
    """The budget; None if no budget can stop a run."""
    cap = summarizer.settings.budget_usd
    requests = [_dearest(summarizer, one) for one in (summarizer.model, summarizer.second_model) if one is not None]
    if cap is None or not any(requests):
        return None
    totals = summarizer.ledger.totals()
    return Budget(
        cap=nano_of(cap), gone=totals["spent"] + totals["uncertain"] + totals["reserved"], request=max(requests)
    )


def _dearest(summarizer: Summarizer, model: AskedModel) -> int:
    """The most that a request to the model may cost; 0 if it costs nothing, or nobody knows."""
    settings, price = model.settings, model.price
    if settings.budget_usd is None or price is None or price.free:
        return 0
    texts = min(
        _BYTES_A_TOKEN * max(settings.group_tokens, settings.max_characters),
        _BYTES_A_CHARACTER * settings.group_size * settings.max_characters,
    )
    instruction = len((settings.instruction_text or "").encode())
    assert settings.most_output_tokens is not None, "the settings refuse a budget without a bound on the output"
    excess = summarizer.ledger.excess(asked_as(settings))
    return excess.seen(price.most(texts + instruction + _BYTES_AROUND, settings.most_output_tokens))


def barred_buckets(summarizer: Summarizer, excluded: frozenset[str]) -> frozenset[str]:
    """Buckets with a summary of an excluded author."""
    table = summarizer.tables.summaries
    if not excluded or table.buckets is None:
        return frozenset()
    ids = pl.Series("author_id", sorted(excluded), dtype=pl.String)
    keys = sorted(set(buckets_of(ids, table.buckets).to_list()))
    with reading(table.uri):
        held = table.read(keys).filter(pl.col("author_id").is_in(ids.implode())).select("bucket").unique().collect()
    return frozenset(held["bucket"])


def _failures(summarizer: Summarizer, table: DeltaTable | None) -> pl.DataFrame:
    """By bucket and reason: the earliest next_retry_at, given_up, asked (number of rows with a request)."""
    tables, settings = summarizer.tables, summarizer.settings
    retried = is_retried(settings.max_attempts)
    with reading(tables.failures.uri):
        rows = tables.failures.read(table=table)
        if settings.keep_removed:  # removed authors cannot be asked
            due = rows.filter(retried & is_due(datetime.now(UTC))).select("bucket", "author_id").collect()
            with reading(tables.authors.uri):
                there = tables.authors.read(due["bucket"].unique().to_list()).select("author_id")
                gone = due.join(there.collect(), on="author_id", how="anti")["author_id"]
            rows = rows.filter(~pl.col("author_id").is_in(gone.implode()))
        rows = _as_we_tried(summarizer, rows)
        return (
            rows.group_by("bucket", "reason")
            .agg(
                pl.col("next_retry_at").filter(retried).min(),
                (pl.col("retryable") & ~retried).sum().cast(pl.Int64).alias("given_up"),
                (pl.col("attempts") > 0).sum().cast(pl.Int64).alias("asked"),
            )
            .collect()
        )


def _as_we_tried(summarizer: Summarizer, rows: pl.LazyFrame) -> pl.LazyFrame:
    """Failures of another prompt or model, with attempts and next time of the current one if it was tried before."""
    identity = summarizer.identity
    tried = summarizer.tried.of_all(identity.prompt_version, identity.model)
    if tried.is_empty():
        return rows
    theirs = rows.filter(pl.col("author_id").is_in(tried["author_id"].implode())).collect()
    held = as_tried_with(theirs, tried, identity.prompt_version, identity.model)
    return pl.concat([rows.join(held.lazy().select("author_id"), on="author_id", how="anti"), held.lazy()])

"""Where a root stands now: each bucket's counts, the failures, the money, and what no sensor goes on with.

Counts come from the tables' logs and from five columns of the failures, so that it takes a second for any table.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from summarizer_assets.core.authors.failure_counts import FailureStatistics
from summarizer_assets.core.authors.state import is_retried, without_a_row
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.money.amounts import nano_of
from summarizer_assets.core.run_records import stopped
from summarizer_assets.installation import Summarizer
from summarizer_assets.overview.facts import BucketNow, BySecond, Overview
from summarizer_assets.report.gather import rejected_rows, remedy_of
from summarizer_assets.sensors.decide.bucket_verdict import Verdict
from summarizer_assets.sensors.decide.retry import decide
from summarizer_assets.sensors.facts import RetryFacts, retry_facts
from summarizer_assets.storage.delta.guards import reading

_LEFT_ALONE = (Verdict.PARKED, Verdict.UNUSABLE)
_COLUMNS = ("bucket", "reason", "detail", "retryable", "attempts", "last_failed_at", "next_retry_at", "second_model")


def overview(summarizer: Summarizer) -> Overview:
    """Read where the root stands; an empty overview if it has no tables. Makes no request and writes nothing.

    Raises:
        StorageError: a table or the state store cannot be read.
    """
    settings = summarizer.settings
    nothing = Overview(summarizer.root.place, limit=settings.limit, priced=summarizer.price is not None)
    if summarizer.root.found is None:
        return nothing
    facts = retry_facts(summarizer)
    now = time.time()
    failures = _failures(summarizer, datetime.fromtimestamp(now, UTC))
    totals = summarizer.ledger.totals()
    runs = summarizer.state.recent_runs(each=1)
    return Overview(
        root=summarizer.root.place,
        buckets=_buckets(facts, failures, now),
        failures=failures.statistics.by_reason,
        next_retry_at=failures.next_at,
        stopped=[(cause, keys, remedy_of(cause)) for cause, keys in stopped(runs, facts.claimed).items()],
        spent=totals["spent"],
        wasted=totals["wasted"],
        uncertain=totals["uncertain"],
        budget=None if settings.budget_usd is None else nano_of(settings.budget_usd),
        priced=nothing.priced,
        limit=settings.limit,
        second=_second(summarizer, failures),
        rejected_rows=sum(number for _, number in rejected_rows(summarizer.rejected)),
        at=now,
    )


@dataclass(frozen=True)
class _Failures:
    statistics: FailureStatistics
    due: Mapping[str, int]
    next_at: datetime | None
    by_both: int


def _failures(summarizer: Summarizer, now: datetime) -> _Failures:
    table, most = summarizer.tables.failures, summarizer.settings.max_attempts
    with reading(table.uri):
        rows = table.read().select(_COLUMNS).collect()
    statistics = FailureStatistics(now, most)
    statistics.add(rows)
    waiting = rows.filter(is_retried(most))
    due = waiting.filter(pl.col("next_retry_at") <= now).group_by("bucket").len()
    later = waiting.filter(pl.col("next_retry_at") > now)["next_retry_at"].min()
    by_both = rows["second_model"].count()
    return _Failures(statistics, dict(due.iter_rows()), later if isinstance(later, datetime) else None, by_both)


def _second(summarizer: Summarizer, failures: _Failures) -> BySecond | None:
    """Reads one column of the summaries, only if there is a second model."""
    if summarizer.second_model is None:
        return None
    name, table = summarizer.second_model.identity.model, summarizer.tables.summaries
    with reading(table.uri):
        found = table.read().filter(pl.col("model") == name).select(pl.len()).collect(engine="streaming").item()
    return BySecond(name, int(found), failures.by_both)


def _buckets(facts: RetryFacts, failures: _Failures, now: float) -> list[BucketNow]:
    keys = sorted(facts.authors.keys() | facts.summaries.keys() | facts.failed.keys())
    states = facts.states(keys, frozenset())
    # Dagster's history is not asked: a run that failed three times before it began shows in its page.
    verdicts = decide(states, now=now, runs_per_tick=0, objections=lambda _: {}, fingerprint=facts.fingerprint).verdicts
    return [
        BucketNow(
            bucket=state.bucket,
            authors=state.authors,
            summaries=state.summaries,
            failed=state.failed,
            pending=without_a_row(state.authors, state.summaries, state.failed),
            due=failures.due.get(state.bucket, 0),
            at_work=state.in_flight,
            parked=str(verdicts[state.bucket]) if verdicts[state.bucket] in _LEFT_ALONE else "",
            in_batch=facts.in_batch.get(state.bucket, Waiting()),
        )
        for state in states
    ]

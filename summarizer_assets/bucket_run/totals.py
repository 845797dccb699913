"""Where the authors of a bucket are after a run, and what the run did: the numbers that the UI shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import polars as pl

from summarizer_assets.bucket_run.route import RouteTotals
from summarizer_assets.core.authors.work_plan import Plan
from summarizer_assets.core.display_text import moment, number, usd
from summarizer_assets.core.markdown import table
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.core.money.spending import Spending
from summarizer_assets.core.outcome import Stop
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.storage.state_db.batch_jobs import JobRow

PRICE_UNKNOWN = (
    "not known: nothing is counted and cost_usd stays null; set SUMMARIZER_PRICE_INPUT_USD and "
    "SUMMARIZER_PRICE_OUTPUT_USD to what a million tokens cost"
)


@dataclass
class BucketCounts:
    """Authors of one bucket. `authors = summaries + failed + pending`, always.

    `answered` and `newly_failed` are of this run, `replayed` of a dead run's journal; `held_back` are pending because
    of SUMMARIZER_LIMIT, `removed` summaries of authors that vanished or may not be sent. Of those asked again by
    choice, `renewed` have a new summary, and `kept_old` keep theirs for that reason.
    """

    authors: int = 0
    summaries: int = 0
    failed: int = 0
    pending: int = 0
    answered: int = 0
    newly_failed: int = 0
    replayed: int = 0
    held_back: int = 0
    removed: int = 0
    renewed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    kept_old: Counter[str] = field(default_factory=Counter)

    @classmethod
    def standing(cls, plan: Plan, failures: pl.DataFrame, *, new: int = 0, **this_run: Any) -> Self:  # noqa: ANN401 - fields of this class
        """The counts of a bucket with these failure rows, and `new` summaries more than at its plan."""
        current = plan.current + new
        reasons = Counter(dict(failures.group_by("reason").len().iter_rows()))
        pending = plan.authors - current - failures.height
        return cls(plan.authors, current, failures.height, pending, reasons=reasons, **this_run)

    @property
    def asked(self) -> int:
        return self.answered + self.newly_failed


@dataclass(frozen=True)
class Settled:
    """The result of a run.

    `failures`: the bucket's rows from now on. `stop`: why the work is not done. `removed`: authors whose summary is
    removed. `unreached`: number of authors who were to be asked by choice and were not. `segments`: of the journal, to
    be deleted when the tables are written. `seconds`: from the start of the run.
    """

    counts: BucketCounts
    failures: pl.DataFrame
    stop: Stop | None = None
    removed: frozenset[str] = frozenset()
    unreached: int = 0
    segments: list[Path] = field(default_factory=list)
    seconds: float = 0.0
    totals: RouteTotals = field(default_factory=RouteTotals)


def metadata(settled: Settled, stop: Stop | None) -> Mapping[str, Any]:
    """What a run tells of itself with its summaries."""
    counts, asked, sent = settled.counts, settled.totals.asked, settled.totals.sent
    facts: dict[str, Any] = {
        "dagster/partition_row_count": counts.summaries,
        "authors": counts.authors,
        "summaries": counts.summaries,
        "failed": counts.failed,
        "pending": counts.pending,
        "answered": counts.answered,
        "newly_failed": counts.newly_failed,
        "replayed_from_journal": counts.replayed,
        "held_back_by_limit": counts.held_back,
        "summaries_removed": counts.removed,
        "calls": sent.sent,
        "groups": asked.requests,
        "groups_split": asked.splits,
        "authors_asked_again": asked.asked_again,
        "retries": sent.retries,
        "throttles": sent.throttles,
        "outages": sent.outages,
        "tokens": asked.prompt_tokens + asked.completion_tokens,
        "prompt_tokens": asked.prompt_tokens,
        "completion_tokens": asked.completion_tokens,
        "authors_per_second": round(counts.asked / settled.seconds, 1) if settled.seconds else 0.0,
        "failures_by_reason": dict(counts.reasons),
    }
    if counts.renewed or counts.kept_old:
        facts |= {"renewed_by_choice": counts.renewed, "kept_old_summary_since": dict(counts.kept_old)}
    if (second := settled.totals.second) is not None:
        facts |= {
            "second_model": second.model,
            "second_model_asked": second.asked,
            "second_model_answered": second.answered,
            "failed_by_both_models": second.failed,
        }
        if second.stopped is not None:
            facts["second_model_stopped"] = second.stopped
    if asked.adapted:
        facts["adapted"] = asked.adapted
    if settled.totals.chosen:
        facts["route"] = settled.totals.chosen
    facts |= _money(settled.totals.spending)
    if sent.notices:
        facts["model_notice"] = " ".join(sent.notices)
    facts |= _in_batch(settled.totals.jobs)
    if stop is not None and stop.cause == IN_BATCH:  # it did what it could
        facts["waits_for"] = stop.message
    elif stop is not None:
        facts["stopped"] = f"{stop.cause}: {stop.message}"
    return facts


def _in_batch(jobs: Sequence[JobRow]) -> Mapping[str, Any]:
    """Who waits in batch jobs, and each of these, by the key of `summarizer jobs`; nothing where there is none."""
    if not jobs:
        return {}
    rows = [
        (
            f"`{job.key}`",
            job.remote_status or str(job.state),
            number(job.requests),
            number(job.authors),
            usd(dollars(job.reserve)) if job.reserve else "",
            _at(job.planned_at),
            "" if job.expires_at is None else _at(job.expires_at),
        )
        for job in jobs
    ]
    head = ("batch job", "state", "requests", "authors", "reserved", "made", "expires")
    return {"in_batch": sum(job.authors for job in jobs), "batch_jobs": table(head, rows)}


def _at(seconds: float) -> str:
    return moment(datetime.fromtimestamp(seconds, UTC))


def _money(spending: Spending | None) -> Mapping[str, Any]:
    """Dollars, of this run and in all; what nobody knows is left out, never shown as nothing."""
    if spending is None:
        return {"price": PRICE_UNKNOWN}
    known = {
        "spent_usd": spending.spent,
        "wasted_usd": spending.wasted,
        "uncertain_usd": spending.uncertain,
        "spent_in_all_usd": spending.in_all_spent,
        "uncertain_in_all_usd": spending.in_all_uncertain,
        "budget_usd": spending.cap,
    }
    return {name: dollars(nano) for name, nano in known.items() if nano is not None}

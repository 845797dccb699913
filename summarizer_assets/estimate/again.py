"""The price of asking again whom a person chose, with those whom runs of the same buckets ask anyway.

Only the chosen authors' records are read and rendered; the others are taken to cost as much each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

import polars as pl

from summarizer_assets.core.authors.state import is_due, is_retried, without_a_row
from summarizer_assets.core.estimation.cost import Work, estimate_of, work_of
from summarizer_assets.core.records import FAILURES
from summarizer_assets.estimate.history import learnt
from summarizer_assets.estimate.renewal import Renewal, cost_usd, tokens, total
from summarizer_assets.estimate.terms import terms_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading

_IDENTITY = ("prompt_version", "model")
_COLUMNS = ("author_id", "bucket", "reason", "attempts", "retryable", "next_retry_at", "last_failed_at", *_IDENTITY)
#: Failures as they are read here: a subset of the columns of `records.FAILURES`.
READ = pl.Schema({name: FAILURES[name] for name in _COLUMNS})


@dataclass(frozen=True)
class Again:
    """What runs of these buckets would ask: `chosen` by a person, `others` who are pending or due there.

    `requests`, `tokens`, `cost_usd`, `cost_usd_high`: None if they cannot be told.
    """

    buckets: Sequence[str]
    chosen: int
    others: int
    requests: int | None = None
    tokens: int | None = None
    cost_usd: float | None = None
    cost_usd_high: float | None = None

    @property
    def authors(self) -> int:
        return self.chosen + self.others

    @classmethod
    def of(cls, buckets: Sequence[str], chosen: int, others: int, found: Work, summarizer: Summarizer) -> Self:
        """Of the chosen authors' requests, and as much for each of the others."""
        terms = terms_of(summarizer)
        more = (chosen + others) / chosen if chosen else 1.0
        whole = Work(found.authors * more, found.calls * more, found.record_tokens * more)
        expected = estimate_of(whole, terms, learnt(summarizer, terms))
        cost = expected.cost_usd
        return cls(
            buckets,
            chosen,
            others,
            round(expected.calls.expected),
            round(expected.tokens.expected),
            None if cost is None else cost.expected,
            None if cost is None else cost.high,
        )


def failures_again(summarizer: Summarizer, buckets: Sequence[str], chosen: pl.Expr, now: datetime) -> Again:
    """The price of asking failures again.

    Args:
        summarizer: the installation.
        buckets: those to look in.
        chosen: selects rows of `READ`.
        now: decides which of the others are due (UTC).

    Raises:
        TableError: a table cannot be read.
    """
    tables = summarizer.tables
    rows = _failures(summarizer, buckets)
    picked = rows.filter(chosen)
    work = Work()
    for (bucket,), part in sorted(picked.partition_by("bucket", as_dict=True).items()):
        with reading(tables.authors.uri):
            authors = tables.authors.read([str(bucket)]).filter(pl.col("author_id").is_in(part["author_id"].implode()))
            rendered = summarizer.render(authors.collect()).join(part, on="author_id")
        work += work_of(rendered["tokens"], summarizer.terms.limits, rendered["attempts"])
    held = sorted(set(picked["bucket"]))
    left = rows.filter(pl.col("bucket").is_in(held)).join(picked, on="author_id", how="anti")
    return Again.of(held, picked.height, _others(summarizer, held, left, now), work, summarizer)


def renewals_again(summarizer: Summarizer, buckets: Sequence[str], found: list[Renewal], now: datetime) -> Again:
    """The price of making summaries anew, by what they used last time.

    Raises:
        TableError: a table cannot be read.
    """
    chosen, others = total(found), _others(summarizer, buckets, _failures(summarizer, buckets), now)
    more = (chosen + others) / chosen if chosen else 1.0
    used, cost = tokens(found), cost_usd(found)
    return Again(
        buckets,
        chosen,
        others,
        tokens=None if used is None else round(used * more),
        cost_usd=None if cost is None else cost * more,
    )


def _failures(summarizer: Summarizer, buckets: Sequence[str]) -> pl.DataFrame:
    """Failures of requests; no rule's."""
    table = summarizer.tables.failures
    with reading(table.uri):
        return table.read(buckets).filter(pl.col("attempts") > 0).select(READ.names()).collect()


def _others(summarizer: Summarizer, buckets: Sequence[str], failures: pl.DataFrame, now: datetime) -> int:
    """Whom the runs ask anyway: without a row, due, or failed under another prompt or model, which blocks nobody."""
    tables, identity = summarizer.tables, summarizer.identity
    due = is_retried(summarizer.settings.max_attempts) & is_due(now)
    elsewhere = (pl.col("prompt_version") != identity.prompt_version) | (pl.col("model") != identity.model)
    counts = [table.rows_by_bucket() for table in (tables.authors, tables.summaries, tables.failures)]
    pending = sum(without_a_row(*(count.get(bucket, 0) for count in counts)) for bucket in buckets)
    return pending + failures.filter(due | elsewhere).height

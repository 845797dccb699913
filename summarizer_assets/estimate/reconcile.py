"""Reconciliation of the last stored estimate with the actual cost since."""

from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.state_db.estimates import Booked, EstimateBook, KeptEstimate


@dataclass(frozen=True)
class Reconciliation:
    """Figures of the estimate (`*_expected`, `*_low`, `*_high`, for all its authors) and of the time since.

    `authors_failed`: authors with a failure since then and no summary. Tokens and calls are those the ledger booked,
    including re-asked and wasted requests; if it books nothing (no price, or a free model), tokens are those of the
    summaries and calls are None. Dollars are None if no price was known then, or is known now.

    `inside`: whether the actual cost per author times the estimate's authors lies in its interval (in tokens without a
    price); None until an author is answered.
    """

    estimated_at: datetime
    prompt_version: str
    model: str
    group_size: int
    authors_expected: int
    authors_answered: int
    authors_failed: int
    calls_expected: int
    calls: int | None
    tokens_expected: int
    tokens_low: int
    tokens_high: int
    tokens: int
    cost_expected_usd: float | None
    cost_low_usd: float | None
    cost_high_usd: float | None
    cost_usd: float | None
    inside: bool | None

    @property
    def tokens_per_author_expected(self) -> float | None:
        return _ratio(self.tokens_expected, self.authors_expected)

    @property
    def tokens_per_author(self) -> float | None:
        return _ratio(self.tokens, self.authors_answered)

    @property
    def cost_per_author_expected_usd(self) -> float | None:
        return _ratio(self.cost_expected_usd, self.authors_expected)

    @property
    def cost_per_author_usd(self) -> float | None:
        return _ratio(self.cost_usd, self.authors_answered)


@dataclass(frozen=True)
class _Since:
    """Figures from the tables for the time since an estimate."""

    answered: int
    tokens: int
    failed: int


def reconcile(summarizer: Summarizer) -> Reconciliation | None:
    """Compare this root's newest stored estimate with the time since; None if there is none, or it expected no author.

    Reads four narrow columns of the summaries, as a stream.
    """
    book = EstimateBook(summarizer.database, summarizer.root_name)
    kept = book.last()
    if kept is None or not kept.authors:
        return None
    return _compared(kept, _since(summarizer, kept), book.booked_since(kept.at))


def _since(summarizer: Summarizer, kept: KeptEstimate) -> _Since:
    at = datetime.fromtimestamp(kept.at, UTC)
    identity = Identity(kept.prompt_version, kept.model)
    models = {identity.model, *summarizer.models[1:]}  # what the second model was asked is booked, too
    mine = (pl.col("prompt_version") == identity.prompt_version) & pl.col("model").is_in(sorted(models))
    tokens = pl.col("prompt_tokens").fill_null(0) + pl.col("completion_tokens").fill_null(0)
    answered = (
        summarizer.tables.summaries.read()
        .filter(mine & (pl.col("summarized_at") > at))
        .select(authors=pl.len(), tokens=tokens.sum())
        .collect(engine="streaming")
    )
    failed = summarizer.tables.failures.read().filter(mine & (pl.col("last_failed_at") > at)).select(pl.len())
    return _Since(answered["authors"].item(), answered["tokens"].item(), failed.collect().item())


def _compared(kept: KeptEstimate, since: _Since, booked: Booked) -> Reconciliation:
    in_ledger = booked.requests > 0
    tokens = booked.prompt_tokens + booked.completion_tokens if in_ledger else since.tokens
    cost = booked.spent if kept.cost is not None and (in_ledger or not since.answered) else None
    return Reconciliation(
        estimated_at=datetime.fromtimestamp(kept.at, UTC),
        prompt_version=kept.prompt_version,
        model=kept.model,
        group_size=kept.group_size,
        authors_expected=kept.authors,
        authors_answered=since.answered,
        authors_failed=since.failed,
        calls_expected=kept.calls,
        calls=booked.requests if in_ledger else None,
        tokens_expected=kept.tokens,
        tokens_low=kept.tokens_low,
        tokens_high=kept.tokens_high,
        tokens=tokens,
        cost_expected_usd=_usd(kept.cost),
        cost_low_usd=_usd(kept.cost_low),
        cost_high_usd=_usd(kept.cost_high),
        cost_usd=_usd(cost),
        inside=_inside(kept, since.answered, tokens, cost),
    )


def _inside(kept: KeptEstimate, answered: int, tokens: int, cost: int | None) -> bool | None:
    if not answered:
        return None
    for_all = kept.authors / answered
    if cost is not None and kept.cost_low is not None and kept.cost_high is not None:
        return kept.cost_low <= cost * for_all <= kept.cost_high
    return kept.tokens_low <= tokens * for_all <= kept.tokens_high


def _usd(nano: int | None) -> float | None:
    return None if nano is None else dollars(nano)


def _ratio(part: float | None, whole: int) -> float | None:
    return part / whole if part is not None and whole else None

"""What a run that a person chose would ask and cost, told before it asks."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from summarizer_assets.bucket_run.run_settings import SecondModel
from summarizer_assets.bucket_run.totals import PRICE_UNKNOWN
from summarizer_assets.core.display_text import usd
from summarizer_assets.core.estimation.cost import Terms, estimate_of, work_of


def offer(todo: pl.DataFrame, terms: Terms, second: SecondModel | None = None) -> Mapping[str, Any]:
    """Facts for a person; `todo` as in `work_plan.Plan`. `core.estimation.cost` says what the intervals mean.

    `second`: at most, it is asked about all of them, too.
    """
    expected = estimate_of(work_of(todo["tokens"], terms.limits, todo["attempts"]), terms)
    facts: dict[str, Any] = {
        "would_ask": todo.height,
        "would_renew": todo.filter(pl.col("has_summary") & ~pl.col("outdated")).height,
        "would_make_calls": round(expected.calls.expected),
        "would_use_tokens": round(expected.tokens.expected),
    }
    cost = expected.cost_usd
    if cost is None:
        return {**facts, "would_cost": PRICE_UNKNOWN}
    most = cost.high
    if second is not None:
        then = estimate_of(work_of(todo["tokens"], second.terms.limits), second.terms).cost_usd
        if then is None:
            return {**facts, "would_cost": PRICE_UNKNOWN}
        most += then.high
    return {**facts, "would_cost_usd": round(cost.expected, 6), "would_cost_usd_at_most": round(most, 6)}


def words(facts: Mapping[str, Any]) -> str:
    """The same on one line."""
    cost = usd(facts["would_cost_usd"]) if "would_cost_usd" in facts else "a price that nobody knows"
    return (
        f"{facts['would_ask']:,} authors in about {facts['would_make_calls']:,} calls and "
        f"{facts['would_use_tokens']:,} tokens, for {cost}"
    )

"""The asset `failure_redrive`: asks the authors who failed for some reasons again, in all buckets at once.

It does not ask by itself: once the price may be paid, it orders a run of `author_summaries` for each bucket, which the
sensor `launch_redrives` requests. Each run has its own status, and goes on by itself after a stop.
"""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
import polars as pl
from pydantic import Field

from summarizer_assets.assets.redrive import Reason
from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.core.authors.failure_counts import action_for
from summarizer_assets.core.authors.redrive import Choice, Redrive
from summarizer_assets.core.display_text import number
from summarizer_assets.core.markdown import escaped, table
from summarizer_assets.core.redrive_order import RedriveOrder
from summarizer_assets.estimate.choice_price import ChoicePrice, choice_prices, redrive_markdown, total
from summarizer_assets.installation import Summarizer
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import FAILURES
from summarizer_assets.storage.delta.guards import reading

FAILURE_REDRIVE = "failure_redrive"
#: The sensor that requests the runs.
LAUNCH_REDRIVES = "launch_redrives"
#: The metadata that holds the order, for the sensor.
ORDER = "order"


class FailureRedriveConfig(dg.Config):
    """What a person may choose in the launchpad."""

    reasons: list[Reason] = Field(
        default=[], description="Ask again who failed for one of these. None given: the page shows which there are."
    )
    spend: bool = Field(default=False, description="Yes: ask, and pay for it. Without it only the price is shown.")


def build_failure_redrive(names: Names) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.asset(FAILURE_REDRIVE),
        deps=[names.asset(FAILURES)],
        required_resource_keys={names.summarizer},
        kinds={"llm"},
        code_version="1",
        description="Asks the authors who failed for the chosen reasons again, in all buckets, due or not. It shows "
        "its price and calls no model unless `spend` is true: then the sensor "
        f"`{names.of(LAUNCH_REDRIVES)}` starts a run for each of their buckets.",
    )
    @fails_plainly
    def failure_redrive(context: dg.AssetExecutionContext, config: FailureRedriveConfig) -> dg.MaterializeResult[None]:
        summarizer = names.summarizer_of(context)
        rooted = at_root(context, summarizer)
        reasons = sorted(map(str, config.reasons))
        if not reasons:
            return dg.MaterializeResult(metadata={"reasons": dg.MetadataValue.md(_reasons(summarizer)), **rooted})
        now = datetime.now(UTC)
        prices = choice_prices(summarizer, Choice(redrive=Redrive(frozenset(reasons), failed_before=now)))
        facts: dict[str, Any] = {
            "offer": dg.MetadataValue.md(redrive_markdown(prices)),
            "reasons": ", ".join(reasons),
            **_figures(total(list(prices.values()))),
        }
        if not config.spend:
            context.log.info("nothing was asked: set `spend` to true in the config to do what is offered")
        elif prices:
            order = RedriveOrder(summarizer.root.mark, now, tuple(reasons), tuple(prices))
            facts[ORDER] = dg.MetadataValue.json(order.as_json)
            sensor = names.of(LAUNCH_REDRIVES)
            context.log.info("ordered: runs of %d buckets, which the sensor %s starts", len(prices), sensor)
        return dg.MaterializeResult(metadata={**facts, **rooted})

    return failure_redrive


def _figures(price: ChoicePrice) -> dict[str, float]:
    """Only what is not zero: Dagster plots numbers."""
    figures = {"would_ask": price.asks, "would_make_calls": price.calls, "would_use_tokens": price.tokens,
               "would_cost_usd": price.usd, "would_cost_usd_at_most": price.usd_at_most}  # fmt: skip
    return {name: value for name, value in figures.items() if value}


def _reasons(summarizer: Summarizer) -> str:
    """Which failures there are that a request may mend."""
    failures = summarizer.tables.failures
    with reading(failures.uri):
        rows = (
            failures.read().filter(pl.col("attempts") > 0).group_by("reason").agg(pl.len(), pl.col("bucket").n_unique())
        )
        found = rows.sort("len", "reason", descending=[True, False]).collect()
    if found.is_empty():
        return "Nobody failed whom a request could help."
    lines = [
        (f"`{escaped(reason)}`", number(authors), number(buckets), action_for(reason))
        for reason, authors, buckets in found.iter_rows()
    ]
    return f"Choose from these in `reasons`:\n\n{table(('reason', 'authors', 'buckets', 'what to do first'), lines)}"

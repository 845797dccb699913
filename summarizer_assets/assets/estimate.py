"""The asset `spend_estimate`: the cost of the pending authors before they are asked, with a history."""

from datetime import UTC, datetime
from typing import Any

import dagster as dg
from pydantic import Field

from summarizer_assets.assets.redrive import ResummarizeConfig
from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.core.estimation.cost import Span
from summarizer_assets.estimate.markdown import estimate_notes, estimate_table, reconciliation_markdown, routes_table
from summarizer_assets.estimate.pictures import picture
from summarizer_assets.estimate.reconcile import Reconciliation, reconcile
from summarizer_assets.estimate.renewal import Renewal, cost_usd, renewals, renewals_markdown, tokens, total
from summarizer_assets.estimate.spend import Option, SpendEstimate, estimate_spend, keep
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import AUTHORS

ESTIMATE = "spend_estimate"


class EstimateConfig(dg.Config):
    """What a person may choose in the launchpad."""

    resummarize: ResummarizeConfig = Field(
        default=ResummarizeConfig(),
        description="Tell what it would cost to make these summaries anew, too, over all buckets.",
    )


def build_estimate(names: Names) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.asset(ESTIMATE),
        deps=[names.asset(AUTHORS)],
        required_resource_keys={names.summarizer},
        kinds={"llm"},
        code_version="1",
        description="What the authors who are pending now will cost and how long it takes, by the number of authors in "
        "a request, from a sample of them. It calls no model. Earlier summaries make it more precise; each estimate is "
        "kept, and the next one shows what became of it.",
    )
    @fails_plainly
    def spend_estimate(context: dg.AssetExecutionContext, config: EstimateConfig) -> dg.MaterializeResult[None]:
        summarizer = names.summarizer_of(context)
        rooted = at_root(context, summarizer)
        chosen = config.resummarize.chosen(datetime.now(UTC))
        spend = estimate_spend(summarizer)
        before = reconcile(summarizer)
        keep(summarizer, spend)
        context.log.info(estimate_notes(spend))
        anew = _renewals(renewals(summarizer, chosen)) if chosen else {}
        return dg.MaterializeResult(metadata={**rooted, **_metadata(spend, before), **anew})

    return spend_estimate


def _metadata(spend: SpendEstimate, before: Reconciliation | None) -> dict[str, Any]:
    """All figures, so that Dagster plots them over time; unknown figures are left out, never shown as 0."""
    chosen, pending = spend.configured, spend.pending
    facts: dict[str, Any] = {
        "estimate": dg.MetadataValue.md(estimate_table(spend)),
        **_by_route(spend),
        "what_it_rests_on": dg.MetadataValue.md(estimate_notes(spend)),
        "picture": dg.MetadataValue.md(picture(spend).markdown),
        "last_estimate_reconciled": dg.MetadataValue.md(reconciliation_markdown(before)),
        "authors_to_ask": round(pending.asked),
        "authors_to_ask_again": round(sum(pending.known.values())),
        "held_back_by_limit": round(pending.held_back),
        "group_size": chosen.group_size,
        **_figures(chosen),
        "learnt_from_requests": spend.model.requests,
        "authors_read": spend.authors_read,
        "buckets_read": len(pending.samples),
        "read_s": round(spend.seconds, 2),
        "by_group_size": dg.MetadataValue.json({str(one.group_size): _figures(one) for one in spend.options}),
    }
    maybe = {
        "hours": None if chosen.duration.seconds is None else chosen.duration.seconds / 3600,
        "budget_left_usd": spend.budget_left_usd,
        "beyond_budget_usd": spend.beyond_budget_usd,
    }
    facts |= {name: value for name, value in maybe.items() if value is not None}
    return facts | _reconciled(before)


def _by_route(spend: SpendEstimate) -> dict[str, Any]:
    """The routes side by side, and what batch jobs would cost; nothing where there is one route only."""
    table = routes_table(spend)
    if not table:
        return {}
    facts: dict[str, Any] = {"routes": dg.MetadataValue.md(table)}
    jobs = next((route for route in spend.routes if route.jobs is not None), None)
    return facts if jobs is None else facts | _dollars("batch_jobs_cost", jobs.cost_usd)


def _renewals(found: list[Renewal]) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "made_anew": dg.MetadataValue.md(renewals_markdown(found)),
        "made_anew_summaries": total(found),
    }
    maybe = {"made_anew_tokens": tokens(found), "made_anew_cost_usd": cost_usd(found)}
    return facts | {name: value for name, value in maybe.items() if value is not None}


def _figures(option: Option) -> dict[str, Any]:
    found = option.estimate
    spans = {
        "calls": found.calls,
        "prompt_tokens": found.prompt_tokens,
        "completion_tokens": found.completion_tokens,
        "tokens": found.tokens,
    }
    figures: dict[str, Any] = {}
    for name, span in spans.items():
        figures |= {name: round(span.expected), f"{name}_low": round(span.low), f"{name}_high": round(span.high)}
    return figures | _dollars("cost", found.cost_usd) | _dollars("other_tier_cost", option.other_cost_usd)


def _dollars(name: str, span: Span | None) -> dict[str, float]:
    if span is None:
        return {}
    return {f"{name}_usd": span.expected, f"{name}_low_usd": span.low, f"{name}_high_usd": span.high}


def _reconciled(before: Reconciliation | None) -> dict[str, Any]:
    if before is None or before.inside is None:
        return {}
    facts: dict[str, Any] = {"answered_since_last_estimate": before.authors_answered}
    if before.tokens_per_author is not None:
        facts["tokens_per_author_since"] = before.tokens_per_author
    if before.cost_per_author_usd is not None:
        facts["cost_per_author_since_usd"] = before.cost_per_author_usd
    return facts | {"last_estimate_held": before.inside}

"""An estimate, its reconciliation and a price of renewals as plain figures for programs: JSON values."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from summarizer_assets.estimate.reconcile import Reconciliation
from summarizer_assets.estimate.renewal import Renewal, cost_usd, tokens, total
from summarizer_assets.estimate.routes import RouteOption
from summarizer_assets.estimate.spend import Option, SpendEstimate


def estimate_figures(spend: SpendEstimate) -> dict[str, Any]:
    """Figures with their 90 % interval as `{"low", "expected", "high"}`, dollars as None where no price is known."""
    pending = spend.pending
    return {
        "authors": {
            "asked": pending.asked,
            "for_the_first_time": sum(pending.new.values()),
            "again": sum(pending.known.values()),
            "held_back_by_limit": pending.held_back,
            "in_batch_jobs": spend.in_batch,
            "counted": pending.counted,
        },
        "learnt_from_requests": spend.model.requests if spend.model.learnt else 0,
        "price": spend.prices.source,
        "tier": spend.prices.tier,
        "other_tier": spend.prices.other_tier,
        "notices": list(spend.prices.notices),
        "configured": _option(spend.configured),
        "route": {"batch_jobs": spend.chosen.batch, "why": spend.chosen.why},
        "by_route": [route_figures(route) for route in spend.routes],
        "by_group_size": [_option(option) for option in spend.options],
        "budget_left_usd": spend.budget_left_usd,
        "beyond_budget_usd": spend.beyond_budget_usd,
        "limit": spend.limit,
        "second_model": None if spend.second is None else asdict(spend.second),
    }


def reconciliation_figures(found: Reconciliation) -> dict[str, Any]:
    """The fields of `Reconciliation`, with the moment as text."""
    return {**asdict(found), "estimated_at": found.estimated_at.isoformat()}


def renewal_figures(found: Sequence[Renewal]) -> dict[str, Any]:
    """The sums, and each prompt and model."""
    renewals = list(found)
    return {
        "summaries": total(renewals),
        "tokens": tokens(renewals),
        "cost_usd": cost_usd(renewals),
        "by_prompt_and_model": [asdict(one) for one in renewals],
    }


def route_figures(route: RouteOption) -> dict[str, Any]:
    """The last four are None of requests that a run waits for."""
    jobs = route.jobs
    return {
        "route": route.route,
        "tier": route.tier,
        "configured": route.chosen,
        "cost_usd": None if route.cost_usd is None else asdict(route.cost_usd),
        "seconds": route.duration.seconds,
        "seconds_are_at_least": route.duration.at_least,
        "seconds_are_at_most": route.duration.at_most,
        "jobs": None if jobs is None else jobs.jobs,
        "jobs_of_a_bucket": None if jobs is None else jobs.most_of_a_bucket,
        "rounds": None if jobs is None else jobs.rounds,
        "price_known": None if jobs is None else route.discounted and route.cost_usd is not None,
    }


def _option(option: Option) -> dict[str, Any]:
    found = option.estimate
    return {
        "group_size": option.group_size,
        "requests": asdict(found.calls),
        "prompt_tokens": asdict(found.prompt_tokens),
        "completion_tokens": asdict(found.completion_tokens),
        "cost_usd": None if found.cost_usd is None else asdict(found.cost_usd),
        "other_tier_cost_usd": None if option.other_cost_usd is None else asdict(option.other_cost_usd),
        "seconds": option.duration.seconds,
        "seconds_are_at_least": option.duration.at_least,
    }

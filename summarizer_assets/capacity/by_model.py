"""One job by each model of the price list and each route: what it costs, and how long the account's limits make it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from summarizer_assets.capacity.fleet import Job, cost_of
from summarizer_assets.core.batches.packing import JobLimits
from summarizer_assets.core.display_text import duration, number, number_of, usd
from summarizer_assets.core.duration import limit_seconds
from summarizer_assets.core.estimation.batch_window import BatchWork, Load, batch_work
from summarizer_assets.core.markdown import table
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.batches.openai_batches import OPENAI
from summarizer_assets.llm.budget.prices import list_taken, listed_models

#: Limits of accounts for which the time is told.
_TOKENS_A_MINUTE: Final = (1_000_000, 10_000_000, 50_000_000)
_QUEUES: Final = (100_000_000, 500_000_000, 1_000_000_000, 5_000_000_000)


@dataclass(frozen=True)
class ModelCost:
    """Dollars by route; None: no list price is known. `host`: where alone it holds. `ends`: the model's last day."""

    model: str
    maker: str
    host: str | None
    online_usd: float
    flex_usd: float | None
    batch_usd: float | None
    ends: str | None

    @property
    def least(self) -> float:
        return min(usd for usd in (self.online_usd, self.flex_usd, self.batch_usd) if usd is not None)


def cost_by_model(job: Job) -> list[ModelCost]:
    """The cheapest model first, each at its cheapest route."""
    found = [
        ModelCost(
            listed.name,
            listed.maker,
            listed.host,
            cost_of(job, listed.price),
            None if listed.flex is None else cost_of(job, listed.flex),
            None if listed.batch is None else cost_of(job, listed.batch),
            None if listed.ends is None else listed.ends.isoformat(),
        )
        for listed in listed_models()
    ]
    return sorted(found, key=lambda cost: (cost.least, cost.online_usd, cost.model))


def jobs_by_queue(job: Job, buckets: int) -> dict[int, BatchWork]:
    """Batch jobs at OpenAI's limits, by input tokens that the account may have under way."""
    limits = OPENAI.limits
    loads = [Load(job.requests / buckets, job.authors * job.prompt_tokens / buckets)] * buckets
    return {
        queue: batch_work(loads, JobLimits(limits.requests, limits.bytes, queue), window_s=limits.window_s)
        for queue in _QUEUES
    }


def by_model_markdown(job: Job, buckets: int) -> str:
    """The tables of cost and of time."""
    asked, said = job.authors * job.prompt_tokens, job.authors * job.completion_tokens
    basis = (
        f"{number_of(job.authors)}, {number(job.group_size)} in a request: {number(job.requests)} requests, "
        f"{number(asked)} tokens in, {number(said)} out. List prices of {list_taken()}, US dollars; empty: no price is "
        "known. Nothing is taken to come from a provider's cache; where a maker bills dearer what its cache takes in, "
        "all input is."
    )
    lines = [
        basis,
        "",
        _costs(cost_by_model(job)),
        "",
        "The least time that a limit on tokens leaves, for requests that runs wait for:",
        "",
        table(("tokens a minute", "online"), [(number(limit), _online(job, limit)) for limit in _TOKENS_A_MINUTE]),
        "",
        f"The most time that batch jobs take, at a day each, by what the account may queue; {number(buckets)} buckets:",
        "",
        table(
            ("input tokens queued", "batch jobs", "rounds", "in all"),
            [
                (number(queue), number(jobs.jobs), number(jobs.rounds), duration(jobs.seconds))
                for queue, jobs in jobs_by_queue(job, buckets).items()
            ],
        ),
    ]
    return "\n".join(lines)


def by_model_json(job: Job, buckets: int) -> dict[str, Any]:
    return {
        "list_prices_of": list_taken().isoformat(),
        "models": [asdict(cost) for cost in cost_by_model(job)],
        "batch_jobs": [{"queue": queue, **asdict(jobs)} for queue, jobs in jobs_by_queue(job, buckets).items()],
    }


def _costs(costs: Sequence[ModelCost]) -> str:
    head = ("model", "of", "online", "flex", "batch jobs", "ends")
    rows = [
        (
            f"`{cost.model}`",
            cost.maker if cost.host is None else f"{cost.maker}, at {cost.host}",
            usd(cost.online_usd),
            "" if cost.flex_usd is None else usd(cost.flex_usd),
            "" if cost.batch_usd is None else usd(cost.batch_usd),
            cost.ends or "",
        )
        for cost in costs
    ]
    return table(head, rows)


def _online(job: Job, tokens_a_minute: int) -> str:
    (seconds,) = limit_seconds(RateLimits(None, tokens_a_minute), job.requests, job.tokens).values()
    return duration(seconds)

"""The pending authors by each route: requests that a run waits for, at each tier with a known price, and batch jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.batches.routing import Chosen
from summarizer_assets.core.duration import WINDOW, Duration, Pace
from summarizer_assets.core.estimation.batch_window import BatchWork, Load, batch_work
from summarizer_assets.core.estimation.cost import Estimate, Span, estimate_of
from summarizer_assets.core.estimation.sampling import Pending, work_in
from summarizer_assets.core.estimation.token_model import TokenModel
from summarizer_assets.core.money.amounts import STANDARD, Price
from summarizer_assets.estimate.terms import BATCH_JOBS, Prices, at_price, terms_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.pricing import batch_factor, configured_price
from summarizer_assets.routes import batch_kind, job_limits, route_rule
from summarizer_assets.settings import Settings

ONLINE, BATCH = "online", "batch"
_AN_AUTHOR: Final = 0.5


@dataclass(frozen=True)
class RouteOption:
    """The job by one route, at a tier. `chosen`: as the settings are.

    Of batch jobs only: `jobs`; `queue`: input tokens that the account may have in them, None if nobody knows;
    `discounted`: whether it is known what part of the price they cost.
    """

    route: str
    tier: str
    cost_usd: Span | None
    duration: Duration
    jobs: BatchWork | None = None
    chosen: bool = False
    queue: int | None = None
    discounted: bool = True

    @property
    def name(self) -> str:
        """As people read it."""
        if self.jobs is not None:
            return BATCH_JOBS
        return ONLINE if self.tier == STANDARD else f"{ONLINE}, {self.tier}"


def route_options(
    summarizer: Summarizer,
    pending: Pending,
    model: TokenModel,
    *,
    prices: Prices,
    pace: Pace,
) -> tuple[RouteOption, ...]:
    """The pending authors in groups of the configured size, by each route that the settings could take."""
    settings, terms = summarizer.settings, terms_of(summarizer)
    size, by_batch = settings.group_size, prices.by_batch
    work = work_in(pending, terms.limits)
    found = estimate_of(work, terms, model)
    buckets = sum(1 for authors in _authors(pending) if authors >= 1)
    online = pace.duration(found, size, buckets)

    def cost(price: Price | None) -> Span | None:
        return estimate_of(work, at_price(terms, price), model).cost_usd

    asked = configured_price(settings, by_batch=False)
    options = [RouteOption(ONLINE, prices.tier, cost(asked), online, chosen=not by_batch)]
    if prices.other is not None:
        options.append(RouteOption(ONLINE, prices.other_tier, cost(prices.other), online))
    free = asked is not None and asked.free  # then nobody would wait a day
    if by_batch or (settings.batch_lacking is None and not free):
        jobs = jobs_for(settings, pending, found)
        price = configured_price(settings, by_batch=True)
        options.append(
            RouteOption(
                BATCH,
                prices.tier,
                cost(price),
                window(jobs),
                jobs,
                chosen=by_batch,
                queue=settings.batch_enqueued_tokens,
                discounted=batch_factor(settings) is not None,
            )
        )
    return tuple(options)


def chosen_route(summarizer: Summarizer, pending: Pending) -> Chosen:
    """The way of the settings; where each run chooses, that of the bucket with the most authors to ask."""
    authors = _authors(pending)
    calls = work_in(pending, terms_of(summarizer).limits).calls
    largest = calls * max(authors, default=0.0) / (sum(authors) or 1.0)
    return route_rule(summarizer.settings).choose(round(largest))


def jobs_for(settings: Settings, pending: Pending, found: Estimate) -> BatchWork:
    """The batch jobs of the pending authors; requests and tokens are shared out by the authors of each bucket."""
    authors = _authors(pending)
    whole = sum(authors) or 1.0
    calls, tokens = found.calls.expected, found.prompt_tokens.expected
    loads = [Load(calls * one / whole, tokens * one / whole) for one in authors if one >= _AN_AUTHOR]
    limits = batch_kind(settings).limits
    return batch_work(loads, job_limits(settings), window_s=limits.window_s, jobs_at_once=limits.jobs)


def window(jobs: BatchWork) -> Duration:
    """How long the provider may take."""
    return Duration(jobs.seconds, WINDOW, at_most=True)


def _authors(pending: Pending) -> Sequence[float]:
    return [pending.new[bucket] + pending.known[bucket] for bucket in pending.new]

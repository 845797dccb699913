"""The cost estimate of a whole job: the pending authors, and their cost for several group sizes."""

import time
from dataclasses import dataclass

from summarizer_assets.core.batches.routing import Chosen
from summarizer_assets.core.duration import Duration
from summarizer_assets.core.estimation.cost import Estimate, Span, estimate_of
from summarizer_assets.core.estimation.sampling import Pending, work_in
from summarizer_assets.core.estimation.token_model import TokenModel
from summarizer_assets.core.money.amounts import NANO, nano_of
from summarizer_assets.estimate.history import learnt
from summarizer_assets.estimate.pace import pace_of
from summarizer_assets.estimate.pending_sample import pending_authors
from summarizer_assets.estimate.routes import RouteOption, chosen_route, jobs_for, route_options, window
from summarizer_assets.estimate.terms import SIZES, Prices, at_price, prices_of, terms_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.state_db.estimates import EstimateBook, KeptEstimate


@dataclass(frozen=True)
class Option:
    """The job in groups of at most `group_size`; `authors_a_call`: authors per request under all limits."""

    group_size: int
    authors_a_call: float
    estimate: Estimate
    other_cost_usd: Span | None
    duration: Duration


@dataclass(frozen=True)
class SecondEstimate:
    """What the second model would cost if the first failed all authors; `cost_usd`: None if no price is known."""

    model: str
    authors: float
    cost_usd: Span | None


@dataclass(frozen=True)
class SpendEstimate:
    """Requests and cost of all runs if they started now.

    `auto`: each run chooses its route. `in_batch`: authors in batch jobs, who are in no other figure. `options`: by
    group size, on the route `chosen` by the settings; `configured`: one of them. `routes`: that one on each route.

    `budget_left_usd`: SUMMARIZER_BUDGET_USD minus spent, uncertain and reserved amounts; None without a budget.
    `second`: of the second model, in no other figure; None without one.
    """

    pending: Pending
    model: TokenModel
    prices: Prices
    options: tuple[Option, ...]
    configured: Option
    routes: tuple[RouteOption, ...]
    chosen: Chosen
    budget_left_usd: float | None
    limit: int | None
    in_batch: int
    auto: bool
    seconds: float
    second: SecondEstimate | None = None

    @property
    def authors_read(self) -> int:
        return sum(sample.seen for sample in self.pending.samples.values())

    @property
    def beyond_budget_usd(self) -> float | None:
        """The amount by which the expected cost exceeds the budget left; negative if it is covered."""
        cost = self.configured.estimate.cost_usd
        if cost is None or self.budget_left_usd is None:
            return None
        return cost.expected - self.budget_left_usd


def estimate_spend(summarizer: Summarizer) -> SpendEstimate:
    """Read the tables and price the pending authors. Makes no request and writes nothing.

    Raises:
        TableError: there are no authors yet, or a table cannot be read.
        StorageError: the state store does not answer.
    """
    began = time.monotonic()
    settings = summarizer.settings
    pending = pending_authors(summarizer)
    model = learnt(summarizer, terms_of(summarizer))
    chosen = chosen_route(summarizer, pending)
    prices, pace = prices_of(summarizer, by_batch=chosen.batch), pace_of(summarizer)
    buckets = sum(1 for bucket in pending.new if pending.new[bucket] + pending.known[bucket] >= 1)
    options = []
    for size in sorted({*SIZES, settings.group_size}):
        terms = at_price(terms_of(summarizer, size), prices.price)
        work = work_in(pending, terms.limits)
        found = estimate_of(work, terms, model)
        other = estimate_of(work, at_price(terms, prices.other), model).cost_usd
        each = work.authors / work.calls if work.calls else 0.0
        takes = pace.duration(found, size, buckets)
        if prices.by_batch:
            takes = window(jobs_for(settings, pending, found))
        options.append(Option(size, each, found, other, takes))
    return SpendEstimate(
        pending=pending,
        model=model,
        prices=prices,
        options=tuple(options),
        configured=next(option for option in options if option.group_size == settings.group_size),
        chosen=chosen,
        routes=route_options(summarizer, pending, model, prices=prices, pace=pace),
        budget_left_usd=_left(summarizer),
        limit=settings.limit,
        in_batch=sum(waiting.authors for waiting in summarizer.jobs.waiting().values()),
        auto=settings.route == "auto",
        seconds=time.monotonic() - began,
        second=_second(summarizer, pending),
    )


def keep(summarizer: Summarizer, spend: SpendEstimate) -> None:
    """Store the estimate, so that `reconcile` can compare it with the actual cost."""
    found = spend.configured.estimate
    cost = found.cost_usd
    EstimateBook(summarizer.database, summarizer.root_name).keep(
        KeptEstimate(
            prompt_version=summarizer.identity.prompt_version,
            model=summarizer.identity.model,
            group_size=spend.configured.group_size,
            authors=round(found.authors.expected),
            calls=round(found.calls.expected),
            tokens=round(found.tokens.expected),
            tokens_low=round(found.tokens.low),
            tokens_high=round(found.tokens.high),
            cost=None if cost is None else round(cost.expected * NANO),
            cost_low=None if cost is None else round(cost.low * NANO),
            cost_high=None if cost is None else round(cost.high * NANO),
        )
    )


def _second(summarizer: Summarizer, pending: Pending) -> SecondEstimate | None:
    model = summarizer.second_model
    if model is None:
        return None
    found = estimate_of(work_in(pending, model.terms.limits), model.terms)
    return SecondEstimate(model.identity.model, found.authors.expected, found.cost_usd)


def _left(summarizer: Summarizer) -> float | None:
    budget = summarizer.settings.budget_usd
    if budget is None:
        return None
    totals = summarizer.ledger.totals()
    return (nano_of(budget) - totals["spent"] - totals["uncertain"] - totals["reserved"]) / NANO

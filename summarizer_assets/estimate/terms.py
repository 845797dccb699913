"""The request parameters and prices that an installation's runs would use."""

from dataclasses import dataclass, replace
from datetime import date

from summarizer_assets.core.display_text import usd
from summarizer_assets.core.estimation.cost import Span, Terms
from summarizer_assets.core.money.amounts import STANDARD, Price, tier_name
from summarizer_assets.installation import Summarizer
from summarizer_assets.pricing import configured_price, listed_price, model_notices

SIZES = (1, 20, 100, 500)
FLEX = "flex"
BATCH_JOBS = "batch jobs"
NO_PRICE = (
    "no price is known: set SUMMARIZER_PRICE_INPUT_USD and SUMMARIZER_PRICE_OUTPUT_USD to what a million tokens cost "
    "(0 for a server of your own)"
)


@dataclass(frozen=True)
class Prices:
    """The configured price, and the other tier's if it is known for certain.

    `source`: origin of the first. `other_reason`: why the second is unknown. `notices`: notices about the model and the
    price list. `by_batch`: the first is that of batch jobs.
    """

    price: Price | None
    tier: str
    source: str
    other_tier: str
    other: Price | None
    other_reason: str | None
    notices: tuple[str, ...] = ()
    by_batch: bool = False

    @property
    def name(self) -> str:
        """Of the configured price, as the head of a column."""
        return BATCH_JOBS if self.by_batch else self.tier


def usd_span(span: Span) -> str:
    if span.low == span.high:
        return usd(span.expected)
    return f"{usd(span.expected)} ({usd(span.low)} to {usd(span.high)})"


def terms_of(summarizer: Summarizer, group_size: int | None = None) -> Terms:
    """The terms of a run, or of a run with groups of `group_size`."""
    terms = summarizer.terms
    return terms if group_size is None else replace(terms, limits=replace(terms.limits, count=group_size))


def at_price(terms: Terms, price: Price | None) -> Terms:
    return replace(terms, price=price)


def prices_of(summarizer: Summarizer, today: date | None = None, *, by_batch: bool | None = None) -> Prices:
    """`by_batch`: of batch jobs; None: if the settings send nothing else."""
    settings = summarizer.settings
    by_batch = settings.route == "batch" if by_batch is None else by_batch
    price = configured_price(settings, today, by_batch=by_batch)
    tier = settings.llm_extra_body.get("service_tier")
    other_tier = STANDARD if tier == FLEX else FLEX
    here = tier_name(tier) or str(tier)
    notices = tuple(model_notices(settings, today))
    if settings.embedded:
        return Prices(price, here, "the embedded template is free", other_tier, None, "it is free")
    if settings.price_input_usd is not None:
        own = "SUMMARIZER_PRICE_INPUT_USD and SUMMARIZER_PRICE_OUTPUT_USD"
        reason = f"{own} are set, and say nothing of it"
        return Prices(price, here, own, other_tier, None, reason, notices, by_batch)
    other = listed_price(settings, None if tier == FLEX else FLEX, today)
    listed = listed_price(settings, tier, today)
    source = NO_PRICE if listed is None else f"the list price of {listed.model}, taken on {listed.taken}"
    unsure = None if other else f"the package's list has no sure {other_tier} price for {settings.model}"
    found = other.price if other else None
    return Prices(price, here, source, other_tier, found, unsure, notices, by_batch)

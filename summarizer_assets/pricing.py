"""The price of the configured model (from the settings, else from the price list), and notices about the model."""

from dataclasses import replace
from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from summarizer_assets.core.money.amounts import Price
from summarizer_assets.core.money.costly_fields import costly_fields
from summarizer_assets.llm.batches.names import CACHED_IN_FULL, usual_factor
from summarizer_assets.llm.budget.prices import ListPrice, list_price, list_taken, listed_end
from summarizer_assets.settings import Settings
from summarizer_assets.settings.errors import SettingsError

_OLD_DAYS = 60  # a list older than this should be compared with the provider's page


def configured_price(settings: Settings, today: date | None = None, *, by_batch: bool | None = None) -> Price | None:
    """The price of the configured model; None if it is unknown and no budget is set.

    `by_batch`: in a batch job; None: if the settings send nothing but batch jobs.

    Raises:
        SettingsError: a budget is set, but the price is unknown.
    """
    if settings.embedded:
        return Price.per_million(0, 0)
    price = _price_of_tokens(settings, today)
    if price is None:
        return None
    if settings.budget_usd is not None and not price.free and (costly := _costly(settings)):
        raise SettingsError(
            f"SUMMARIZER_BUDGET_USD is set, and SUMMARIZER_LLM_EXTRA_BODY has {', '.join(costly)}, for which a "
            "provider may bill more than the tokens of one answer: take it out, or set SUMMARIZER_PRICE_REQUEST_USD to "
            "what it adds to a request at most (0: nothing)"
        )
    price = replace(
        price,
        request=Price.per_million(0, 0, request_usd=settings.price_request_usd or 0).request,
        cached_in_full=settings.provider_of_batches in CACHED_IN_FULL,
    )
    by_batch = settings.route == "batch" if by_batch is None else by_batch
    return price.times(batch_factor(settings) or 1.0) if by_batch else price


def batch_factor(settings: Settings) -> float | None:
    """The price of tokens in a batch job, as a part of what they cost otherwise; None: nobody knows."""
    if settings.batch_factor is not None:
        return settings.batch_factor
    return usual_factor(settings.provider_of_batches, settings.llm_base_url)


def _price_of_tokens(settings: Settings, today: date | None) -> Price | None:
    if settings.price_input_usd is not None and settings.price_output_usd is not None:
        return Price.per_million(
            settings.price_input_usd,
            settings.price_output_usd,
            cached_input_usd=settings.price_cached_input_usd,
            cache_write_usd=settings.price_cache_write_usd,
        )
    tier = settings.llm_extra_body.get("service_tier")
    listed = listed_price(settings, tier, today)
    if listed is None and settings.budget_usd is not None:
        raise SettingsError(
            f"SUMMARIZER_BUDGET_USD is set, but the price list of this package has no sure price for "
            f"{settings.model}{'' if tier is None else f' with service_tier {tier}'}: set "
            "SUMMARIZER_PRICE_INPUT_USD and SUMMARIZER_PRICE_OUTPUT_USD to what a million tokens cost "
            "(0 for a server of your own)"
        )
    return listed.price if listed is not None else None


def _costly(settings: Settings) -> tuple[str, ...]:
    """Request fields that were set without a price and may cost extra."""
    if settings.price_request_usd is not None:
        return ()
    return costly_fields(settings.llm_extra_body, own_price=settings.price_input_usd is not None)


def listed_price(settings: Settings, tier: object, today: date | None = None) -> ListPrice | None:
    """The list price of the configured model at `tier`, for this base URL and request size; None if not listed."""
    return list_price(
        settings.model,
        tier=tier,
        largest_request=settings.group_tokens,
        host=_host(settings),
        today=today or _today(),
    )


def model_notices(settings: Settings, today: date | None = None) -> list[str]:
    """Notices to read before money is spent: the model's retirement, and an outdated price list."""
    if settings.embedded:
        return []
    today = today or _today()
    end = listed_end(settings.model, _host(settings))
    notices = [] if end is None else [end.told(today)]
    if settings.price_input_usd != 0 and (costly := _costly(settings)):
        notices.append(
            f"SUMMARIZER_LLM_EXTRA_BODY has {', '.join(costly)}, for which a provider may bill more than the tokens of "
            "one answer, and that is in no figure here: SUMMARIZER_PRICE_REQUEST_USD tells what it adds to a request."
        )
    if settings.route == "batch" and batch_factor(settings) is None:
        notices.append(
            "No price of batch jobs is known for this provider: they are booked as other requests are. "
            "SUMMARIZER_BATCH_FACTOR tells which part of that they cost."
        )
    age = (today - list_taken()).days
    of_the_list = settings.price_input_usd is None and listed_price(settings, None, today) is not None
    if age > _OLD_DAYS and of_the_list:
        notices.append(
            f"The list of prices is of {list_taken()}, {age} days old: upgrade the package, or compare with the "
            "provider's page and set SUMMARIZER_PRICE_INPUT_USD and SUMMARIZER_PRICE_OUTPUT_USD."
        )
    return notices


def _host(settings: Settings) -> str | None:
    return urlsplit(settings.llm_base_url).hostname


def _today() -> date:
    return datetime.now(UTC).date()

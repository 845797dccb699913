"""The price of the configured model: the user's own, else the list's."""

from summarizer_assets.core.money import Price
from summarizer_assets.llm.prices import list_price
from summarizer_assets.setting_errors import SettingsError
from summarizer_assets.settings import Settings


def configured_price(settings: Settings) -> Price | None:
    """Of the configured model; None: nobody knows it, and nobody set a budget.

    Raises:
        SettingsError: a budget cannot be kept without a price.
    """
    if settings.embedded:
        return Price.per_million(0, 0)
    if settings.price_input_usd is not None and settings.price_output_usd is not None:
        return Price.per_million(
            settings.price_input_usd, settings.price_output_usd, cached_input_usd=settings.price_cached_input_usd
        )
    tier = settings.llm_extra_body.get("service_tier")
    listed = list_price(settings.model, tier=tier, largest_request=settings.group_tokens)
    if listed is None and settings.budget_usd is not None:
        raise SettingsError(
            f"SUMMARIZER_BUDGET_USD is set, but the price list of this package has no sure price for "
            f"{settings.model}{'' if tier is None else f' with service_tier {tier}'}: set "
            "SUMMARIZER_PRICE_INPUT_USD and SUMMARIZER_PRICE_OUTPUT_USD to what a million tokens cost "
            "(0 for a server of your own)"
        )
    return listed.price if listed is not None else None

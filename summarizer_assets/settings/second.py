"""Settings of the second model, and what they mean: the settings with which it is asked."""

from typing import TYPE_CHECKING, Any, Final

from pydantic import SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from summarizer_assets.core.money.costly_fields import costly_fields
from summarizer_assets.endpoint import endpoint
from summarizer_assets.llm.http.exchange import require_fit_for_a_header
from summarizer_assets.settings.groups import Dollars, sometimes
from summarizer_assets.settings.protocols import EMBEDDED, ProtocolName, protocol_of
from summarizer_assets.settings.rules import output_is_bounded, prices_are_whole

if TYPE_CHECKING:
    from summarizer_assets.settings import Settings

#: Of the derived settings: nobody waits long for a second opinion, the first model's failure stands meanwhile.
_PATIENCE_S: Final = 120.0
#: Settings of the first model, by those of the second that take their place.
_INSTEAD: Final = {
    "second_model": "llm_model",
    "second_base_url": "llm_base_url",
    "second_api_key": "llm_api_key",
    "second_protocol": "llm_protocol",
    "second_extra_body": "llm_extra_body",
    "second_price_input_usd": "price_input_usd",
    "second_price_output_usd": "price_output_usd",
}
SECOND_SETTINGS: Final = tuple(_INSTEAD)


class SecondSettings(BaseSettings):
    """Part of `Settings`."""

    second_model: str | None = sometimes(
        None,
        description="A second model, which is asked once about each author whom the first one failed. Unset: none. "
        "See second-model.md.",
    )
    second_protocol: ProtocolName | None = sometimes(  # before the base URL, whose check depends on it
        None, description="The interface of the second model's provider. Unset: as the base URL says."
    )
    second_base_url: str | None = sometimes(
        None,
        description="The base URL of the second model's provider. Unset: that of the first, with its key and "
        "`SUMMARIZER_LLM_EXTRA_BODY`.",
    )
    second_api_key: SecretStr | None = sometimes(None, description="The key for the second model's provider.")
    second_extra_body: dict[str, Any] | None = sometimes(
        None,
        repr=False,  # may contain a user's token
        description="JSON merged into each request to the second model. Unset: that of the first, if the provider is "
        "the same.",
    )
    second_price_input_usd: Dollars | None = sometimes(
        None, description="Price of a million input tokens of the second model. Unset: from the package's price list."
    )
    second_price_output_usd: Dollars | None = sometimes(
        None, description="Price of a million output tokens of the second model."
    )

    @field_validator("second_base_url")
    @classmethod
    def _second_base_url_is_a_provider(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is None:
            return None
        protocol = protocol_of(info.data.get("second_protocol"), url)
        try:
            return endpoint(url, protocol.path, protocol.base_path)
        except ValueError as error:
            raise ValueError(in_names_of_the_second(str(error))) from None


def second_of(settings: "Settings") -> "Settings | None":
    """The settings with which the second model is asked; None: there is none.

    Its limits are learnt: those that are set are of the first. Each author is asked alone.
    """
    if settings.second_model is None:
        return None
    elsewhere = settings.second_base_url is not None
    own = {first: getattr(settings, name) for name, first in _INSTEAD.items()}
    if not elsewhere:
        shared = ("llm_base_url", "llm_api_key", "llm_protocol", "llm_extra_body")
        own |= {name: getattr(settings, name) for name in shared if own[name] is None}
    as_the_first = settings.second_extra_body is None and not elsewhere
    return settings.model_copy(
        update={
            **own,
            "llm_extra_body": own["llm_extra_body"] or {},
            "price_cached_input_usd": None,
            "price_cache_write_usd": None,
            "price_request_usd": settings.price_request_usd if as_the_first else None,
            "rpm": None,
            "tpm": None,
            "route": "online",
            "group_size": 1,
            "no_progress_s": min(settings.no_progress_s, _PATIENCE_S),
            **dict.fromkeys(_INSTEAD),
        }
    )


def in_names_of_the_second(text: str) -> str:
    """A message about settings of the first model, in the names of those of the second."""
    for second, first in _INSTEAD.items():
        text = text.replace(f"SUMMARIZER_{first.upper()}", f"SUMMARIZER_{second.upper()}")
    return text


def second_is_whole(settings: "Settings") -> None:
    """Check that the settings of the second model go together, and that it is another one.

    Raises:
        ValueError: they do not.
    """
    second = second_of(settings)
    if second is None:
        given = [name for name in SECOND_SETTINGS if getattr(settings, name) is not None]
        if given:
            raise ValueError(
                f"SUMMARIZER_{given[0].upper()} without SUMMARIZER_SECOND_MODEL: nobody would be asked; set the second "
                "model's name, or unset the others"
            )
        return
    if second.llm_base_url == EMBEDDED:
        raise ValueError(
            f"SUMMARIZER_SECOND_MODEL={second.model} without a provider: the embedded one has only its template; set "
            "SUMMARIZER_SECOND_BASE_URL"
        )
    if second.model == settings.model:
        raise ValueError(
            f"SUMMARIZER_SECOND_MODEL={second.model} has the name of the first model, and the tables tell the two by "
            "their names; allowed: another one"
        )
    prices = (settings.second_price_input_usd, settings.second_price_output_usd)
    budget = settings.budget_usd is not None
    try:
        if settings.second_api_key is not None:
            require_fit_for_a_header(settings.second_api_key.get_secret_value())
        prices_are_whole(prices, ())
        second.protocol.checked_extra_body(second.llm_extra_body)
        output_is_bounded(second.most_output_tokens, second.max_output_tokens, second.words, budget=budget)
    except ValueError as error:
        raise ValueError(in_names_of_the_second(str(error))) from None
    costly = costly_fields(settings.second_extra_body or {}, own_price=None not in prices)
    if budget and costly:
        raise ValueError(
            f"SUMMARIZER_BUDGET_USD is set, and SUMMARIZER_SECOND_EXTRA_BODY has {', '.join(costly)}, for which a "
            "provider may bill more than the tokens of one answer: take it out"
        )

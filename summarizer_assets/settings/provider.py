"""Settings of the provider and its prices."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings

from summarizer_assets.endpoint import endpoint
from summarizer_assets.settings.groups import Dollars, sometimes, to_know
from summarizer_assets.settings.protocols import EMBEDDED, ProtocolName, protocol_of
from summarizer_assets.settings.rules import file_there


class ProviderSettings(BaseSettings):
    """Part of `Settings`."""

    llm_protocol: ProtocolName | None = sometimes(  # before the settings whose checks depend on it
        None,
        description="The provider's interface: `openai` (`/chat/completions`), `anthropic` (`/messages`) or `gemini` "
        "(`:generateContent`). Unset: `anthropic` if the base URL's host is `api.anthropic.com` or its path ends in "
        "`/anthropic`, `gemini` if its host is `generativelanguage.googleapis.com` and its path does not end in "
        "`/openai`, else `openai`.",
    )
    llm_base_url: str = to_know(
        EMBEDDED,
        description="The provider's base URL, as in `https://host/v1`: OpenAI-compatible, Anthropic's or Gemini's. "
        "`embedded`: the built-in template.",
    )
    llm_model: str | None = to_know(
        None,
        description="The model's name at the provider; required with a base URL. Embedded: `template`.",
    )
    llm_api_key: SecretStr | None = to_know(None, description="The provider's key. Never printed or stored.")
    llm_extra_body: dict[str, Any] = sometimes(
        default_factory=dict,
        repr=False,  # may contain a user's token
        description='JSON merged into each request, as in `{"service_tier": "flex"}`.',
    )
    llm_ca_file: Annotated[Path | None, AfterValidator(file_there)] = sometimes(
        None, description="A PEM file of private certificate authorities. Unset: `SSL_CERT_FILE`, or certifi's file."
    )
    price_input_usd: Dollars | None = to_know(
        None, description="Price of a million input tokens. Unset: from the package's price list."
    )
    price_output_usd: Dollars | None = to_know(None, description="Price of a million output tokens.")
    price_cached_input_usd: Dollars | None = sometimes(
        None, description="Price of a million input tokens from the provider's cache. Unset: the input price."
    )
    price_cache_write_usd: Dollars | None = sometimes(
        None, description="Price of a million input tokens that the provider's cache takes in. Unset: the input price."
    )
    price_request_usd: Dollars | None = sometimes(
        None,
        description="The most that a request costs in addition to its tokens, for fields of "
        "`SUMMARIZER_LLM_EXTRA_BODY` that are billed separately (searches, tools). Booked for each request; "
        "unset: nothing is added.",
    )
    budget_usd: Dollars | None = to_know(
        None, description="The most that all runs together may spend, since the root was made. Unset: no limit."
    )

    @property
    def api_key(self) -> str | None:
        """The provider's key as its requests carry it; not to be printed."""
        return None if self.llm_api_key is None else self.llm_api_key.get_secret_value()

    @field_validator("llm_base_url")
    @classmethod
    def _base_url_is_a_provider(cls, url: str, info: ValidationInfo) -> str:
        protocol = protocol_of(info.data.get("llm_protocol"), url)
        return url if url == EMBEDDED else endpoint(url, protocol.path, protocol.base_path)

    @field_validator("llm_extra_body")
    @classmethod
    def _extra_body_leaves_the_request_whole(cls, extra_body: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        protocol = protocol_of(info.data.get("llm_protocol"), info.data.get("llm_base_url", EMBEDDED))
        return protocol.checked_extra_body(extra_body)

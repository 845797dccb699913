"""Anthropic's messages, as its own API and the gateways in front of its models speak them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import msgspec

from summarizer_assets.core.answers.anthropic_message import message_usage, open_message
from summarizer_assets.core.answers.reply_document import text_of
from summarizer_assets.core.prompt.messages import OUTPUT_SCHEMA
from summarizer_assets.core.prompt.request_form import Refusal, RequestForm
from summarizer_assets.llm.protocols.chat_protocol import (
    Announced,
    AnnouncedLimits,
    ChatProtocol,
    ChatRequest,
    set_at_the_top,
)
from summarizer_assets.llm.protocols.rate_headers import anthropic_limit, anthropic_resets

#: Of the interface, which requests and replies keep to.
VERSION: Final = "2026-10-21"
_FORMAT: Final[dict[str, Any]] = {"type": "json_schema", "schema": OUTPUT_SCHEMA}
#: The provider keeps the instruction for five minutes from its last use: a run uses it all the time.
_CACHED: Final[dict[str, Any]] = {"type": "ephemeral"}
_ANSWER_FORM: Final = re.compile(
    r"output_(?:config|format)|json[_ ]schema|structured[_ ]output|grammar|invalid schema", re.IGNORECASE
)
#: Fields that decide which answer belongs to whom, or what it is asked of.
_OWN: Final = frozenset({"messages", "model", "stream", "system", "tools"})
_BASE_END: Final = "/v1"


class _Glance(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw()
    stop_reason: Any = None
    error: Any = None

    @property
    def plain(self) -> bool:
        return not self.error and isinstance(self.stop_reason, str) and bytes(memoryview(self.content)[:1]) == b"["


_glance = msgspec.json.Decoder(_Glance)


class _Text(msgspec.Struct):
    content: Any = None


_text = msgspec.json.Decoder(_Text)


class AnthropicMessages:
    """See `ChatProtocol`."""

    name = "anthropic"
    path = "/messages"
    models_query: Mapping[str, str] = MappingProxyType({"limit": "1000"})  # else it lists the newest twenty
    output_fields = ("max_tokens",)
    set_fields = staticmethod(set_at_the_top)
    open = staticmethod(open_message)
    usage = staticmethod(message_usage)

    def base_path(self, path: str) -> str:
        """Its clients are given a base without `/v1`, and add it; ours may have it already."""
        return path if path.endswith(_BASE_END) else path + _BASE_END

    def headers(self, path: str, query: Mapping[str, str], api_key: str | None) -> dict[str, str]:  # noqa: ARG002 - `ChatProtocol`
        """A key in `x-api-key`, a token as a bearer token."""
        version = {"anthropic-version": VERSION}
        if api_key is None:
            return version
        return version | ({"Authorization": f"Bearer {api_key}"} if _is_token(api_key) else {"x-api-key": api_key})

    def checked_extra_body(self, extra_body: dict[str, Any]) -> dict[str, Any]:
        taken = sorted(_OWN & extra_body.keys())
        config = extra_body.get("output_config")
        if config is not None and not isinstance(config, dict):
            raise ValueError(
                'SUMMARIZER_LLM_EXTRA_BODY sets output_config to no object; write it as in {"effort": "low"}'
            )
        if config is not None and "format" in config:
            taken.append("output_config.format")
        if taken:
            raise ValueError(
                f"SUMMARIZER_LLM_EXTRA_BODY sets {', '.join(taken)}, which the request itself decides; "
                "take it out (the model has its own setting, SUMMARIZER_LLM_MODEL)"
            )
        if extra_body.get("cache_control") is not None:
            raise ValueError(
                "SUMMARIZER_LLM_EXTRA_BODY sets cache_control: the instruction, which all requests share, is cached "
                "anyway; take it out, or set it to null for no caching"
            )
        if "max_tokens" in extra_body and extra_body["max_tokens"] is None:
            raise ValueError("SUMMARIZER_LLM_EXTRA_BODY sets max_tokens to null, and each request needs one here")
        return extra_body

    def most_output_tokens(self, extra_body: Mapping[str, Any], bound: int) -> int | None:
        given = extra_body.get("max_tokens", bound)
        return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else None

    def encode(self, request: ChatRequest) -> bytes:
        extra_body = self.checked_extra_body(dict(request.extra_body))
        instruction: dict[str, Any] = {"type": "text", "text": request.system}
        if "cache_control" not in extra_body:
            instruction["cache_control"] = _CACHED
        config = dict(extra_body.pop("output_config", None) or {})
        if request.form.structured == "json_schema":
            config["format"] = _FORMAT
        body: dict[str, Any] = {
            "model": request.model,
            "max_tokens": request.bound,
            "system": [instruction],
            "messages": [{"role": "user", "content": request.user}],
            "output_config": config or None,
            **extra_body,
        }
        return msgspec.json.encode({name: value for name, value in body.items() if value is not None})

    def simpler(self, form: RequestForm, refusal: Refusal) -> RequestForm | None:
        """Words alone, where the form is refused.

        A forced tool would be between the two; models that always think refuse it, and words are mostly heeded.
        """
        if form.structured == "json_schema" and refusal.is_about(_ANSWER_FORM):
            return replace(form, structured="none")
        return None

    def is_plain(self, body: bytes) -> bool:
        try:
            return _glance.decode(body).plain
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False

    def text(self, body: bytes) -> str | None:
        try:
            return text_of(_text.decode(body).content)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def limits(self, headers: Mapping[str, str]) -> AnnouncedLimits:
        """All are for a minute. Those of input and output stand for the tokens' where that one is not told."""
        tokens = anthropic_limit(headers, "tokens")
        if tokens is None:
            parts = [anthropic_limit(headers, what) for what in ("input-tokens", "output-tokens")]
            tokens = sum(part for part in parts if part is not None) or None
        return AnnouncedLimits(Announced(anthropic_limit(headers, "requests"), None), Announced(tokens, None))

    def resets(self, headers: Mapping[str, str], now: float) -> list[float | None]:
        return list(anthropic_resets(headers, now))


ANTHROPIC_MESSAGES: Final[ChatProtocol] = AnthropicMessages()


def _is_token(api_key: str) -> bool:
    """An access token of Anthropic's, or a signed one, as clouds hand them out."""
    return api_key.startswith("sk-ant-oat") or (api_key.startswith("eyJ") and api_key.count(".") == 2)  # noqa: PLR2004 - head, claims, signature

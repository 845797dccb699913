"""OpenAI's chat completions, as some thirty providers and servers speak them, each with words of its own."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import msgspec

from summarizer_assets.core.answers.chat_completion import open_chat_completion
from summarizer_assets.core.answers.usage import usage_of
from summarizer_assets.core.prompt.messages import OUTPUT_SCHEMA
from summarizer_assets.core.prompt.request_form import Refusal, RequestForm, Structured
from summarizer_assets.llm.http.retry_after import duration
from summarizer_assets.llm.protocols.chat_protocol import (
    Announced,
    AnnouncedLimits,
    ChatProtocol,
    ChatRequest,
    set_at_the_top,
)
from summarizer_assets.llm.protocols.rate_headers import anthropic_limit, anthropic_resets, positive

_RESPONSE_FORMATS: Final[dict[Structured, dict[str, Any] | None]] = {
    "json_schema": {
        "type": "json_schema",
        "json_schema": {"name": "author_summaries", "strict": True, "schema": OUTPUT_SCHEMA},
    },
    "json_object": {"type": "json_object"},
    "none": None,
}
_SIMPLER: Final[dict[Structured, Structured]] = {"json_schema": "json_object", "json_object": "none"}
_ANSWER_FORM: Final = re.compile(
    r"response_?format|json[_ ]schema|json[_ ]object|structured[_ ]output|guided[_ ]|grammar|json mode|schema contains",
    re.IGNORECASE,
)
#: Fields that decide which answer belongs to whom.
_OWN: Final = frozenset({"messages", "model", "n", "response_format", "stream", "tools"})

_RESETS_IN: Final = ("x-ratelimit-reset-requests", "x-ratelimit-reset-tokens")


class _GlanceAtMessage(msgspec.Struct):
    error: Any = None


class _GlanceAtChoice(msgspec.Struct):
    message: _GlanceAtMessage | None = None
    finish_reason: Any = None
    error: Any = None

    @property
    def plain(self) -> bool:
        usual = self.finish_reason is None or self.finish_reason in ("stop", "length", "tool_calls")
        return usual and not self.error and self.message is not None and not self.message.error


class _Glance(msgspec.Struct):
    choices: list[_GlanceAtChoice] | None = None
    error: Any = None
    errors: Any = None
    base_resp: Any = None

    @property
    def plain(self) -> bool:
        if not self.choices or self.error or self.errors or self.base_resp:
            return False
        return self.choices[0].plain


_glance = msgspec.json.Decoder(_Glance)


class OpenAIChat:
    """See `ChatProtocol`."""

    name = "openai"
    path = "/chat/completions"
    models_query: Mapping[str, str] = MappingProxyType({})
    output_fields = ("max_tokens", "max_completion_tokens")
    set_fields = staticmethod(set_at_the_top)
    open = staticmethod(open_chat_completion)
    usage = staticmethod(usage_of)

    def base_path(self, path: str) -> str:
        return path

    def headers(self, path: str, query: Mapping[str, str], api_key: str | None) -> dict[str, str]:
        """A bearer token, or the header `api-key` where Azure's older interface asks for that."""
        if api_key is None:
            return {}
        if _is_azure_s_own(path, query) and not _is_token(api_key):
            return {"api-key": api_key}
        return {"Authorization": f"Bearer {api_key}"}

    def checked_extra_body(self, extra_body: dict[str, Any]) -> dict[str, Any]:
        taken = _OWN & extra_body.keys()
        if taken:
            raise ValueError(
                f"SUMMARIZER_LLM_EXTRA_BODY sets {', '.join(sorted(taken))}, which the request itself decides; "
                "take it out (the model has its own setting, SUMMARIZER_LLM_MODEL)"
            )
        return extra_body

    def most_output_tokens(self, extra_body: Mapping[str, Any], bound: int) -> int | None:
        bounds = [extra_body.get("max_completion_tokens"), extra_body.get("max_tokens", bound)]
        given = next((bound for bound in bounds if bound is not None), None)
        return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else None

    def encode(self, request: ChatRequest) -> bytes:
        output_field = request.form.output_field
        body: dict[str, Any] = {
            "model": request.model,
            "messages": [
                {"role": "system", "content": request.system},
                {"role": "user", "content": request.user},
            ],
            output_field: request.bound,
        }
        response_format = _RESPONSE_FORMATS[request.form.structured]
        if response_format is not None:
            body["response_format"] = response_format
        if request.extra_body:
            extra_body = self.checked_extra_body(dict(request.extra_body))
            if "max_tokens" in extra_body or extra_body.get("max_completion_tokens") is not None:
                del body[output_field]
            body.update(extra_body)
            body = {name: value for name, value in body.items() if value is not None}
        return msgspec.json.encode(body)

    def simpler(self, form: RequestForm, refusal: Refusal) -> RequestForm | None:
        """The other name of the answer's bound, or a weaker way to ask for its shape."""
        if form.output_field in refusal.named and "response_format" not in refusal.blamed:
            other = next(field for field in self.output_fields if field != form.output_field)
            return replace(form, output_field=other)
        if form.structured in _SIMPLER and refusal.is_about(_ANSWER_FORM):
            return replace(form, structured=_SIMPLER[form.structured])
        return None

    def is_plain(self, body: bytes) -> bool:
        try:
            return _glance.decode(body).plain
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return False

    def text(self, body: bytes) -> str | None:
        try:
            found: Any = msgspec.json.decode(body)
            text = found["choices"][0]["message"]["content"]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
            return None
        return "" if text is None else str(text)

    def limits(self, headers: Mapping[str, str]) -> AnnouncedLimits:
        return AnnouncedLimits(_announced(headers, "requests"), _announced(headers, "tokens"))

    def resets(self, headers: Mapping[str, str], now: float) -> list[float | None]:
        resets = [duration(headers.get(name)) for name in _RESETS_IN]
        return [*resets, *anthropic_resets(headers, now)]


OPENAI_CHAT: Final[ChatProtocol] = OpenAIChat()


def _is_azure_s_own(path: str, query: Mapping[str, str]) -> bool:
    """Azure's interfaces with a dated version, which take a key in a header of their own, behind a gateway too.

    Told by the path: `api-version` is asked for by others as well, and by Azure's `/openai/v1`, which takes both.
    """
    deployment = "/openai/deployments/" in path
    return deployment or (path.endswith("/models/chat/completions") and "api-version" in query)


def _is_token(api_key: str) -> bool:
    """A signed token, as Entra ID hands them out: a bearer token with every interface."""
    return api_key.startswith("eyJ") and api_key.count(".") == 2  # noqa: PLR2004 - head, claims, signature


def _announced(headers: Mapping[str, str], what: str) -> Announced:
    limit = positive(headers.get(f"x-ratelimit-limit-{what}")) or anthropic_limit(headers, what)
    return Announced(limit, duration(headers.get(f"x-ratelimit-reset-{what}")))

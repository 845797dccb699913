"""Gemini's generated content, as Google's own APIs speak it: the model stands in the path."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

import msgspec

from summarizer_assets.core.answers.gemini_content import content_usage, open_content, text_of_parts
from summarizer_assets.core.prompt.messages import OUTPUT_SCHEMA
from summarizer_assets.core.prompt.request_form import Refusal, RequestForm, Structured
from summarizer_assets.llm.protocols.chat_protocol import MODEL, Announced, AnnouncedLimits, ChatProtocol, ChatRequest

_JSON: Final = "application/json"
#: The schema is JSON Schema's; `responseSchema` is a dialect that has no `additionalProperties`.
_FORMATS: Final[dict[Structured, dict[str, Any]]] = {
    "json_schema": {"responseMimeType": _JSON, "responseJsonSchema": OUTPUT_SCHEMA},
    "json_object": {"responseMimeType": _JSON},
    "none": {},
}
_SIMPLER: Final[dict[Structured, Structured]] = {"json_schema": "json_object", "json_object": "none"}
_ANSWER_FORM: Final = re.compile(
    r"response_?(?:json_?)?schema|response_?mime_?type|structured[_ ]output|json mode|too many states", re.IGNORECASE
)
_CONFIG: Final = "generationConfig"
_BOUND: Final = "maxOutputTokens"
#: Fields that decide which answer belongs to whom, or what it is asked of; without underscores, lower case.
_OWN: Final = frozenset({"contents", "model", "systeminstruction", "tools", "toolconfig", "cachedcontent"})
_OWN_OF_CONFIG: Final = frozenset(
    {"responsemimetype", "responseschema", "responsejsonschema", "candidatecount", "responsemodalities"}
)
_MODEL_PATH: Final = re.compile(r"/models(?:/[^/]+)?$")
_VERSION: Final = re.compile(r"/v\d+(?:(?:alpha|beta)\d*)?(?=/|$)")
_NEWEST: Final = "/v1beta"
_NO_LIMIT: Final = Announced(None, None)


class _GlanceAtCandidate(msgspec.Struct, rename="camel"):
    content: msgspec.Raw = msgspec.Raw()
    finish_reason: Any = None


class _Glance(msgspec.Struct, rename="camel"):
    candidates: list[_GlanceAtCandidate] | None = None
    error: Any = None

    @property
    def plain(self) -> bool:
        if self.error or not self.candidates:
            return False
        first = self.candidates[0]
        return first.finish_reason in ("STOP", "MAX_TOKENS") and bytes(memoryview(first.content)[:1]) == b"{"


_glance = msgspec.json.Decoder(_Glance)


class GeminiContent:
    """See `ChatProtocol`."""

    name = "gemini"
    path = f"/models/{MODEL}:generateContent"
    models_query: Mapping[str, str] = MappingProxyType({"pageSize": "1000"})  # else it lists the first fifty
    output_fields = ("max_output_tokens",)
    open = staticmethod(open_content)
    usage = staticmethod(content_usage)

    def base_path(self, path: str) -> str:
        """Its clients are given a base without a version, and add it; ours may have it already."""
        path = _MODEL_PATH.sub("", path)
        return path if _VERSION.search(path) else path + _NEWEST

    def headers(self, path: str, query: Mapping[str, str], api_key: str | None) -> dict[str, str]:  # noqa: ARG002 - `ChatProtocol`
        """A key in `x-goog-api-key`, a token as a bearer token."""
        if api_key is None:
            return {}
        return {"Authorization": f"Bearer {api_key}"} if api_key.startswith("ya29.") else {"x-goog-api-key": api_key}

    def checked_extra_body(self, extra_body: dict[str, Any]) -> dict[str, Any]:
        """Each field in one spelling only, or two of one could contradict each other, and what they cost be unknown."""
        for field, spelt in (("generation_config", _CONFIG), ("serviceTier", "service_tier")):
            if field in extra_body:
                raise ValueError(f"SUMMARIZER_LLM_EXTRA_BODY sets {field}; write it as {spelt}")
        config = extra_body.get(_CONFIG)
        if config is not None and not isinstance(config, dict):
            raise ValueError(
                f'SUMMARIZER_LLM_EXTRA_BODY sets {_CONFIG} to no object; write it as in {{"temperature": 0}}'
            )
        if config is not None and "max_output_tokens" in config:
            raise ValueError(f"SUMMARIZER_LLM_EXTRA_BODY sets {_CONFIG}.max_output_tokens; write it as {_BOUND}")
        taken = [name for name in extra_body if _folded(name) in _OWN]
        taken += [f"{_CONFIG}.{name}" for name in config or () if _folded(name) in _OWN_OF_CONFIG]
        if taken:
            raise ValueError(
                f"SUMMARIZER_LLM_EXTRA_BODY sets {', '.join(sorted(taken))}, which the request itself decides; "
                "take it out (the model has its own setting, SUMMARIZER_LLM_MODEL)"
            )
        return extra_body

    def set_fields(self, extra_body: Mapping[str, Any]) -> Mapping[str, str]:
        """Refusals spell them with underscores; what they quote is read in lower case."""
        return {
            spelt: field
            for field in _set_in(extra_body)
            for name in [field.rpartition(".")[2]]
            for spelt in (re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower(), name.lower())
        }

    def most_output_tokens(self, extra_body: Mapping[str, Any], bound: int) -> int | None:
        given = (extra_body.get(_CONFIG) or {}).get(_BOUND, bound)
        return given if isinstance(given, int) and not isinstance(given, bool) and given > 0 else None

    def encode(self, request: ChatRequest) -> bytes:
        extra_body = self.checked_extra_body(dict(request.extra_body))
        config = {
            _BOUND: request.bound,
            **_FORMATS[request.form.structured],
            **(extra_body.pop(_CONFIG, None) or {}),
        }
        body: dict[str, Any] = {
            "systemInstruction": {"parts": [{"text": request.system}]},
            "contents": [{"role": "user", "parts": [{"text": request.user}]}],
            _CONFIG: {name: value for name, value in config.items() if value is not None},
            **extra_body,
        }
        return msgspec.json.encode({name: value for name, value in body.items() if value is not None})

    def simpler(self, form: RequestForm, refusal: Refusal) -> RequestForm | None:
        """A weaker way to ask for the shape of the answer."""
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
            return text_of_parts(found["candidates"][0]["content"]["parts"])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, LookupError, TypeError):
            return None

    def limits(self, headers: Mapping[str, str]) -> AnnouncedLimits:  # noqa: ARG002 - `ChatProtocol`
        """It announces none."""
        return AnnouncedLimits(_NO_LIMIT, _NO_LIMIT)

    def resets(self, headers: Mapping[str, str], now: float) -> list[float | None]:  # noqa: ARG002 - `ChatProtocol`
        """A refusal tells the wait in its body."""
        return []


GEMINI_CONTENT: Final[ChatProtocol] = GeminiContent()


def _set_in(extra_body: Mapping[str, Any]) -> Iterator[str]:
    for name, value in extra_body.items():
        if name == _CONFIG:
            yield from (f"{_CONFIG}.{inner}" for inner, given in (value or {}).items() if given is not None)
        elif value is not None:
            yield name


def _folded(name: str) -> str:
    return name.replace("_", "").lower()

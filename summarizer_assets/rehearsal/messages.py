"""Anthropic's messages at the faulty provider: requests and answers, translated from and to chat completions."""

import json
from http import HTTPStatus
from typing import Any, Final, Literal

import msgspec

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.interface import Interface
from summarizer_assets.rehearsal.limits import LimitHeaders
from summarizer_assets.rehearsal.status_faults import Answer

#: The header that names the interface's version, without which no request is served.
VERSION_HEADER: Final = "anthropic-version"
_OK: Final = 200
_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
#: What it says in its own words, by the code of the same refusal among chat completions.
_WORDS: Final = {
    "context_length_exceeded": "prompt is too long: 9000 tokens > 8192 maximum",
    "model_not_found": "model: rehearsal",
    "invalid_api_key": "invalid x-api-key",
    "response_format": "output_config.format: Extra inputs are not permitted",
}
_DETAILS: Final = {"insufficient_quota": "enforced_spend_limit_reached"}
_STOPS: Final = {"stop": "end_turn", "length": "max_tokens", "content_filter": "refusal", "tool_calls": "tool_use"}
_REFUSED: Final = {"type": "refusal", "category": "general_harms", "explanation": None}
#: Fields of a request. The interface's newest version takes those of sampling no more.
_NAMES: Final = """
model messages max_tokens system output_config thinking metadata service_tier stop_sequences stream tools tool_choice
cache_control container inference_geo speed
"""
_KNOWN: Final = frozenset(_NAMES.split())


class _Block(msgspec.Struct):
    type: Literal["text"]
    text: str
    cache_control: dict[str, Any] | None = None


class _Said(msgspec.Struct):
    role: Literal["user", "assistant"]
    content: str | list[_Block]


class _Request(msgspec.Struct):
    model: str
    max_tokens: int
    messages: list[_Said]
    system: str | list[_Block] = ""
    output_config: dict[str, Any] = {}
    stream: bool = False


class Messages:
    """See `Interface`."""

    limit_headers: LimitHeaders | None = "anthropic"
    cache_is_marked: bool = True

    def asked(self, body: bytes) -> bytes:
        request = _read(body)
        chat: dict[str, Any] = {
            "model": request.model,
            "messages": [
                {"role": "system", "content": _text(request.system)},
                *({"role": said.role, "content": _text(said.content)} for said in request.messages),
            ],
            "max_tokens": request.max_tokens,
        }
        if (form := request.output_config.get("format")) is not None:
            chat["response_format"] = {"type": form.get("type"), "json_schema": {"schema": form.get("schema")}}
        if isinstance(request.system, list) and any(block.cache_control for block in request.system):
            chat["prompt_cache_key"] = "marked"
        return json.dumps(chat).encode()

    def told(self, answer: Answer) -> Answer:
        headers = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        if (request_id := answer.headers.get("x-request-id")) is not None:
            headers["request-id"] = request_id
        try:
            document = json.loads(answer.body)
        except ValueError:  # a page, nothing, or a fault of the bytes themselves
            return Answer(answer.status, answer.body, headers)
        if isinstance(document, dict) and document.get("error"):
            told = _error(answer.status, document["error"], request_id)
            if "usage" in document:
                told["usage"] = _usage(document["usage"])
            return Answer(answer.status, _dumps(told), headers)
        if isinstance(document, dict) and "choices" in document:
            return Answer(answer.status, _dumps(_message(document)), headers)
        return Answer(answer.status, answer.body, headers)

    def models(self) -> bytes:
        model = {
            "type": "model",
            "id": "rehearsal",
            "display_name": "Rehearsal",
            "created_at": "1970-01-01T00:00:00Z",
            "lifecycle": "active",
        }
        return _dumps({"data": [model], "has_more": False, "first_id": "rehearsal", "last_id": "rehearsal"})


MESSAGES: Final[Interface] = Messages()


def without_version() -> Answer:
    """The answer to a request that names no version of the interface."""
    return Answer(400, _dumps(_error(400, {"message": f"{VERSION_HEADER}: header is required"}, None)))


def _read(body: bytes) -> _Request:
    try:
        fields = msgspec.json.decode(body, type=dict[str, Any])
        unknown = sorted(fields.keys() - _KNOWN)
        if unknown:
            raise _refused(f"{unknown[0]}: Extra inputs are not permitted")
        request = msgspec.convert(fields, _Request)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _refused(str(error)) from error
    if request.max_tokens < 1:
        raise _refused("max_tokens: Input should be greater than or equal to 1")
    if not request.messages:
        raise _refused("messages: at least one message is required")
    if request.stream:
        raise _refused("stream: this provider does not stream")
    return request


def _refused(message: str) -> RequestRefusedError:
    return RequestRefusedError(HTTPStatus.BAD_REQUEST, message)


def _text(content: str | list[_Block]) -> str:
    return content if isinstance(content, str) else "".join(block.text for block in content)


def _error(status: int, error: object, request_id: str | None) -> dict[str, Any]:
    told: dict[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
    code = str(told.get("code") or "")
    named = {
        "type": _KINDS.get(
            status, "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "api_error"
        ),
        "message": _WORDS.get(code) or _WORDS.get(str(told.get("param"))) or told.get("message") or code,
    }
    if status == _OK:
        named["type"] = "api_error"
    if code in _DETAILS:
        named["details"] = {"error_code": _DETAILS[code]}
    return {"type": "error", "error": named, "request_id": request_id}


def _message(completion: dict[str, Any]) -> dict[str, Any]:
    if not completion["choices"]:
        return {"type": "message", "role": "assistant", "usage": _usage(completion.get("usage"))}
    choice = completion["choices"][0]
    said = choice["message"]
    refused = bool(said.get("refusal"))
    content = [{"type": "text", "text": said["content"]}] if said.get("content") is not None else []
    calls = said.get("tool_calls") or []
    content += [{"type": "tool_use", "id": call["id"], "name": call["function"]["name"], "input": {}} for call in calls]
    stop = "refusal" if refused else _STOPS.get(choice["finish_reason"], "end_turn")
    return {
        "id": str(completion.get("id")).replace("chatcmpl-", "msg_"),
        "type": "message",
        "role": "assistant",
        "model": completion.get("model"),
        "content": content,
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": _REFUSED if stop == "refusal" else None,
        "usage": _usage(completion.get("usage")),
    }


def _usage(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """What its cache gave and took in is no part of its count of the input."""
    if usage is None:
        return None
    details = usage.get("prompt_tokens_details") or {}
    read, written = details.get("cached_tokens", 0), details.get("cache_write_tokens", 0)
    return {
        "input_tokens": usage["prompt_tokens"] - read - written,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage["completion_tokens"],
        "service_tier": "standard",
    }


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

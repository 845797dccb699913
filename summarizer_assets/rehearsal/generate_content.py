"""Gemini's generated content at the faulty provider: requests and answers, translated from and to chat completions."""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Self

import msgspec

from summarizer_assets.llm.embedded.app import RequestRefusedError
from summarizer_assets.rehearsal.limits import LimitHeaders
from summarizer_assets.rehearsal.status_faults import Answer

_OK: Final = 200
_PATH: Final = re.compile(r"/models/([^/:]+):generateContent$")
#: By the HTTP status, as `google.rpc.Code` names it.
_STATUSES: Final = {
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    500: "INTERNAL",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_OF_CODE: Final = {"failed_precondition": "FAILED_PRECONDITION"}
#: What it says in its own words, by the code of the same refusal among chat completions.
_WORDS: Final = {
    "context_length_exceeded": "The input token count (9000) exceeds the maximum number of tokens allowed (8192).",
    "model_not_found": "models/rehearsal is not found for API version v1beta, or is not supported for generateContent.",
    "invalid_api_key": "API key not valid. Please pass a valid API key.",
    "insufficient_quota": "You exceeded your current quota, please check your plan and billing details.",
    "response_format": "Invalid JSON payload received. Unknown name \"responseJsonSchema\" at 'generation_config': "
    "Cannot find field.",
}
_FIELDS: Final = {"response_format": "generation_config"}
_STOPS: Final = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "tool_calls": "UNEXPECTED_TOOL_CALL",
}
_DAILY: Final = "GenerateRequestsPerDayPerProjectPerModel"
#: Headers that it does not send.
_OTHERS: Final = ("x-request-id", "x-ratelimit-", "retry-after-ms", "retry-after")
_TYPE: Final = "type.googleapis.com/google.rpc."
_CONFIG: Final = """
temperature topP topK candidateCount maxOutputTokens stopSequences seed presencePenalty frequencyPenalty
responseLogprobs logprobs responseMimeType responseSchema responseJsonSchema thinkingConfig
"""
_REQUEST: Final = """
model contents systemInstruction generationConfig safetySettings tools toolConfig cachedContent serviceTier labels store
"""


class _Part(msgspec.Struct):
    text: str


class _Said(msgspec.Struct):
    parts: list[_Part]
    role: str = "user"


class _Config(msgspec.Struct, rename="camel"):
    max_output_tokens: int | None = None
    response_mime_type: str = "text/plain"
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None


class _Request(msgspec.Struct, rename="camel"):
    contents: list[_Said]
    system_instruction: _Said | None = None
    generation_config: _Config = msgspec.field(default_factory=_Config)


@dataclass(frozen=True)
class GenerateContent:
    """See `Interface`. `model`: as the path has it."""

    model: str
    limit_headers: LimitHeaders | None = None
    cache_is_marked: bool = False

    @classmethod
    def at(cls, path: str) -> Self | None:
        """The interface of a request to this path; None: it is another's."""
        found = _PATH.search(path)
        return None if found is None else cls(found[1])

    def asked(self, body: bytes) -> bytes:
        request = _read(body)
        said = [("system", request.system_instruction)] if request.system_instruction else []
        chat: dict[str, Any] = {
            "model": self.model,
            "messages": [{"role": role, "content": _text(one)} for role, one in said]
            + [{"role": _role(one.role), "content": _text(one)} for one in request.contents],
        }
        config = request.generation_config
        if config.max_output_tokens is not None:
            chat["max_tokens"] = config.max_output_tokens
        if (schema := config.response_json_schema or config.response_schema) is not None:
            chat["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
        elif config.response_mime_type == "application/json":
            chat["response_format"] = {"type": "json_object"}
        return json.dumps(chat).encode()

    def told(self, answer: Answer) -> Answer:
        headers = {name: value for name, value in answer.headers.items() if not name.startswith(_OTHERS)}
        try:
            document = json.loads(answer.body)
        except ValueError:  # a page, nothing, or a fault of the bytes themselves
            return Answer(answer.status, answer.body, answer.headers)
        if isinstance(document, dict) and document.get("error"):
            told = error_document(answer.status, document["error"], answer.headers.get("retry-after"))
            if "usage" in document:
                told["usageMetadata"] = _usage(document["usage"])
            return Answer(answer.status, _dumps(told), headers)
        if isinstance(document, dict) and "choices" in document:
            return Answer(answer.status, _dumps(_content(document)), headers)
        return Answer(answer.status, answer.body, headers)

    def models(self) -> bytes:
        model = {
            "name": f"models/{self.model}",
            "version": "1",
            "displayName": "Rehearsal",
            "supportedGenerationMethods": ["generateContent", "batchGenerateContent"],
        }
        return _dumps({"models": [model]})


def error_document(status: int, error: object, wait: str | None = None) -> dict[str, Any]:
    """The body of an error, from one of chat completions. `wait`: the header of a throttle."""
    told: dict[str, Any] = error if isinstance(error, dict) else {"message": str(error)}
    code, param = str(told.get("code") or ""), str(told.get("param") or "")
    status = status if status != _OK else HTTPStatus.INTERNAL_SERVER_ERROR
    details: list[dict[str, Any]] = []
    if code == "insufficient_quota":
        details.append({"@type": f"{_TYPE}QuotaFailure", "violations": [{"quotaId": _DAILY}]})
    if code == "invalid_api_key":
        details.append({"@type": f"{_TYPE}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"})
    if wait is not None and wait.isdecimal():
        details.append({"@type": f"{_TYPE}RetryInfo", "retryDelay": f"{wait}s"})
    message = _WORDS.get(code) or _WORDS.get(param) or told.get("message") or code
    if param:
        violation = {"field": _FIELDS.get(param, param), "description": message}
        details.append({"@type": f"{_TYPE}BadRequest", "fieldViolations": [violation]})
    if code in _OF_CODE:
        return {"error": {"code": int(status), "message": message, "status": _OF_CODE[code], "details": details}}
    named = _STATUSES.get(status, "INVALID_ARGUMENT" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "UNKNOWN")
    return {"error": {"code": int(status), "message": message, "status": named, "details": details}}


def camel(name: str) -> str:
    """A field's name as its answers have it; its requests may have the other spelling."""
    return re.sub(r"_([a-z])", lambda found: found[1].upper(), name)


def _read(body: bytes) -> _Request:
    try:
        fields = {camel(name): value for name, value in msgspec.json.decode(body, type=dict[str, Any]).items()}
        _refuse_unknown(fields, _REQUEST, "")
        config = fields.get("generationConfig")
        if isinstance(config, dict):
            fields["generationConfig"] = {camel(name): value for name, value in config.items()}
            _refuse_unknown(fields["generationConfig"], _CONFIG, " at 'generation_config'")
        request = msgspec.convert(fields, _Request)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise _refused(f"Invalid JSON payload received. {error}") from error
    if not request.contents:
        raise _refused("* GenerateContentRequest.contents: contents is not specified")
    most = request.generation_config.max_output_tokens
    if most is not None and most < 1:
        raise _refused("max_output_tokens must be positive.")
    return request


def _refuse_unknown(fields: dict[str, Any], known: str, where: str) -> None:
    unknown = sorted(fields.keys() - set(known.split()))
    if unknown:
        raise _refused(f'Invalid JSON payload received. Unknown name "{unknown[0]}"{where}: Cannot find field.')


def _refused(message: str) -> RequestRefusedError:
    return RequestRefusedError(HTTPStatus.BAD_REQUEST, message)


def _role(role: str) -> str:
    return "assistant" if role == "model" else "user"


def _text(said: _Said) -> str:
    return "".join(part.text for part in said.parts)


def _content(completion: dict[str, Any]) -> dict[str, Any]:
    document: dict[str, Any] = {"candidates": []}
    if completion["choices"]:
        choice = completion["choices"][0]
        if choice["message"].get("refusal"):  # it has no word for what a model declines
            document = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
        else:
            document["candidates"].append(_candidate(choice))
    usage = _usage(completion.get("usage"))
    document |= {} if usage is None else {"usageMetadata": usage}
    return {**document, "modelVersion": completion.get("model"), "responseId": str(completion.get("id"))}


def _candidate(choice: dict[str, Any]) -> dict[str, Any]:
    said = choice["message"]
    parts = [{"text": said["content"]}] if said.get("content") is not None else []
    parts += [{"functionCall": {"name": call["function"]["name"], "args": {}}} for call in said.get("tool_calls") or []]
    content = {"content": {"role": "model", **({"parts": parts} if parts else {})}}
    return {**content, "finishReason": _STOPS.get(choice["finish_reason"], "OTHER"), "index": 0}


def _usage(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """What was thought is no part of its count of the output; what its cache took in is not told."""
    if usage is None:
        return None
    told = {"promptTokenCount": usage["prompt_tokens"], "candidatesTokenCount": usage["completion_tokens"]}
    if "total_tokens" in usage:
        told["totalTokenCount"] = usage["total_tokens"]
    if read := (usage.get("prompt_tokens_details") or {}).get("cached_tokens"):
        told["cachedContentTokenCount"] = read
    return told


def _dumps(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()

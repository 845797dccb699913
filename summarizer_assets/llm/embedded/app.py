"""The embedded provider: an OpenAI-compatible ASGI application that answers from a template, never from a model.

Mounted in-process with `httpx.ASGITransport`, it needs neither key nor network; under uvicorn it is a server like any
other. It sees what any provider sees, the request's bytes, and every answer is labelled `model = "template"`.
"""

import re
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import msgspec

from summarizer_assets.core.prompt.tokens import estimate_tokens
from summarizer_assets.llm.embedded.template import parse, summarize, summary_of

MODEL = "template"
__all__ = ["MODEL", "RequestRefusedError", "answer", "create_app", "records_of", "reply", "summarize"]

#: A larger body is refused before it is read to its end.
MAX_BODY_BYTES = 32 * 1024 * 1024

_WORDS = re.compile(r"about (\d{1,4}) words")
_DEFAULT_WORDS = 80
_CHARACTERS_PER_TOKEN = 4

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Part(msgspec.Struct):
    text: str = ""


class _Said(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or [])


class _Request(msgspec.Struct):
    model: str
    messages: list[_Said]
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    stream: bool | None = None
    n: int | None = None


class RequestRefusedError(Exception):
    """A request the provider does not serve: its status, and the error's fields as OpenAI names them."""

    def __init__(self, status: HTTPStatus, message: str, *, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param

    @property
    def body(self) -> bytes:
        error = {"message": str(self), "type": "invalid_request_error", "param": self.param, "code": self.code}
        return msgspec.json.encode({"error": error})


def records_of(user_message: str) -> list[str]:
    """The authors' records in a user message, as `core.prompt.messages.user_message` puts them there."""
    return [part for part in user_message.split("\n\n") if part.startswith('#"')]


def answer(request_body: bytes) -> bytes:
    """The body of a chat completion: one template summary for each record of the last user message.

    Raises:
        RequestRefusedError: the request is malformed, or asks for what is not served (streaming, several choices).
    """
    request = _read(request_body)
    user = next((said.text for said in reversed(request.messages) if said.role == "user"), "")
    asked = next((found for said in request.messages if (found := _WORDS.search(said.text))), None)
    content = reply(records_of(user), int(asked[1]) if asked else _DEFAULT_WORDS)
    prompt_tokens = sum(estimate_tokens(said.text) for said in request.messages)
    completion_tokens = estimate_tokens(content)
    finish = "stop"
    limit = request.max_completion_tokens or request.max_tokens
    if limit is not None and completion_tokens > limit:
        content, completion_tokens, finish = content[: limit * _CHARACTERS_PER_TOKEN], limit, "length"
    return msgspec.json.encode(
        {
            "id": f"chatcmpl-{uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": request.model,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content, "refusal": None},
                    "finish_reason": finish,
                }
            ],
            "usage": {
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            },
        }
    )


def reply(records: Iterable[str], words: int = _DEFAULT_WORDS) -> str:
    """The assistant's message for these records: the JSON asked for, each author once."""
    summaries = {record.author_id: summary_of(record, words) for record in map(parse, records)}
    found = [{"author_id": author_id, "summary": summary} for author_id, summary in summaries.items()]
    return msgspec.json.encode({"summaries": found}).decode()


def _read(request_body: bytes) -> _Request:
    try:
        request = msgspec.json.decode(request_body, type=_Request)
    except msgspec.DecodeError as error:
        raise RequestRefusedError(HTTPStatus.BAD_REQUEST, f"The request is not a chat completion: {error}") from error
    if not request.messages:
        raise RequestRefusedError(HTTPStatus.BAD_REQUEST, "messages is empty", param="messages")
    if request.stream:
        raise RequestRefusedError(
            HTTPStatus.BAD_REQUEST, "The template provider does not stream", code="unsupported_value", param="stream"
        )
    if request.n not in {None, 1}:
        raise RequestRefusedError(
            HTTPStatus.BAD_REQUEST, "The template provider gives one choice", code="unsupported_value", param="n"
        )
    return request


def create_app() -> App:
    """An ASGI application: `POST /v1/chat/completions`, `GET /v1/models`, `GET /v1/models/{model}`."""
    listed = {"id": MODEL, "object": "model", "created": 0, "owned_by": "summarizer-assets"}
    models = {
        "/v1/models": msgspec.json.encode({"object": "list", "data": [listed]}),
        f"/v1/models/{MODEL}": msgspec.json.encode(listed),
    }

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"the template provider speaks HTTP only, not {scope['type']!r}")
        try:
            status, body = HTTPStatus.OK, _respond(scope, await _body(receive), models)
        except RequestRefusedError as refused:
            status, body = refused.status, refused.body
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", f"req_{uuid4().hex}".encode()),
        ]
        await send({"type": "http.response.start", "status": int(status), "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def _respond(scope: Scope, body: bytes, models: dict[str, bytes]) -> bytes:
    method, path = scope["method"], scope["path"]
    if path == "/v1/chat/completions" and method == "POST":
        return answer(body)
    if path in models and method == "GET":
        return models[path]
    if path in models or path == "/v1/chat/completions":
        raise RequestRefusedError(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not allowed for {path}")
    if path.startswith("/v1/models/"):
        name = path.removeprefix("/v1/models/")
        raise RequestRefusedError(
            HTTPStatus.NOT_FOUND, f"There is no model {name!r}, only {MODEL!r}", code="model_not_found", param="model"
        )
    raise RequestRefusedError(HTTPStatus.NOT_FOUND, f"Unknown URL: {method} {path}", code="unknown_url")


async def _body(receive: Receive) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise RequestRefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"The request exceeds {MAX_BODY_BYTES} bytes"
            )
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return

"""A provider on loopback that is as particular as the real one: one path, one header, its own errors and its own list.

Whatever is not as the provider documents it gets an error in that provider's form, and is remembered in `refused`.
"""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from summarizer_assets.rehearsal.generate_content import GenerateContent, error_document
from summarizer_assets.rehearsal.messages import MESSAGES
from summarizer_assets.rehearsal.status_faults import Answer
from testing.provider import answer

Form = Callable[[int, str, str | None], Any]  # an error's body by its status, message and parameter


def openai_error(status: int, message: str, param: str | None) -> Any:
    code = "unsupported_parameter" if param else "not_found" if status == 404 else None
    return {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


def plain_usage(asked: int, said: int) -> dict[str, Any]:
    return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}


def detailed_usage(asked: int, said: int) -> dict[str, Any]:
    details = {"cached_tokens": 0}, {"reasoning_tokens": 0}
    names = "prompt_tokens_details", "completion_tokens_details"
    return {**plain_usage(asked, said), **dict(zip(names, details, strict=True))}


@dataclass
class Fake:
    """How one provider behaves. `path`: of its base; `header`: where it wants its key, None: nowhere.

    `bounds`: names under which it takes a bound of the output; `formats`: kinds of answer format that it knows;
    `ignores_formats`: it takes any and heeds none. `most_input`, `most_output`: tokens of a request, None: any.
    """

    path: str = "/v1"
    query: Mapping[str, str] = field(default_factory=dict)
    header: str | None = "authorization"
    bounds: frozenset[str] = frozenset({"max_tokens", "max_completion_tokens"})
    formats: frozenset[str] = frozenset({"json_schema", "json_object"})
    ignores_formats: bool = False
    needs: Mapping[str, Any] = field(default_factory=dict)  # fields that the example is to send
    error: Form = openai_error
    usage: Callable[[int, int], Mapping[str, Any]] = plain_usage
    extra: Mapping[str, Any] = field(default_factory=dict)  # what its replies carry beside
    models: Any = None  # None: it has no such list
    most_input: int | None = None
    most_output: int | None = None
    # What a test changes, and what it looks at.
    key: str | None = None
    model: str | None = None
    tiers: list[object] = field(default_factory=list)
    listing: str = "as documented"
    answers_after_models: bool = False
    refused: list[str] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    listed: int = 0
    url: str = ""
    models_asked: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)

    def post(self, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        if (wrong := self._wrong_door(target, headers, "/chat/completions")) is not None:
            return wrong
        if self.answers_after_models:
            self.models_asked.wait(10)
        request = json.loads(body)
        self.asked.append(request)
        return self._wrong_request(request, len(body)) or (200, self._reply(request, body))

    def get(self, target: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        self.listed += 1
        self.models_asked.set()
        if self.listing == "hangs":
            self.ended.wait(20)
        if self.listing == "breaks":
            return 500, {"error": "boom"}
        if self.listing == "nonsense":
            return 200, [[[]]]
        if self.models is None or self.listing == "missing":
            return 404, self.error(404, "there is nothing here", None)
        return self._wrong_door(target, headers, "/models") or (200, self.models)

    def _wrong_door(self, target: str, headers: Mapping[str, str], end: str) -> tuple[int, Any] | None:
        parts = urlsplit(target)
        if parts.path != self.path + end or dict(parse_qsl(parts.query)) != dict(self.query):
            return self._refuse(404, f"Resource not found: {target}")
        sent = {
            name: headers.get(name)
            for name in ("authorization", "api-key", "x-api-key", "x-goog-api-key")
            if headers.get(name)
        }
        shown = f"Bearer {self.key}" if self.header == "authorization" else self.key
        wanted = {} if self.header is None else {self.header: shown}
        if self.key is not None and sent != wanted:
            return self._refuse(401, f"Access denied: the key is to come in {self.header}, not in {sorted(sent)}")
        return None

    def _wrong_request(self, request: Mapping[str, Any], size: int) -> tuple[int, Any] | None:
        kind = (request.get("response_format") or {}).get("type")
        if kind is not None and not self.ignores_formats and kind not in self.formats:
            refusal = f"This response_format type is unavailable now: response_format.type `{kind}`"
            return 400, self.error(400, refusal, "response_format")  # what the product is to find out by itself
        for status, message, param in self._complaints(request, size):
            return self._refuse(status, message, param)
        return None

    def _complaints(self, request: Mapping[str, Any], size: int) -> Iterator[tuple[int, str, str | None]]:
        if self.model is not None and request["model"] != self.model:
            yield 404, f"The model {request['model']} does not exist", None
        for name in {"max_tokens", "max_completion_tokens"} & request.keys() - self.bounds:
            yield 400, f"Unsupported parameter: '{name}' is not supported with this model.", name
        for name, value in self.needs.items():
            if request.get(name) != value:
                yield 400, f"{name} is {request.get(name)!r}, not {value!r}", None
        bound = request.get("max_tokens") or request.get("max_completion_tokens") or 0
        if self.most_output is not None and bound > self.most_output:
            yield 400, f"max_tokens is {bound}, above {self.most_output}", "max_tokens"
        if self.most_input is not None and size // 4 > self.most_input:
            yield 413, f"Request body too large. Max size: {self.most_input} tokens.", None

    def _refuse(self, status: int, message: str, param: str | None = None) -> tuple[int, Any]:
        self.refused.append(message)
        return status, self.error(status, message, param)

    def _reply(self, request: Mapping[str, Any], body: bytes) -> dict[str, Any]:
        reply = {**json.loads(answer(body)), "usage": self.usage(1000, 500), "model": request["model"], **self.extra}
        if self.ignores_formats:
            message = reply["choices"][0]["message"]
            message["content"] = f"```json\n{message['content']}\n```"
        if self.tiers and (tier := self.tiers.pop(0)) is not None:
            reply["service_tier"] = tier
        return reply


def anthropic_error(status: int, message: str, _param: str | None) -> Any:
    kind = {401: "authentication_error", 404: "not_found_error"}.get(status, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}


@dataclass
class MessagesFake(Fake):
    """The same for a provider with Anthropic's interface."""

    header: str | None = "x-api-key"
    bounds: frozenset[str] = frozenset({"max_tokens"})
    error: Form = anthropic_error

    def post(self, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        if (wrong := self._wrong_door(target, headers, "/messages")) is not None:
            return wrong
        if headers.get("anthropic-version") is None:
            return self._refuse(400, "anthropic-version: header is required")
        request = json.loads(body)
        self.asked.append(request)
        if (refusal := self._wrong_request(request, len(body))) is not None:
            return refusal
        told = MESSAGES.told(Answer(200, answer(MESSAGES.asked(body))))
        return 200, {**json.loads(told.body), "model": request["model"], **self.extra}

    def get(self, target: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        return super().get(target.removesuffix("?limit=1000"), headers)


def google_error(status: int, message: str, param: str | None) -> Any:
    return error_document(status, {"message": message, "param": param})


@dataclass
class ContentFake(Fake):
    """The same for a provider with Gemini's interface."""

    path: str = "/v1beta"
    header: str | None = "x-goog-api-key"
    error: Form = google_error

    def post(self, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Any]:
        if (wrong := self._wrong_door(target, headers, f"/models/{self.model}:generateContent")) is not None:
            return wrong
        asked = json.loads(body)
        request = {**asked, **asked["generationConfig"], "model": self.model}
        self.asked.append(request)
        if (refusal := self._wrong_request(request, len(body))) is not None:
            return refusal
        interface = GenerateContent(str(self.model))
        told = interface.told(Answer(200, answer(interface.asked(body))))
        return 200, {**json.loads(told.body), "modelVersion": self.model, **self.extra}

    def get(self, target: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        return super().get(target.removesuffix("?pageSize=1000"), headers)


@contextmanager
def serving_fake(fake: Fake) -> Iterator[Fake]:
    """Serve it until the block ends; its `url` is the base then."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self._send(*fake.post(self.path, self.headers, body))  # type: ignore[arg-type] # a message is a mapping

        def do_GET(self) -> None:
            self._send(*fake.get(self.path, self.headers))  # type: ignore[arg-type] # a message is a mapping

        def _send(self, status: int, body: Any) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass  # a client that hung up

    with Server(("127.0.0.1", 0), Door) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        query = "&".join(f"{name}={value}" for name, value in fake.query.items())
        fake.url = f"http://127.0.0.1:{server.server_port}{fake.path}{'?' if query else ''}{query}"
        try:
            yield fake
        finally:
            fake.ended.set()
            server.shutdown()
            thread.join(10)

"""What the calls to all providers' batch jobs share: HTTP, JSON, and what a failure says of its effect."""

from collections.abc import Callable, Mapping
from copy import copy
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import msgspec

from summarizer_assets.llm.batches.errors import (
    AccountRefused,
    BatchCallFailed,
    CallMissing,
    CallRefused,
    CallThrottled,
    CallUnknown,
)
from summarizer_assets.llm.errors import StopCause
from summarizer_assets.llm.http.classify import Outcome, Verdict, classify, classify_exception
from summarizer_assets.llm.http.transport import SINK
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol

Json = Mapping[str, Any]
_DONE: Final = (200, 201, 202)
_MISSING: Final = (404, 405, 410)
_SERVER_FAULT: Final = 500
_LONGEST_ID: Final = 200


class BatchHttp:
    """Calls to one provider, none repeated. Lives in one event loop.

    Args:
        transport: from `build_transport`; closed with it.
        base_url: as of the requests; its query is kept.
        protocol: of the requests: its headers carry the key.
        api_key: of the provider.
        redact: what foreign text goes through.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        protocol: ChatProtocol,
        api_key: str | None,
        redact: Callable[[str], str],
    ) -> None:
        self._transport = transport
        self._base = httpx.URL(base_url)
        self._headers = {
            "Host": self._base.netloc.decode("ascii"),
            "Accept": "application/json",
            "Accept-Encoding": "gzip, deflate",
            "User-Agent": "summarizer-assets",
            **protocol.headers(self._base.path, self._base.params, api_key),
        }
        self._redact = redact

    def under(self, path: Callable[[str], str]) -> "BatchHttp":
        """The same provider under another path, made from the base URL's; one of the two is to be closed."""
        other = copy(self)
        other._base = self._base.copy_with(path=path(self._base.path))  # noqa: SLF001 - our own
        return other

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def document(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
    ) -> Json:
        """The JSON object that is answered, see `call`."""
        return object_of(
            (await self.call(method, path, parameters, content=content, content_type=content_type)).content
        )

    async def stream(
        self, path: str, sink: Callable[[bytes], object], parameters: Mapping[str, str] | None = None
    ) -> None:
        """Give what is at `path` to `sink`, piece by piece. Raises `BatchCallFailed`: what it got is to be dropped."""
        await self.call("GET", path, parameters, extensions={SINK: sink})

    async def call(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, str] | None = None,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
        extensions: dict[str, Any] | None = None,
    ) -> httpx.Response:
        """The reply of a success, as it is. `path`: after the base URL's; `content`: what is sent, if anything.

        Raises:
            BatchCallFailed: see its classes.
        """
        url = self._base.copy_with(path=self._base.path.rstrip("/") + path).copy_merge_params(parameters or {})
        sent = {**self._headers, **({} if content is None else {"Content-Type": content_type}), **(headers or {})}
        stream = httpx.ByteStream(content or b"")
        request = httpx.Request(method, url, headers=sent, stream=stream, extensions=extensions or {})
        if content is not None:
            request.headers["Content-Length"] = str(len(content))
        failure: BatchCallFailed
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.RequestError as error:
            failure = self._failure(path, classify_exception(error))
        else:
            if response.status_code in _DONE:
                return response
            request_id = response.headers.get("x-request-id") or response.headers.get("request-id")
            verdict = classify(response.status_code, response.headers, response.content)
            failure = self._failure(path, verdict, request_id)
        # Raised outside the handler: the transport's error carries the request with its key.
        raise failure

    def _failure(self, path: str, verdict: Verdict, request_id: str | None = None) -> BatchCallFailed:
        """By what is known of the effect first: the wire, then the status, then the cause that the body tells."""
        status = verdict.status
        message = f"{path.split('/')[1]}: {self._redact(verdict.message)}"
        facts: dict[str, Any] = {
            "status": status,
            "code": None if verdict.code is None else self._redact(verdict.code),
            "request_id": None if request_id is None else self._redact(request_id),
        }
        if status in _MISSING:
            return CallMissing(message, **facts)
        if verdict.outcome is Outcome.THROTTLED:
            return CallThrottled(message, **facts)
        if verdict.outcome in (Outcome.FATAL, Outcome.DENIED):
            return _of_account(verdict, message, facts)
        if status is None or status >= _SERVER_FAULT or verdict.outcome is Outcome.TRANSIENT:
            return CallUnknown(message, **facts)
        refused = CallRefused(message, **facts)
        refused.fields = verdict.fields | verdict.blamed
        return refused


def _of_account(verdict: Verdict, message: str, facts: Mapping[str, Any]) -> AccountRefused:
    cause = verdict.cause or StopCause.AUTH
    error = AccountRefused(f"{cause.remedy}. {message}", **facts)
    error.cause = cause
    return error


def object_of(content: bytes) -> Json:
    """The JSON object of a reply. Raises `CallUnknown`: it is none."""
    found = value_of(content)
    if not isinstance(found, dict):
        raise CallUnknown("the reply is no JSON object")
    return found


def value_of(content: bytes) -> object:
    """The JSON of a reply, whatever it is. Raises `CallUnknown`: it is none."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CallUnknown("the reply is no JSON") from error


def id_of(document: Mapping[str, Any], name: str = "id") -> str:
    """The id that a reply tells. Raises `CallUnknown`: it tells none."""
    found = document.get(name)
    if (
        not isinstance(found, str)
        or not found.isascii()
        or not found.isprintable()
        or not 0 < len(found) <= _LONGEST_ID
    ):
        raise CallUnknown(f"the reply has no {name}")
    return found


def text_of(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def seconds_of(value: object) -> float | None:
    """A moment that is told in epoch seconds."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def moment_of(value: object) -> float | None:
    """A moment that is told in RFC 3339, in epoch seconds."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def count_of(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

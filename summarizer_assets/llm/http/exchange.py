"""One try on the wire: the request's head, the reply or what its failure means. No policy: see `client.py`."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypedDict

import httpx

from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.llm.errors import (
    ContentFiltered,
    GroupTooLarge,
    ProviderError,
    Refused,
    RequestRejected,
    Unreadable,
    Unsupported,
)
from summarizer_assets.llm.http.classify import Outcome, Verdict, classify, classify_exception, success_in_name_only
from summarizer_assets.llm.http.model_path import path_for
from summarizer_assets.llm.http.retry_after import told_delay, waiting_time
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol
from summarizer_assets.llm.reply import Reply

_OK: Final = 200
_SERVER_FAULT: Final = 500
_RAISED: Final[dict[Outcome, type[Refused]]] = {
    Outcome.TOO_LARGE: GroupTooLarge,
    Outcome.UNSUPPORTED: Unsupported,
    Outcome.REJECTED: RequestRejected,
    Outcome.DENIED: RequestRejected,
    Outcome.FILTERED: ContentFiltered,
}


@dataclass(frozen=True, slots=True)
class FailedTry:
    """A try without a reply to check. `headers`: None when none came; `wait_s`: as the provider asks; `used`: billed.

    The verdict's texts are safe to log and to store.
    """

    verdict: Verdict
    sent_at: float  # loop time
    headers: Mapping[str, str] | None = None
    request_id: str | None = None
    wait_s: float | None = None
    used: Usage | None = None

    @property
    def facts(self) -> "Facts":
        """What errors carry of it."""
        return {"status": self.verdict.status, "code": self.verdict.code, "request_id": self.request_id}

    @property
    def refusal(self) -> ProviderError:
        """The error for the client's caller, where neither waiting nor a stop of the run is the answer."""
        verdict = self.verdict
        if verdict.outcome is Outcome.GARBLED:
            reason = verdict.kind if verdict.kind == "body_too_big" else "bad_json"
            return Unreadable(reason, retry=False, detail=verdict.message, **self.facts)
        return _RAISED[verdict.outcome](
            verdict.message,
            cause=verdict.cause,
            fields=verdict.fields,
            blamed=verdict.blamed,
            told=verdict.told,
            **self.facts,
        )


class Facts(TypedDict):
    status: int | None
    code: str | None
    request_id: str | None


class Wire:
    """Posts bodies to one provider.

    Args:
        transport: closed with the wire.
        base_url: what stands before the protocol's path; its query (`?api-version=…`) is kept.
        protocol: of the bodies.
        model: that is asked, for a protocol that has it in the path.
        api_key: sent as the protocol has it.
        redact: what foreign text goes through.
        time_of_day: for dates in headers.

    Raises:
        ValueError: the key cannot be a header's value, or the protocol's path lacks its model.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        protocol: ChatProtocol,
        model: str,
        api_key: str | None,
        redact: Callable[[str], str],
        time_of_day: Callable[[], float],
    ) -> None:
        self._transport = transport
        self._protocol = protocol
        base = httpx.URL(base_url)
        path = base.path.rstrip("/")
        self._url = base.copy_with(path=path + path_for(protocol, model))
        models = base.copy_with(path=path + "/models")
        self._models = models.copy_merge_params(protocol.models_query) if protocol.models_query else models
        self._headers = _headers(self._url, protocol, api_key)
        self._redact = redact
        self._time_of_day = time_of_day

    @property
    def address(self) -> str:
        """Where requests go, as it may be shown."""
        path = self._url.raw_path.partition(b"?")[0]
        return f"{self._url.scheme}://{(self._url.netloc + path).decode('ascii')}"

    async def post(self, body: bytes, number: int) -> Reply | FailedTry:
        """Send `body` as the `number`-th try of its request."""
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        request = httpx.Request("POST", self._url, headers=self._headers, stream=httpx.ByteStream(body))
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.RequestError as error:
            return FailedTry(self._safe(classify_exception(error)), sent_at)
        content, headers = response.content, response.headers
        found = headers.get("x-request-id") or headers.get("request-id") or headers.get("apim-request-id")
        request_id = self._redact(found) if found else None
        verdict = (
            success_in_name_only(content, headers, self._protocol)
            if response.status_code == _OK
            else classify(response.status_code, headers, content)
        )
        if verdict is None:
            return Reply(_OK, content, request_id, headers, loop.time() - sent_at, number, self._protocol)
        now = self._time_of_day()
        wait_s = waiting_time(headers, now, self._protocol.resets(headers, now)) or told_delay(content)
        return FailedTry(self._safe(verdict), sent_at, headers, request_id, wait_s, self._protocol.usage(content))

    def _safe(self, verdict: Verdict) -> Verdict:
        code = self._redact(verdict.code) if verdict.code else None
        return replace(verdict, message=self._redact(verdict.message), code=code)

    async def reachable(self) -> bool:
        """Whether the provider answers at all, asked by its list of models, which costs nothing.

        Any answer but a server's own fault counts: many servers have no such list, and say so.
        """
        response = await self._list_of_models()
        return response is not None and response.status_code < _SERVER_FAULT

    async def models(self) -> bytes | None:
        """The provider's list of models, as it came; None when there is none to be had."""
        response = await self._list_of_models()
        return response.content if response is not None and response.status_code == _OK else None

    async def _list_of_models(self) -> httpx.Response | None:
        try:
            return await self._transport.handle_async_request(httpx.Request("GET", self._models, headers=self._headers))
        except httpx.RequestError:
            return None

    async def aclose(self) -> None:
        """Close all connections. Requests under way fail."""
        await self._transport.aclose()


def require_fit_for_a_header(api_key: str) -> None:
    """Check that the key can be a header's value.

    Raises:
        ValueError: it cannot.
    """
    if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ValueError(
            "SUMMARIZER_LLM_API_KEY holds a space, a line break or a letter outside ASCII, which no key does; "
            "check how it was pasted"
        )


def _headers(url: httpx.URL, protocol: ChatProtocol, api_key: str | None) -> httpx.Headers:
    if api_key is not None:
        require_fit_for_a_header(api_key)
    fields = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "summarizer-assets",
    }
    return httpx.Headers(fields | protocol.headers(url.path, url.params, api_key))

"""The one way to the provider: pace, tries and errors of every request of a run.

A request is sent, its outcome classified, and then it either returns a checked result, is tried again within bounds,
or raises a class of `errors.py` that says what to do next. A throttle uses no try: everyone waits. An error that no
request can escape stops the client: whoever waits, and whoever comes later, gets it too, and nothing more is sent.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypedDict, TypeVar

import httpx

from summarizer_assets.llm.backoff import RetryBudget, Surroundings, Tried, Tries, full_jitter
from summarizer_assets.llm.classify import Outcome, Verdict, classify, classify_exception, success_in_name_only
from summarizer_assets.llm.errors import (
    BadReply,
    ContentFiltered,
    Exhausted,
    GroupTooLarge,
    ProviderError,
    Redactor,
    RequestRejected,
    RunFatal,
    StopCause,
)
from summarizer_assets.llm.pace import Pace, Reservation
from summarizer_assets.llm.reply import Counters, Reply
from summarizer_assets.llm.retry_after import waiting_time

T = TypeVar("T")

_OK: Final = 200
_SERVER_FAULT: Final = 500
_LEARN_EVERY: Final = 64  # successes between two looks at the announced limits: they change rarely, looking costs
#: So many failures in a row of any requests, none succeeding between, with the retry quota used up: an outage.
_OUTAGE: Final = 50
_LONGEST_LONE_WAIT_S: Final = 60.0  # of a retry-after that comes with a fault, not a throttle

_RAISED: Final[dict[Outcome, type[ProviderError]]] = {
    Outcome.TOO_LARGE: GroupTooLarge,
    Outcome.REJECTED: RequestRejected,
    Outcome.FILTERED: ContentFiltered,
}


@dataclass(frozen=True, slots=True)
class _Failed:
    """A try without a reply to check."""

    verdict: Verdict
    sent_at: float
    request_id: str | None = None
    wait_s: float | None = None  # as the provider asks


@dataclass(slots=True)
class _Progress:
    """Of all requests together: whether the provider was ever reached, and how long nothing has succeeded."""

    reached: bool = False
    failures: int = 0  # in a row
    throttled_since: float | None = None
    served: int = 0


class Client:
    """Requests to `/chat/completions` of one provider, as many at once as the pace allows.

    Args:
        transport: from `build_transport`; closed with the client.
        base_url: ends in `/v1`, may carry a query (`?api-version=…`), which is kept.
        pace: decides when a request may go.
        api_key: sent as a bearer token, and removed from every message.
        tries: bounds of trying.
        budget: the run's quota of retries.
        surroundings: sleep, random numbers in [0, 1) and time of day.

    Raises:
        ValueError: the key cannot be a header's value.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        pace: Pace,
        *,
        api_key: str | None = None,
        tries: Tries | None = None,
        budget: RetryBudget | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._transport = transport
        base = httpx.URL(base_url)
        self._url = base.copy_with(path=base.path.rstrip("/") + "/chat/completions")
        self._pace = pace
        self._tries = tries or Tries()
        self._budget = budget or RetryBudget()
        self._around = surroundings or Surroundings()
        self._redact = Redactor(api_key)
        self._headers = _headers(self._url, api_key)
        self._progress = _Progress()
        self._stopped: RunFatal | None = None
        self._counters = Counters()

    @property
    def counters(self) -> Counters:
        self._counters.cooldown_s = self._pace.cooldown_s
        return self._counters

    async def complete(
        self,
        body: bytes,
        *,
        estimated_tokens: int,
        check: Callable[[Reply], T],
        settle: Callable[[T], int] | None = None,
    ) -> T:
        """Send a chat completion request until `check` accepts a reply.

        `check` and `settle` run before the request's place in flight is given up, so what `check` stores is stored
        while the request still counts as in flight.

        Args:
            body: the JSON document to post.
            estimated_tokens: input plus expected output, reserved from the tokens a minute.
            check: turns a reply into the result, or raises `BadReply`.
            settle: the tokens the result cost in truth.

        Raises:
            GroupTooLarge, RequestRejected, ContentFiltered, BadReply: about this request.
            Exhausted: all tries used.
            RunFatal: stop the run.
        """
        self._counters.requests += 1
        tried = Tried()
        while True:
            error: ProviderError | None
            with await self._pace.reserve(estimated_tokens) as held:
                if self._stopped is not None:
                    raise self._stopped.again()
                got = await self._send(body, tried.tries + 1)
                if isinstance(got, _Failed):
                    if got.verdict.status is not None:
                        held.settle(0)  # answered with an error: no tokens were used
                    error = self._after_failure(got, tried)
                else:
                    try:
                        result = check(got)
                    except BadReply as bad:
                        error = self._after_bad_reply(bad, got, tried)
                    else:
                        self._settle(held, tried, None if settle is None else settle(result))
                        return result
            if error is not None:
                raise error
            if tried.delay_s is not None:
                self._counters.retries += 1
                await self._around.sleep(tried.delay_s)

    async def reachable(self) -> bool:
        """Whether the provider answers at all, asked by its list of models, which costs nothing.

        Any answer but a server's own fault counts: many servers have no such list, and say so.
        """
        url = self._url.copy_with(path=self._url.path.removesuffix("/chat/completions") + "/models")
        try:
            response = await self._transport.handle_async_request(httpx.Request("GET", url, headers=self._headers))
        except httpx.RequestError:
            return False
        return response.status_code < _SERVER_FAULT

    async def aclose(self) -> None:
        """Close all connections. Requests under way fail."""
        await self._transport.aclose()

    def _settle(self, held: Reservation, tried: Tried, tokens: int | None) -> None:
        if tokens is not None:
            held.settle(tokens)
        if tried.tries == 0:
            self._budget.credit()

    async def _send(self, body: bytes, number: int) -> Reply | _Failed:
        """One try on the wire."""
        loop = asyncio.get_running_loop()
        sent_at = loop.time()
        self._counters.sent += 1
        self._counters.bytes_sent += len(body)
        request = httpx.Request("POST", self._url, headers=self._headers, stream=httpx.ByteStream(body))
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.RequestError as error:
            return _Failed(classify_exception(error), sent_at)
        content, headers = response.content, response.headers
        self._counters.bytes_received += len(content)
        self._progress.reached = True
        request_id = self._request_id(headers)
        verdict = (
            success_in_name_only(content, headers)
            if response.status_code == _OK
            else classify(response.status_code, headers, content)
        )
        if verdict is None:
            self._succeeded(headers)
            return Reply(_OK, content, request_id, headers, loop.time() - sent_at, number)
        if verdict.outcome is Outcome.THROTTLED:
            self._pace.learn(headers)
        return _Failed(verdict, sent_at, request_id, waiting_time(headers, self._around.now()))

    def _request_id(self, headers: httpx.Headers) -> str | None:
        found = headers.get("x-request-id") or headers.get("request-id") or headers.get("apim-request-id")
        return self._redact(found) if found else None

    def _succeeded(self, headers: httpx.Headers) -> None:
        progress = self._progress
        progress.failures = 0
        progress.throttled_since = None
        self._pace.succeeded()
        if progress.served % _LEARN_EVERY == 0:
            self._pace.learn(headers)
        progress.served += 1

    def _after_bad_reply(self, bad: BadReply, reply: Reply, tried: Tried) -> ProviderError | None:
        """The error to raise, or None when the request deserves another try."""
        if bad.retry and tried.bad_replies < self._tries.bad_replies and self._may_try_again(tried, timeout=False):
            tried.bad_replies += 1
            return None
        bad.status, bad.request_id = reply.status, reply.request_id
        bad.message = self._redact(bad.message)
        bad.args = (bad.message,)
        return bad

    def _after_failure(self, failed: _Failed, tried: Tried) -> ProviderError | None:
        """The error to raise, or None when the request goes once more."""
        verdict = failed.verdict
        if verdict.outcome is Outcome.THROTTLED:
            return self._after_throttle(failed, tried)
        if verdict.outcome is Outcome.TRANSIENT:
            self._progress.failures += 1
        if verdict.kind == "timeout":
            self._counters.timeouts += 1
        if verdict.retry and self._may_try_again(tried, timeout=verdict.kind == "timeout"):
            if failed.wait_s is not None and tried.delay_s is not None:
                tried.delay_s = max(tried.delay_s, min(failed.wait_s, _LONGEST_LONE_WAIT_S))
            return None
        if verdict.outcome is Outcome.TRANSIENT:
            return self._exhausted(failed, tried)
        if verdict.outcome is Outcome.FATAL:
            assert verdict.cause is not None
            return self._fatal(verdict.cause, failed)
        return _RAISED[verdict.outcome](self._redact(verdict.message), **self._facts(failed))

    def _after_throttle(self, failed: _Failed, tried: Tried) -> ProviderError | None:
        self._counters.throttles += 1
        tried.delay_s = None
        now = asyncio.get_running_loop().time()
        if self._progress.throttled_since is None:
            self._progress.throttled_since = now
        wait = self._pace.throttled(failed.wait_s, failed.sent_at, self._around.random())
        # Waiting past the deadline could bring nothing: the end is known now.
        if now + wait - self._progress.throttled_since > self._tries.no_progress_s:
            return self._fatal(StopCause.THROTTLED, failed)
        return None

    def _may_try_again(self, tried: Tried, *, timeout: bool) -> bool:
        if tried.tries + 1 >= self._tries.most or not self._budget.take(timeout=timeout):
            return False
        tried.tries += 1
        tried.delay_s = full_jitter(tried.tries, self._around.random())
        return True

    def _exhausted(self, failed: _Failed, tried: Tried) -> ProviderError:
        verdict = failed.verdict
        if verdict.kind == "connection" and not self._progress.reached:
            return self._fatal(StopCause.BASE_URL, failed)
        if self._progress.failures >= _OUTAGE and self._budget.empty:
            return self._fatal(StopCause.OUTAGE, failed)
        message = f"failed {tried.tries + 1} times, at last: {self._redact(verdict.message)}"
        return Exhausted(message, kind=verdict.kind, **self._facts(failed))

    def _fatal(self, cause: StopCause, failed: _Failed) -> RunFatal:
        at = f"{self._url.scheme}://{self._url.netloc.decode('ascii')}"
        said = self._redact(failed.verdict.message) or "no reason given"
        error = RunFatal(f"{cause.remedy}. {at}: {said}", cause=cause, **self._facts(failed))
        if self._stopped is None:  # set while this request still holds its place: no other slips in before
            self._stopped = error.again()
            self._pace.stop()
        return error

    def _facts(self, failed: _Failed) -> "_Facts":
        code = failed.verdict.code
        return {
            "status": failed.verdict.status,
            "code": self._redact(code) if code else None,
            "request_id": failed.request_id,
        }


class _Facts(TypedDict):
    status: int | None
    code: str | None
    request_id: str | None


def _headers(url: httpx.URL, api_key: str | None) -> httpx.Headers:
    fields = {
        "Host": url.netloc.decode("ascii"),
        "Content-Type": "application/json",
        "Accept": "application/json",
        "Accept-Encoding": "gzip, deflate",
        "User-Agent": "summarizer-assets",
    }
    if api_key is not None:
        if not api_key.isascii() or not api_key.isprintable() or " " in api_key:
            raise ValueError(
                "SUMMARIZER_LLM_API_KEY holds a space, a line break or a letter outside ASCII, which no key does; "
                "check how it was pasted"
            )
        fields["Authorization"] = f"Bearer {api_key}"
    return httpx.Headers(fields)

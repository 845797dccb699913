"""The one way to the provider: pace, money, tries and errors of every request of a run.

A request is sent, its outcome classified, and then it either returns a checked result, is tried again within bounds,
or raises a class of `errors.py` that says what to do next. A throttle uses no try: everyone waits. In an outage all
but a probe are `Parked`. An error that no request can escape stops the client: nothing more is sent, and all get it.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import httpx

from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.llm.backoff import RetryQuota, Surroundings, Tried, Tries, full_jitter
from summarizer_assets.llm.budget.purse import BudgetReached, FreePurse, Hold, Purse
from summarizer_assets.llm.errors import BadReply, Exhausted, Parked, ProviderError, Redactor, RunFatal, StopCause
from summarizer_assets.llm.http.classify import Outcome
from summarizer_assets.llm.http.exchange import FailedTry, Wire
from summarizer_assets.llm.outage_breaker import Breaker
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol
from summarizer_assets.llm.rate.pacer import Pacer, Reservation
from summarizer_assets.llm.reply import Counters, Reply

T = TypeVar("T")

_LEARN_EVERY: Final = 64  # successes between two looks at the announced limits: they change rarely, looking costs
_LONGEST_LONE_WAIT_S: Final = 60.0  # of a retry-after that comes with a fault, not a throttle


class Client:
    """Requests to one provider, as many at once as the pace allows.

    Args:
        transport: from `build_transport`; closed with the client.
        base_url: what stands before the protocol's path; its query (`?api-version=…`) is kept.
        protocol: of the requests.
        model: that is asked, for a protocol that has it in the path.
        pace: decides when a request may go.
        purse: decides whether a request can be paid for.
        api_key: of the provider; removed from every message, as are other `secrets`.
        tries: bounds of trying.
        quota: of the run's retries.
        surroundings: sleep, random numbers in [0, 1) and time of day.

    Raises:
        ValueError: the key cannot be a header's value.
    """

    def __init__(  # noqa: PLR0913 - what a client is made of, each by its name
        self,
        transport: httpx.AsyncBaseTransport,
        base_url: str,
        protocol: ChatProtocol,
        pace: Pacer,
        *,
        model: str = "",
        purse: Purse | None = None,
        api_key: str | None = None,
        secrets: Sequence[str] = (),
        tries: Tries | None = None,
        quota: RetryQuota | None = None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._around = surroundings or Surroundings()
        self.redact = Redactor(api_key, *secrets)
        self.wire = Wire(transport, base_url, protocol, model, api_key, self.redact, self._around.now)
        self._protocol, self._pace = protocol, pace
        self._tries = tries or Tries()
        self._quota = quota or RetryQuota()
        self.purse = purse or FreePurse()
        self.breaker = Breaker(self._around.random, no_progress_s=self._tries.no_progress_s)
        self._reached = self._closing = False
        self._throttled_since: float | None = None  # nothing was served since
        self._stopped: RunFatal | None = None
        self.permit: Callable[[], object] = bool  # called before each try; raises when this run may pay for no more
        self._served, self._counters = 0, Counters()

    @property
    def counters(self) -> Counters:
        counters, breaker = self._counters, self.breaker
        counters.cooldown_s, counters.outages, counters.probes = self._pace.cooldown_s, breaker.outages, breaker.probes
        return counters

    async def complete(
        self,
        body: bytes,
        *,
        estimated_tokens: int,
        most_output_tokens: int,
        check: Callable[[Reply], T],
        settle: Callable[[T], Usage | None],
        in_vain: Callable[[T], bool] = lambda _: False,
        probe: bool = False,
        wanted: Callable[[], bool] = lambda: True,
    ) -> T:
        """Send a request until `check` accepts a reply.

        `check` and `settle` run before the request's place in flight is given up: what they store is stored by then.

        Args:
            body: the JSON document to post, in the words of the protocol.
            estimated_tokens: input plus expected output, reserved from the tokens a minute.
            most_output_tokens: what the body allows the model to write, for which money is held.
            check: turns a reply into the result, or raises `BadReply`.
            settle: what the result cost in truth; None when the reply did not tell.
            in_vain: whether the result is of no use: its money is wasted.
            probe: goes out in an outage too, once.
            wanted: asked before each try; one that is not wanted any more is parked.

        Raises:
            Refused, BadReply: about this request, as far as it shows.
            Exhausted: all tries used; of a probe: the provider is still out.
            Parked: the provider is out, or nothing more is to be sent.
            RunFatal: stop the run.
        """
        self._counters.requests += 1
        tried = Tried(self._counters.requests, probe, wanted)
        self.breaker.probes += probe
        while True:
            error: ProviderError | None
            self._may_send(tried)
            money, place = await self._funded_place(len(body), most_output_tokens, estimated_tokens, tried)
            with money, place:
                got = await self._send(body, tried.tries + 1)
                if isinstance(got, FailedTry):
                    self._settle_failure(place, money, got)
                    error = self._after_failure(got, tried)
                else:
                    try:
                        result = check(got)
                    except BadReply as bad:
                        if (used := got.usage) is not None:  # else nobody knows what it cost
                            self._settle(place, money, used, wasted=True)
                        error = self._after_bad_reply(bad, got, tried)
                    else:
                        told = settle(result)
                        used = told or self.purse.assumed(len(body), len(got.body), most_output_tokens)
                        self._settle(place, money, used, wasted=in_vain(result), told=told is not None)
                        if tried.tries == 0:
                            self._quota.credit()
                        return result
            if error is not None:
                raise error
            if tried.delay_s is not None:
                self._counters.retries += 1
                await self._around.sleep(tried.delay_s)

    def stop_sending(self) -> None:
        """Nothing more goes out: what is in flight may end, whoever waits is `Parked`."""
        self._closing = True
        self._wake_waiting()

    async def aclose(self) -> None:
        """Close all connections, give back what was leased. Requests under way fail."""
        try:
            await self.wire.aclose()
        finally:
            try:
                await self._pace.aclose()
            finally:
                await self.purse.aclose()

    def _may_send(self, tried: Tried) -> None:
        self.permit()
        if self._stopped is not None:
            raise self._stopped.again()
        if self._closing:
            raise Parked("the run ends: not sent")
        if self.breaker.open and not tried.probe:
            raise self._parked(tried)
        if not tried.wanted():
            raise Parked("it is to be asked otherwise: not sent")

    async def _funded_place(self, size: int, output: int, tokens: int, tried: Tried) -> tuple[Hold, Reservation]:
        while True:
            try:
                money = await self.purse.hold(size, output)
            except BudgetReached as reached:
                raise self._stop_all(RunFatal(str(reached), cause=StopCause.BUDGET)) from None
            place = await self._place(tokens, tried, money)
            if money.covered:
                return money, place
            with money, place:  # what such a request costs was told while it waited for its place
                money.free()
                place.settle(0)

    async def _place(self, tokens: int, tried: Tried, money: Hold) -> Reservation:
        """The request's place in flight, once it is its turn and it may still go."""
        try:
            place = await self._pace.reserve(tokens)
            try:
                self._may_send(tried)
            except BaseException:
                with place:
                    place.settle(0)
                raise
        except BaseException:  # not sent: stopped, parked, or cancelled while it waited
            money.free()
            raise
        return place

    @staticmethod
    def _settle(place: Reservation, money: Hold, usage: Usage, *, wasted: bool, told: bool = True) -> None:
        place.settle(usage.prompt_tokens + usage.completion_tokens)
        money.spent(usage, wasted=wasted, told=told)

    def _settle_failure(self, place: Reservation, money: Hold, failed: FailedTry) -> None:
        if failed.used is not None:  # told beside an error: it is billed
            self._settle(place, money, failed.used, wasted=True)
        elif not failed.verdict.billable:
            money.free()
            place.settle(0)  # no tokens were used

    async def _send(self, body: bytes, number: int) -> Reply | FailedTry:
        """One try on the wire, and what all requests learn from it."""
        self._counters.sent += 1
        got = await self.wire.post(body, number)
        self._reached = self._reached or got.headers is not None
        if isinstance(got, Reply):
            self._counters.bytes_received += len(got.body)
            self._succeeded(got.headers)
            return got
        if got.verdict.outcome is Outcome.THROTTLED and got.headers is not None:
            self._pace.learn(self._protocol.limits(got.headers))
        if got.verdict.outcome is not Outcome.TRANSIENT:
            self._provider_is_there()  # whatever it said
        return got

    def _succeeded(self, headers: httpx.Headers) -> None:
        self._throttled_since = None
        self._provider_is_there()
        self._pace.succeeded()
        if self._served % _LEARN_EVERY == 0:
            self._pace.learn(self._protocol.limits(headers))
        self._served += 1

    def _provider_is_there(self) -> None:
        if self.breaker.open:
            self._pace.restart()
        self.breaker.answered()

    def _after_bad_reply(self, bad: BadReply, reply: Reply, tried: Tried) -> ProviderError | None:
        """The error to raise, or None when the request deserves another try."""
        if bad.retry and tried.bad_replies < self._tries.bad_replies and self._may_try_again(tried, timeout=False):
            tried.bad_replies += 1
            return None
        bad.status, bad.request_id = reply.status, reply.request_id
        bad.message = self.redact(bad.message)
        bad.args = (bad.message,)
        return bad

    def _after_failure(self, failed: FailedTry, tried: Tried) -> ProviderError | None:
        """The error to raise, or None when the request goes once more."""
        verdict = failed.verdict
        if verdict.outcome is Outcome.THROTTLED:
            return self._after_throttle(failed, tried)
        if verdict.outcome is Outcome.TRANSIENT and (parked := self._after_silence(failed, tried)) is not None:
            return parked
        tries = self._tries.bad_replies if verdict.outcome is Outcome.GARBLED else self._tries.most
        if verdict.retry and tried.tries < tries and self._may_try_again(tried, timeout=verdict.kind == "timeout"):
            if failed.wait_s is not None and tried.delay_s is not None:
                tried.delay_s = max(tried.delay_s, min(failed.wait_s, _LONGEST_LONE_WAIT_S))
            return None
        if verdict.outcome is Outcome.TRANSIENT:
            return self._exhausted(failed, tried)
        if verdict.outcome is Outcome.FATAL:
            assert verdict.cause is not None
            return self._fatal(verdict.cause, failed)
        return failed.refusal

    def _after_silence(self, failed: FailedTry, tried: Tried) -> ProviderError | None:
        """No answer of the provider's: the error to raise, or None when the request may be tried again."""
        self._pace.failed()
        if tried.probe:
            return self._after_probe(failed, tried)
        self.breaker.failed(tried.request)
        tried.last = failed
        return self._parked(tried) if self.breaker.open else None

    def _parked(self, tried: Tried) -> Parked:
        if tried.last is None:
            return Parked("the provider is out: not sent")
        return Parked(f"the provider is out: {tried.last.verdict.message}", failed=True, **tried.last.facts)

    def _after_probe(self, failed: FailedTry, tried: Tried) -> ProviderError:
        if self.breaker.open:
            self.breaker.probe_failed()
            if self.breaker.hopeless:
                return self._fatal(StopCause.OUTAGE, failed)
        return self._exhausted(failed, tried)

    def _after_throttle(self, failed: FailedTry, tried: Tried) -> ProviderError | None:
        self._counters.throttles += 1
        tried.delay_s = None
        now = asyncio.get_running_loop().time()
        self._throttled_since = now if self._throttled_since is None else self._throttled_since
        wait = self._pace.throttled(failed.wait_s, failed.sent_at, self._around.random())
        # Waiting past the deadline could bring nothing: the end is known now.
        if now + wait - self._throttled_since > self._tries.no_progress_s:
            return self._fatal(StopCause.THROTTLED, failed)
        return None

    def _may_try_again(self, tried: Tried, *, timeout: bool) -> bool:
        if tried.tries + 1 >= self._tries.most or not self._quota.take(timeout=timeout):
            return False
        tried.tries += 1
        tried.delay_s = full_jitter(tried.tries, self._around.random())
        return True

    def _exhausted(self, failed: FailedTry, tried: Tried) -> ProviderError:
        verdict = failed.verdict
        if verdict.kind == "connection" and not self._reached:
            return self._fatal(StopCause.BASE_URL, failed)
        message = f"failed {tried.tries + 1} times, at last: {verdict.message}"
        return Exhausted(message, kind=verdict.kind, **failed.facts)

    def _fatal(self, cause: StopCause, failed: FailedTry) -> RunFatal:
        said = failed.verdict.message or "no reason given"
        return self._stop_all(RunFatal(f"{cause.remedy}. {self.wire.address}: {said}", cause=cause, **failed.facts))

    def _wake_waiting(self) -> None:
        self.purse.stop()
        self._pace.stop()

    def _stop_all(self, error: RunFatal) -> RunFatal:
        if self._stopped is None:  # set while this request still holds its place: no other slips in before
            self._stopped = error.again()
            self._wake_waiting()
        return error

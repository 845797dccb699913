"""The client in front of real servers: what it sends, how often, and how each request ends."""

import asyncio
import json
import time
import traceback
from collections.abc import Coroutine
from typing import Any

import pytest

from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.backoff import RetryQuota, Tries, full_jitter
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import (
    BadReply,
    ContentFiltered,
    Exhausted,
    GroupTooLarge,
    Parked,
    ProviderError,
    RequestRejected,
    RunFatal,
    StopCause,
    Unreadable,
    Unsupported,
)
from summarizer_assets.llm.http.transport import build_transport
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.llm.rate.pacer import Pacer
from summarizer_assets_tests.llm.wire import (
    GOOD,
    KEY,
    Patience,
    answering,
    ask,
    calling,
    error,
    reply,
    serving,
    text,
    untold,
)

FINE = GOOD.decode()


async def ended(client: Client, **how) -> ProviderError | str:
    """How one request ended: the checked result, or the error."""
    try:
        usual = {"body": b"{}", "estimated_tokens": 10, "most_output_tokens": 10, "check": text, "settle": untold}
        return await client.complete(**(usual | how))
    except ProviderError as failure:
        return failure


def one(*replies, **settings):
    """(how one request ended, how many were sent, the client's counters)"""

    async def main():
        async with serving(answering(*replies)) as server, calling(server.url, **settings) as client:
            return await ended(client), len(server.asked), client.counters

    return asyncio.run(main())


def test_a_request_carries_the_key_in_its_header_and_keeps_the_query_of_the_base_url():
    async def main():
        async with (
            serving(answering(reply())) as server,
            calling(server.url + "?api-version=preview&x=a%20b") as client,
        ):
            await ask(client, b'{"model":"m"}')
            return server.asked

    (asked,) = asyncio.run(main())
    assert asked.line == "POST /v1/chat/completions?api-version=preview&x=a%20b HTTP/1.1"
    assert asked.headers["authorization"] == f"Bearer {KEY}"
    assert asked.headers["content-type"] == "application/json"
    assert asked.body == b'{"model":"m"}'


def test_without_a_key_no_authorization_is_sent():
    async def main():
        async with serving(answering(reply())) as server, calling(server.url, api_key=None) as client:
            await ask(client)
            return server.asked[0].headers

    assert "authorization" not in asyncio.run(main())


@pytest.mark.parametrize(
    ("base", "key", "header"),
    [
        ("/openai/v1", KEY, "authorization"),
        ("/openai/v1?api-version=preview", KEY, "authorization"),
        ("/inference?api-version=2025-04-01", KEY, "authorization"),  # not Azure's
        ("/openai/deployments/mine?api-version=2024-10-21", KEY, "api-key"),
        ("/gateway/openai/deployments/mine", KEY, "api-key"),  # a gateway adds the version
        ("/models?api-version=2024-05-01-preview", KEY, "api-key"),
        ("/openai/deployments/mine?api-version=2024-10-21", "eyJhbGciOi.eyJhdWQiOi.c2lnbmF0dXJl", "authorization"),
    ],
)
def test_a_key_goes_into_the_header_that_the_interface_asks_for(base, key, header):
    async def main():
        async with (
            serving(answering(reply())) as server,
            calling(server.url.removesuffix("/v1") + base, api_key=key) as client,
        ):
            await ask(client)
            return server.asked[0]

    asked = asyncio.run(main())
    path, mark, query = base.partition("?")
    assert asked.line == f"POST {path}/chat/completions{mark}{query} HTTP/1.1"
    sent = {name: asked.headers[name] for name in ("authorization", "api-key") if name in asked.headers}
    assert sent == {header: key if header == "api-key" else f"Bearer {key}"}


@pytest.mark.parametrize("key", ["sk-with space", "sk-line\nbreak", "sk-schlüssel"])
def test_a_key_that_cannot_be_a_header_is_refused_without_showing_it(key):
    with pytest.raises(ValueError, match="SUMMARIZER_LLM_API_KEY") as caught:
        Client(build_transport(), "https://host/v1", OPENAI_CHAT, Pacer(1), api_key=key)
    assert key not in "".join(traceback.format_exception(caught.value))


# How a request ends that always gets the same reply: the error, what it says, and how often it is sent.
ENDS = [
    (reply(error("boom"), 500), Exhausted, {"kind": "server_error", "status": 500}, 5),
    (reply(error("busy"), 409), Exhausted, {"kind": "server_error", "status": 409}, 5),
    (reply(b"", 504), Exhausted, {"kind": "timeout", "status": 504}, 5),
    (reply(error("no"), 500, x_should_retry="false"), Exhausted, {"kind": "server_error"}, 1),
    (reply(b"<html>login</html>"), Exhausted, {"kind": "gateway_body", "status": 200}, 5),
    (reply(error("upstream", code=502)), Exhausted, {"kind": "server_error", "status": 502}, 5),
    (reply(bytes(2 << 20)), Unreadable, {"kind": "body_too_big"}, 2),
    (reply(GOOD, content_encoding="gzip"), Exhausted, {"kind": "gateway_body"}, 5),
    (reply(error("long", code="context_length_exceeded"), 400), GroupTooLarge, {"status": 400}, 1),
    (reply(b"", 413), GroupTooLarge, {"status": 413}, 1),
    (reply(error("odd", code="c"), 400, x_request_id="r1"), RequestRejected, {"code": "c", "request_id": "r1"}, 1),
    (reply(error("odd"), 422), RequestRejected, {"status": 422}, 1),
    (reply(error("odd"), 400, x_should_retry="true"), RequestRejected, {"status": 400}, 5),
    (reply(error("no", code="content_filter"), 400), ContentFiltered, {"code": "content_filter"}, 1),
    (reply(error("no"), 401), RunFatal, {"cause": StopCause.AUTH, "status": 401}, 1),
    (reply(error("no", code="invalid_api_key")), RunFatal, {"cause": StopCause.AUTH}, 1),
    (reply(error("no"), 402), RunFatal, {"cause": StopCause.QUOTA}, 1),
    (reply(error("no", code="insufficient_quota"), 429), RunFatal, {"cause": StopCause.QUOTA}, 1),
    (reply(error("no"), 403), RequestRejected, {"cause": StopCause.AUTH}, 1),
    (reply(error("no", code="permission_denied"), 403), RunFatal, {"cause": StopCause.AUTH}, 1),
    (reply(error("no", param="temperature"), 400), Unsupported, {"blamed": {"temperature"}}, 1),
    (reply(error("no", code="json_validate_failed"), 400), Unreadable, {"kind": "bad_json", "status": 400}, 2),
    (reply(error("no", code="model_not_found"), 404), RunFatal, {"cause": StopCause.MODEL}, 1),
    (reply(b"", 307, location="http://127.0.0.1:1/v1"), RunFatal, {"cause": StopCause.REDIRECT}, 1),
]


@pytest.mark.parametrize(("answer", "kind", "says", "sent"), ENDS)
def test_each_reply_ends_a_request_in_its_own_way_after_so_many_tries(answer, kind, says, sent):
    failure, times, counters = one(answer)
    assert type(failure) is kind
    assert {name: getattr(failure, name) for name in says} == says
    assert times == counters.sent == sent
    assert counters.retries == sent - 1


@pytest.mark.parametrize(
    "fault",
    [
        reply(error("boom"), 500),
        reply(error("busy"), 503),
        reply(error("overloaded"), 529, retry_after_ms="20"),
        reply(error("slow"), 429, retry_after_ms="20"),
        reply(error("slow", code="rate_limit_exceeded"), retry_after_ms="20"),
        reply(b"<html>"),
        reply(GOOD, content_length="500", connection="close"),
        reply(GOOD, content_encoding="gzip"),
    ],
)
def test_a_fault_that_passes_costs_nobody_anything(fault):
    ending, sent, _ = one(fault, fault, reply(), deadline_s=0.3)
    assert (ending, sent) == (FINE, 3)


@pytest.mark.parametrize(("stall", "kind"), [("reply", "timeout"), ("reset", "connection")])
def test_silence_and_resets_are_tried_on_new_connections_then_given_up(stall, kind):
    async def main():
        async def answer(asked, writer):
            if asked.body == b"fine":
                writer.write(reply())
            elif stall == "reply":
                await asyncio.sleep(60)
            else:
                writer.transport.abort()

        async with serving(answer) as server, calling(server.url, deadline_s=0.1) as client:
            await ask(client, b"fine")
            return await ended(client), [asked.connection for asked in server.asked]

    failure, connections = asyncio.run(main())
    assert isinstance(failure, Exhausted)
    assert failure.kind == kind
    assert len(connections) == 6
    assert len(set(connections[1:])) == 5


def test_waits_between_tries_are_full_jitter_or_what_the_provider_asks_if_longer():
    patience = Patience()
    one(reply(error("x"), 500), patience=patience)
    assert patience.slept == [0.5, 1, 2, 4]
    patience = Patience()
    one(reply(error("x"), 503, retry_after="7"), patience=patience)
    assert patience.slept == [7, 7, 7, 7]
    assert [full_jitter(tries, 1.0) for tries in (1, 2, 5, 6, 99)] == [1, 2, 16, 20, 20]


def test_a_bad_reply_is_asked_for_once_more_and_then_handed_on():
    def check(got):
        raise BadReply("bad_json", retry=True)

    async def main(answer, check):
        async with serving(answer) as server, calling(server.url) as client:
            return await ended(client, check=check), len(server.asked)

    failure, sent = asyncio.run(main(answering(reply(request_id="r7")), check))
    assert (type(failure), failure.kind, failure.status, failure.request_id, sent) == (
        BadReply,
        "bad_json",
        200,
        "r7",
        2,
    )

    def final(got):
        raise BadReply("truncated", retry=False)

    assert asyncio.run(main(answering(reply()), final))[1] == 1

    def once(got):
        if got.body != GOOD:
            raise BadReply("bad_json", retry=True)
        return got.tries

    assert asyncio.run(main(answering(reply(b"{"), reply()), once)) == (2, 2)


def test_an_error_of_the_checker_itself_passes_through_and_frees_its_place():
    def broken(got):
        raise ZeroDivisionError

    async def main():
        async with serving(answering(reply())) as server, calling(server.url, max_in_flight=1) as client:
            with pytest.raises(ZeroDivisionError):
                await client.complete(b"{}", estimated_tokens=1, most_output_tokens=1, check=broken, settle=untold)
            return await ask(client)

    assert asyncio.run(main()) == FINE


def test_a_throttle_holds_all_requests_back_and_uses_no_try():
    async def main():
        times = []

        async def answer(asked, writer):
            times.append(time.monotonic())
            writer.write(reply(error("slow"), 429, retry_after_ms="60") if len(times) <= 12 else reply())

        async with serving(answer) as server, calling(server.url, tries=Tries(most=1)) as client:
            endings = await asyncio.gather(*(ended(client) for _ in range(8)))
            return endings, client.counters

    endings, counters = asyncio.run(main())
    assert endings == [FINE] * 8
    assert counters.throttles == 12
    assert counters.retries == 0
    assert counters.cooldown_s > 0


def test_endless_throttles_end_the_run_at_the_no_progress_deadline():
    async def main():
        slow = reply(error("slow"), 429, retry_after_ms="30")
        async with serving(answering(slow)) as server, calling(server.url, tries=Tries(no_progress_s=0.3)) as client:
            endings = await asyncio.gather(*(ended(client) for _ in range(20)))
            return endings, len(server.asked)

    endings, sent = asyncio.run(main())
    assert {(type(ending), ending.cause) for ending in endings} == {(RunFatal, StopCause.THROTTLED)}
    assert sent < 100


def test_a_wait_beyond_the_no_progress_deadline_ends_the_run_at_once():
    failure, sent, _ = one(reply(error("slow"), 429, retry_after="3000"))
    assert (failure.cause, sent) == (StopCause.THROTTLED, 1)


def test_an_error_for_all_is_sent_once_and_stops_whoever_waits_or_comes_later():
    async def main():
        async with serving(answering(reply(error("no"), 401))) as server, calling(server.url) as client:
            endings = await asyncio.gather(*(ended(client) for _ in range(50)))
            endings.append(await ended(client))
            return endings, len(server.asked)

    endings, sent = asyncio.run(main())
    assert {(type(ending), ending.cause) for ending in endings} == {(RunFatal, StopCause.AUTH)}
    assert len(set(map(id, endings))) == 51
    assert sent == 1


@pytest.mark.parametrize("host", ["nowhere.invalid", None])
def test_a_provider_that_was_never_reached_stops_the_run_and_names_the_setting(host):
    async def main():
        async with serving(answering(reply())) as server:
            url = f"http://{host}/v1" if host else server.url
        async with calling(url) as client:
            return url, await asyncio.gather(*(ended(client) for _ in range(3)))

    url, endings = asyncio.run(main())
    for failure in endings:
        assert (type(failure), failure.cause) == (RunFatal, StopCause.BASE_URL)
        assert "SUMMARIZER_LLM_BASE_URL" in str(failure)
        assert url.removeprefix("http://").removesuffix("/v1") in str(failure)


def down_for(client: Client, asked: int, most: int = 4) -> Coroutine[Any, Any, list[ProviderError | str]]:
    """Requests to a provider that is out, at most `most` at a time, as the asker sends them."""

    async def main():
        places = asyncio.Semaphore(most)

        async def one_of_them():
            async with places:
                return await ended(client)

        return await asyncio.gather(*(one_of_them() for _ in range(asked)))

    return main()


def test_when_the_provider_goes_down_all_are_parked_after_few_tries_and_nothing_more_is_sent():
    async def main():
        down = False

        async def answer(asked, writer):
            if down:
                writer.transport.abort()
            else:
                writer.write(reply())

        async with serving(answer) as server, calling(server.url, max_in_flight=32) as client:
            await asyncio.gather(*(ask(client) for _ in range(50)))
            down = True
            before = len(server.asked)
            endings = await down_for(client, 1000, most=32)
            return endings, len(server.asked) - before, client.breaker.open, client.breaker.outages

    endings, sent, is_open, outages = asyncio.run(main())
    assert is_open
    assert outages == 1
    assert all(isinstance(ending, Parked) for ending in endings)
    assert sent <= 10 + 32


def test_a_request_that_always_fails_beside_others_that_succeed_is_no_outage():
    async def main():
        async def answer(asked, writer):
            writer.write(reply(error("x"), 500) if asked.body == b"poison" else reply())

        async with serving(answer) as server, calling(server.url) as client:
            endings = await asyncio.gather(
                *(ended(client, body=b"poison") for _ in range(3)), *(ended(client) for _ in range(30))
            )
            return endings, client.breaker.outages

    endings, outages = asyncio.run(main())
    assert outages == 0
    assert [type(ending) for ending in endings[:3]] == [Exhausted] * 3
    assert endings[3:] == [FINE] * 30


@pytest.mark.parametrize("answer", [reply(), reply(error("odd"), 400), reply(error("slow"), 429, retry_after_ms="1")])
def test_any_answer_to_a_probe_ends_an_outage_and_silence_does_not(answer):
    async def main():
        replies = answering(*[reply(error("x"), 503)] * 20, answer, reply())
        async with serving(replies) as server, calling(server.url) as client:
            await down_for(client, 40)
            told = []
            client.breaker.listener = lambda: told.append(client.breaker.open)
            left = 20 - len(server.asked)
            silent = [await ended(client, probe=True) for _ in range(left)]
            assert client.breaker.open
            waits = client.breaker.wait_s
            await ended(client, probe=True)
            return silent, waits, told, client.breaker.open, await ended(client)

    silent, waits, told, is_open, after = asyncio.run(main())
    assert silent
    assert all(isinstance(ending, Exhausted) for ending in silent)
    assert waits > 0
    assert told == [False]
    assert not is_open
    assert after == FINE


def test_an_outage_without_end_stops_the_run_at_the_no_progress_deadline_and_not_before():
    async def main():
        tries = Tries(no_progress_s=0.3)
        async with serving(answering(reply(error("x"), 503))) as server, calling(server.url, tries=tries) as client:
            await down_for(client, 40)
            first = await ended(client, probe=True)
            await asyncio.sleep(0.3)
            return first, await ended(client, probe=True), await ended(client)

    first, last, after = asyncio.run(main())
    assert isinstance(first, Exhausted)
    assert (type(last), last.cause) == (RunFatal, StopCause.OUTAGE)
    assert (type(after), after.cause) == (RunFatal, StopCause.OUTAGE)


def test_once_told_to_stop_sending_what_waits_is_parked_and_what_is_in_flight_is_answered():
    async def main():
        both, release = asyncio.Barrier(3), asyncio.Event()

        async def answer(asked, writer):
            await both.wait()
            await release.wait()
            writer.write(reply())

        async with serving(answer) as server, calling(server.url, max_in_flight=2, first_alone=False) as client:
            asking = [asyncio.ensure_future(ended(client)) for _ in range(5)]
            await both.wait()
            client.stop_sending()
            release.set()
            return await asyncio.gather(*asking), len(server.asked)

    endings, sent = asyncio.run(main())
    assert sent == 2
    assert sorted(ending if isinstance(ending, str) else type(ending).__name__ for ending in endings) == sorted(
        [FINE] * 2 + ["Parked"] * 3
    )


def test_when_half_of_all_fail_retries_stay_within_the_budget():
    async def main():
        count = 0

        async def answer(asked, writer):
            nonlocal count
            count += 1
            writer.write(reply(error("x"), 500) if count % 2 else reply())

        budget = RetryQuota(capacity=100)
        async with serving(answer) as server, calling(server.url, budget=budget) as client:
            endings = await asyncio.gather(*(ended(client) for _ in range(400)))
            return endings, len(server.asked), budget

    endings, sent, budget = asyncio.run(main())
    assert sent <= 400 + 100 / 5 + 400 / 5
    assert all(ending == FINE or isinstance(ending, Exhausted) for ending in endings)
    assert FINE in endings
    assert 0 <= budget.left <= 100


def test_never_more_in_flight_than_allowed_and_the_first_goes_alone():
    async def main():
        now, most = 0, []

        async def answer(asked, writer):
            nonlocal now
            now += 1
            most.append(now)
            await asyncio.sleep(0.02)
            now -= 1
            writer.write(reply())

        async with serving(answer) as server, calling(server.url, max_in_flight=5) as client:
            await asyncio.gather(*(ask(client) for _ in range(40)))
        return most

    most = asyncio.run(main())
    assert max(most) == 5
    assert most[:2] == [1, 1]


def test_a_cancelled_request_frees_its_place_at_once():
    async def main():
        async def answer(asked, writer):
            if asked.body == b"slow":
                await asyncio.sleep(60)
            writer.write(reply())

        async with serving(answer) as server, calling(server.url, max_in_flight=2, first_alone=False) as client:
            slow = [asyncio.ensure_future(ask(client, b"slow")) for _ in range(2)]
            waiting = asyncio.ensure_future(ask(client))
            await asyncio.sleep(0.1)
            assert not waiting.done()
            slow[0].cancel()
            async with asyncio.timeout(2):
                got = await waiting
                await server.gone.wait()
            slow[1].cancel()
            await asyncio.gather(*slow, return_exceptions=True)
            return got, client._pace.in_flight

    assert asyncio.run(main()) == (FINE, 0)


class Settled:
    """A pace and a purse in one that note what each request cost."""

    cooldown_s = 0.0
    spending = None

    def __init__(self):
        self.tokens, self.money = [], []

    async def reserve(self, tokens):
        return _Noted(self.tokens, tokens)

    async def hold(self, prompt, completion):
        return _Noted(self.money, ("uncertain", prompt, completion))

    def assumed(self, asked, said, most):
        return Usage(asked + said, most)

    async def aclose(self):
        pass

    def __getattr__(self, _name):
        return lambda *_: 0.0


class _Noted:
    covered = True

    def __init__(self, notes, value):
        self._notes, self._value = notes, value

    def settle(self, tokens):
        self._value = tokens

    def spent(self, usage, *, wasted=False, told=True):
        self._value = (usage, *["wasted"] * wasted, *["assumed"] * (not told))

    def free(self):
        self._value = "free"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._notes.append(self._value)


USAGE = {"prompt_tokens": 7, "completion_tokens": 3}
BILLED = json.dumps({"choices": [], "usage": USAGE}).encode()


def test_each_try_is_settled_in_tokens_and_in_money_by_what_is_known_of_it():
    def bad(_reply):
        raise BadReply("no_choice", retry=False)

    async def main():
        noted = Settled()
        replies = answering(
            reply(),
            reply(error("x"), 400),
            reply(BILLED),
            reply(b"", 504),
            reply(GOOD, content_encoding="gzip"),
            reply(json.dumps({"error": {"message": "x"}, "usage": USAGE}).encode(), 400),
            reply(json.dumps({"error": {"code": "server_error"}, "usage": USAGE}).encode()),
            reply(),
        )
        async with serving(replies) as server:
            client = Client(build_transport(), server.url, OPENAI_CHAT, noted, purse=noted, tries=Tries(most=1))
            try:
                await ended(client, body=b"{  }", settle=lambda _: Usage(70, 30))
                await ended(client)
                await ended(client, check=bad)
                await ended(client)
                await ended(client)
                await ended(client)
                await ended(client)
                await ended(client)
            finally:
                await client.aclose()
        return noted.tokens, noted.money

    tokens, money = asyncio.run(main())
    assert tokens == [100, 0, 10, 10, 10, 10, 10, 2 + len(GOOD) + 10]
    assert money == [
        (Usage(70, 30),),
        "free",  # refused: not billed
        (Usage(7, 3), "wasted"),  # no use, but billed
        ("uncertain", 2, 10),  # a gateway gave up waiting: the model may have worked
        ("uncertain", 2, 10),
        (Usage(7, 3), "wasted"),  # refused, and billed all the same
        (Usage(7, 3), "wasted"),
        (Usage(2 + len(GOOD), 10), "assumed"),  # the reply did not tell
    ]


def test_announced_limits_are_learnt_from_the_first_reply():
    async def main():
        first = reply(x_ratelimit_limit_requests="9000", x_ratelimit_limit_tokens="800000")
        async with serving(answering(first)) as server, calling(server.url) as client:
            await ask(client)
            return client._pace.limits

    assert asyncio.run(main()) == RateLimits(9000, 800_000)


CANARY_ECHOES = [
    reply(error(f"Incorrect API key provided: {KEY}.", code=KEY), 401, x_request_id=KEY),
    reply(error(f"Incorrect API key provided: {KEY[:7]}*****{KEY[-4:]}.", type=KEY), 400),
    reply(f"<html>{KEY}</html>".encode(), 500),
    reply(json.dumps({"detail": [{"headers": {"authorization": f"Bearer {KEY}"}}]}).encode(), 422),
    reply(b"", 302, location=f"https://login.test/{KEY}?key={KEY}"),
    reply(GOOD, content_length=f"{KEY}"),
    reply(GOOD, content_encoding=KEY),
    f"{KEY}\r\n\r\n".encode(),
    f"HTTP/1.1 {KEY} {KEY}\r\n{KEY}\r\n\r\n".encode(),
]


@pytest.mark.parametrize("answer", CANARY_ECHOES)
def test_the_key_is_in_no_error_however_the_provider_echoes_it(answer):
    failure, _, counters = one(answer, deadline_s=0.3)
    assert isinstance(failure, ProviderError)
    shown = [
        str(failure),
        repr(failure),
        repr(failure.args),
        repr(vars(failure)),
        "".join(traceback.format_exception(failure)),
        repr(counters),
    ]
    assert not any(KEY[start : start + 8] in line for line in shown for start in range(len(KEY) - 7))
    assert failure.__cause__ is None
    assert failure.__context__ is None


def test_a_reply_that_shows_the_key_leaves_none_in_a_bad_reply():
    def check(got):
        raise BadReply("bad_json", retry=False, detail=got.body.decode())

    async def main():
        async with serving(answering(reply(KEY.encode()))) as server, calling(server.url) as client:
            return await ended(client, check=check)

    failure = asyncio.run(main())
    assert KEY not in str(failure) + repr(failure)
    assert "[redacted]" in str(failure)

"""The client in front of real servers: what it sends, how often, and how each request ends."""

import asyncio
import json
import time
import traceback

import pytest

from summarizer_assets.llm.backoff import RetryBudget, Tries, full_jitter
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.errors import (
    BadReply,
    ContentFiltered,
    Exhausted,
    GroupTooLarge,
    ProviderError,
    RequestRejected,
    RunFatal,
    StopCause,
)
from summarizer_assets.llm.pace import Pacer, RateLimits
from summarizer_assets.llm.transport import build_transport
from summarizer_assets_tests.llm.wire import GOOD, KEY, Patience, answering, ask, calling, error, reply, serving, text

FINE = GOOD.decode()


async def ended(client: Client, **how) -> ProviderError | str:
    """How one request ended: the checked result, or the error."""
    try:
        return await client.complete(**({"body": b"{}", "estimated_tokens": 10, "check": text} | how))
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


@pytest.mark.parametrize("key", ["sk-with space", "sk-line\nbreak", "sk-schlüssel"])
def test_a_key_that_cannot_be_a_header_is_refused_without_showing_it(key):
    with pytest.raises(ValueError, match="SUMMARIZER_LLM_API_KEY") as caught:
        Client(build_transport(), "https://host/v1", Pacer(1), api_key=key)
    assert key not in "".join(traceback.format_exception(caught.value))


# How a request ends that always gets the same reply: the error, what it says, and how often it is sent.
ENDS = [
    (reply(error("boom"), 500), Exhausted, {"kind": "server_error", "status": 500}, 5),
    (reply(error("busy"), 409), Exhausted, {"kind": "server_error", "status": 409}, 5),
    (reply(b"", 504), Exhausted, {"kind": "timeout", "status": 504}, 5),
    (reply(error("no"), 500, x_should_retry="false"), Exhausted, {"kind": "server_error"}, 1),
    (reply(b"<html>login</html>"), Exhausted, {"kind": "gateway_body", "status": 200}, 5),
    (reply(error("upstream", code=502)), Exhausted, {"kind": "server_error", "status": 502}, 5),
    (reply(bytes(2 << 20)), Exhausted, {"kind": "body_too_big"}, 5),
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
    (reply(error("no"), 403), RunFatal, {"cause": StopCause.AUTH}, 1),
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
                await client.complete(b"{}", estimated_tokens=1, check=broken)
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


def test_a_provider_that_goes_down_stops_the_run_before_it_charges_the_rows():
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
            endings = await asyncio.gather(*(ended(client) for _ in range(1000)))
            return endings, len(server.asked) - before

    endings, sent = asyncio.run(main())
    stopped = [ending for ending in endings if isinstance(ending, RunFatal)]
    assert {ending.cause for ending in stopped} == {StopCause.OUTAGE}
    assert len(stopped) > 900
    assert sent < 250


def test_when_half_of_all_fail_retries_stay_within_the_budget():
    async def main():
        count = 0

        async def answer(asked, writer):
            nonlocal count
            count += 1
            writer.write(reply(error("x"), 500) if count % 2 else reply())

        budget = RetryBudget(capacity=100)
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


def test_what_a_reply_cost_in_truth_is_settled_and_errors_cost_no_tokens():
    async def main():
        answers = answering(reply(), reply(error("x"), 400), reply())
        async with serving(answers) as server, calling(server.url, limits=RateLimits(tokens=60_000_000)) as client:
            bucket = lambda: client._pace._buckets["tokens"]  # noqa: E731 - made by the first request
            levels = []
            for check_settles in (lambda _: 900_000, None, None):
                await ended(client, estimated_tokens=1_000_000, settle=check_settles)
                levels.append(round(bucket().level / 100_000))
                bucket().level = bucket().capacity
                bucket().stamp = asyncio.get_running_loop().time()
            return levels

    # 250,000 fit: the first leaves a debt of 650,000, the last of 750,000, the one in between none.
    after_settled, after_error, after_estimate = asyncio.run(main())
    assert after_error == 2
    assert after_settled > after_estimate


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

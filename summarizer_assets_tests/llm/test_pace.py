"""The pace in virtual time: what goes when, exactly."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.llm.pace import Pacer, RateLimits
from summarizer_assets_tests.llm.virtual_time import run


class Limit:
    """A provider that enforces its limits as they do: a bucket of one second's refill, a 429 when it is empty."""

    def __init__(self, requests: float, tokens: float) -> None:
        self.rates = {"requests": requests / 60, "tokens": tokens / 60}
        self.levels = dict(self.rates)
        self.stamp = asyncio.get_running_loop().time()
        self.refused = 0
        self.served = {"requests": 0.0, "tokens": 0.0}

    def admits(self, tokens: float) -> bool:
        now = asyncio.get_running_loop().time()
        for what, rate in self.rates.items():
            self.levels[what] = min(rate, self.levels[what] + (now - self.stamp) * rate)
        self.stamp = now
        asked = {"requests": 1.0, "tokens": tokens}
        if any(self.levels[what] < asked[what] - 1e-6 for what in asked):
            self.refused += 1
            return False
        for what, amount in asked.items():
            self.levels[what] -= amount
            self.served[what] += amount
        return True


async def saturate(
    pacer: Pacer, limit: Limit, seconds: float, *, estimate: int, truth: int, latency: float = 2.0
) -> None:
    """More work than the limit allows, for `seconds`."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds

    async def worker() -> None:
        while loop.time() < end:
            with await pacer.reserve(estimate) as held:
                if loop.time() >= end:
                    return
                sent_at = loop.time()
                if limit.admits(truth):
                    await asyncio.sleep(latency)
                    held.settle(truth)
                else:
                    held.settle(0)
                    pacer.throttled(1.0, sent_at, 0.5)

    await asyncio.gather(*(worker() for _ in range(400)))


@pytest.mark.parametrize(
    ("requests", "tokens", "bound"), [(3000, 100_000_000, "requests"), (100_000, 2_000_000, "tokens")]
)
def test_the_limit_is_used_and_never_tripped(requests, tokens, bound):
    async def main():
        limit = Limit(requests, tokens)
        pacer = Pacer(400, RateLimits(requests, tokens))
        work = asyncio.ensure_future(saturate(pacer, limit, 70, estimate=1000, truth=1000, latency=1.0))
        await asyncio.sleep(5)
        before = limit.served[bound]
        await asyncio.sleep(60)
        used = (limit.served[bound] - before) / (limit.rates[bound] * 60)
        await work
        return limit.refused, used

    refused, used = run(main())
    assert refused == 0
    assert 0.98 <= used <= 1.001


def test_an_estimate_that_is_twice_the_truth_still_uses_the_limit():
    async def main():
        limit = Limit(100_000, 2_000_000)
        await saturate(Pacer(400, RateLimits(100_000, 2_000_000)), limit, 60, estimate=2000, truth=1000, latency=1.0)
        return limit

    limit = run(main())
    assert limit.refused <= limit.served["requests"] / 1000
    assert limit.served["tokens"] / 60 >= 0.95 * limit.rates["tokens"]


def test_requests_go_in_the_order_they_came_whatever_their_size():
    async def main():
        pacer = Pacer(100, RateLimits(tokens=60_000), first_alone=False)
        order = []

        async def one(number, tokens):
            with await pacer.reserve(tokens):
                order.append(number)

        sizes = [10, 30_000, 10, 10, 50_000, 10, 10]
        await asyncio.gather(*(one(number, size) for number, size in enumerate(sizes)))
        return order

    assert run(main()) == [0, 1, 2, 3, 4, 5, 6]


def test_a_request_above_a_whole_minute_goes_and_its_debt_is_waited_out_by_the_next():
    async def main():
        loop = asyncio.get_running_loop()
        pacer = Pacer(10, RateLimits(tokens=6000), first_alone=False)
        with await pacer.reserve(12_000):
            first = loop.time()
        with await pacer.reserve(1):
            second = loop.time()
        return first, second

    first, second = run(main())
    assert first <= 0.25
    assert second - first == pytest.approx(120 - 0.25, abs=0.3)


def test_the_head_goes_as_soon_as_a_settled_reservation_makes_room():
    async def main():
        loop = asyncio.get_running_loop()
        pacer = Pacer(10, RateLimits(tokens=60_000), first_alone=False)
        held = await pacer.reserve(10_000)
        waiting = asyncio.ensure_future(pacer.reserve(100))
        await asyncio.sleep(1)
        before = waiting.done()
        with held:
            held.settle(0)
        await waiting
        return before, loop.time()

    before, at = run(main())
    assert not before
    assert at == pytest.approx(1.25, abs=0.3)


def test_the_first_request_goes_alone():
    async def main():
        pacer = Pacer(8)
        first = await pacer.reserve(1)
        others = [asyncio.ensure_future(pacer.reserve(1)) for _ in range(8)]
        await asyncio.sleep(10)
        alone = pacer.in_flight
        with first:
            pass
        await asyncio.gather(*others)
        return alone, pacer.in_flight

    assert run(main()) == (1, 8)


@pytest.mark.parametrize("limits", [None, RateLimits(60_000, 1_000_000)])
def test_a_throttle_holds_everyone_for_as_long_as_the_provider_says_then_starts_slowly(limits):
    async def main():
        loop = asyncio.get_running_loop()
        pacer = Pacer(100, limits, first_alone=False)
        await asyncio.sleep(5)
        pacer.throttled(7.0, loop.time(), 0.5)
        started = []

        async def one():
            with await pacer.reserve(10):
                started.append(loop.time())
                await asyncio.sleep(1000)

        await asyncio.gather(*(one() for _ in range(100)))
        return started, pacer.cooldown_s

    started, cooldown = run(main())
    assert min(started) >= 12
    assert sum(at < 12.2 for at in started) <= 3
    assert max(started) < 14
    assert cooldown == pytest.approx(7)


def test_replies_to_requests_of_one_burst_are_one_episode_and_episodes_in_a_row_wait_longer():
    async def main():
        loop = asyncio.get_running_loop()
        pacer = Pacer(100)
        await asyncio.sleep(1)
        sent_at = loop.time() - 0.5
        first = pacer.throttled(None, sent_at, 1.0)
        same = [pacer.throttled(None, sent_at, 1.0) for _ in range(50)]
        waits = []
        for _ in range(6):
            await asyncio.sleep(30)
            waits.append(pacer.throttled(None, loop.time(), 1.0))
        pacer.succeeded()
        await asyncio.sleep(30)
        return first, same, waits, pacer.throttled(None, loop.time(), 1.0)

    first, same, waits, after_success = run(main())
    assert first == 1
    assert set(same) == {1}
    assert waits == pytest.approx([2, 4, 8, 16, 20, 20])
    assert after_success == pytest.approx(1)


def test_limits_are_learnt_from_headers_only_where_none_are_given():
    async def main():
        pacer = Pacer(10, RateLimits(requests=500))
        await pacer.reserve(1)
        pacer.learn({"x-ratelimit-limit-requests": "9", "x-ratelimit-limit-tokens": "60000"})
        first = pacer.limits
        for nonsense in ("0", "-5", "nan", "inf", "1e9", "", "many", "9" * 40):
            pacer.learn({"x-ratelimit-limit-tokens": nonsense})
        second = pacer.limits
        pacer.learn({"anthropic-ratelimit-tokens-limit": "80000"})
        return first, second, pacer.limits

    first, second, third = run(main())
    assert first == second == RateLimits(500, 60_000)
    assert third == RateLimits(500, 80_000)


def test_a_share_of_the_limits_is_kept_to_from_the_moment_it_is_set():
    async def main():
        pacer = Pacer(400, RateLimits(6000, 100_000_000))
        limit = Limit(6000, 100_000_000)
        await saturate(pacer, limit, 10, estimate=1, truth=1, latency=0.5)
        whole = limit.served["requests"]
        pacer.share = 0.25
        await saturate(pacer, limit, 10, estimate=1, truth=1, latency=0.5)
        return whole, limit.served["requests"] - whole

    whole, quarter = run(main())
    assert whole == pytest.approx(1000, rel=0.1)
    assert quarter == pytest.approx(250, rel=0.15)


@pytest.mark.parametrize("share", [0, -1, 1.5, float("nan")])
def test_a_share_outside_its_range_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        Pacer(1).share = share


def test_stopping_lets_everyone_through_at_once():
    async def main():
        loop = asyncio.get_running_loop()
        pacer = Pacer(1, RateLimits(1, 1))
        pacer.throttled(3000.0, 0.0, 0.5)
        waiting = [asyncio.ensure_future(pacer.reserve(1000)) for _ in range(10)]
        await asyncio.sleep(1)
        pacer.stop()
        await asyncio.gather(*waiting, pacer.reserve(5))
        return loop.time()

    assert run(main()) == pytest.approx(1)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 20), st.sampled_from(["ok", "fail", "cancel"])), max_size=40),
    st.one_of(st.none(), st.builds(RateLimits, st.integers(30, 6000), st.integers(600, 1_000_000))),
    st.integers(1, 8),
)
def test_whatever_happens_to_requests_no_place_leaks_and_no_bucket_overflows(plan, limits, places):
    async def main():
        pacer = Pacer(places, limits)
        most = 0

        async def one(tokens, seconds, fate):
            nonlocal most
            with await pacer.reserve(tokens) as held:
                most = max(most, pacer.in_flight)
                await asyncio.sleep(seconds)
                held.settle(tokens // 2)
                if fate == "fail":
                    raise ConnectionError

        tasks = [asyncio.ensure_future(one(*step)) for step in plan]
        await asyncio.sleep(3)
        for task, (_, _, fate) in zip(tasks, plan, strict=True):
            if fate == "cancel":
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert most <= places
        assert pacer.in_flight == 0
        assert all(bucket.level <= bucket.capacity for bucket in pacer._buckets.values())
        assert not pacer._queue
        with await pacer.reserve(1):
            assert pacer.in_flight == 1

    run(main())

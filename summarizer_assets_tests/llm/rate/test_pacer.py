"""The pace in virtual time: what goes when, exactly."""

import asyncio
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core import rate_schedule
from summarizer_assets.core.rate_schedule import Account, Ask, RateLimits
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.llm.rate.account import OwnAccount
from summarizer_assets.llm.rate.concurrency import Concurrency
from summarizer_assets.llm.rate.pacer import Pacer
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
    loop.call_at(end, pacer.stop)

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
        others = [asyncio.ensure_future(pacer.reserve(1)) for _ in range(4)]
        await asyncio.sleep(10)
        alone = pacer.in_flight
        with first:
            pass
        await asyncio.gather(*others)
        return alone, pacer.in_flight

    assert run(main()) == (1, 4)


@pytest.mark.parametrize("limits", [RateLimits(60_000), RateLimits(60_000, 1_000_000)])
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
        pacer.learn(OPENAI_CHAT.limits({"x-ratelimit-limit-requests": "9", "x-ratelimit-limit-tokens": "60000"}))
        first = pacer.limits
        for nonsense in ("0", "-5", "nan", "inf", "1e9", "", "many", "9" * 40):
            pacer.learn(OPENAI_CHAT.limits({"x-ratelimit-limit-tokens": nonsense}))
        second = pacer.limits
        pacer.learn(OPENAI_CHAT.limits({"anthropic-ratelimit-tokens-limit": "80000"}))
        return first, second, pacer.limits

    first, second, third = run(main())
    assert first == second == RateLimits(500, 60_000)
    assert third == RateLimits(500, 80_000)


@pytest.mark.parametrize(
    ("requests", "tokens", "bound"), [(3000, 100_000_000, "requests"), (100_000, 2_000_000, "tokens")]
)
@pytest.mark.parametrize("runs", [2, 4])
def test_runs_that_share_an_account_start_and_end_as_they_like_and_use_its_limit(runs, requests, tokens, bound):
    async def main():
        limit = Limit(requests, tokens)
        account = OwnAccount(RateLimits(requests, tokens))
        pacers = [Pacer(400, RateLimits(requests, tokens), keeper=account) for _ in range(runs)]

        async def work(number, pacer):
            await asyncio.sleep(number * 3)
            await saturate(pacer, limit, 60 - 7 * number, estimate=1500, truth=1000, latency=1.0)
            await pacer.aclose()

        working = asyncio.gather(*(work(number, pacer) for number, pacer in enumerate(pacers)))
        await asyncio.sleep(5)
        before = limit.served[bound]
        await asyncio.sleep(50)
        used = (limit.served[bound] - before) / (limit.rates[bound] * 50)
        await working
        return limit.refused, used, limit.served["requests"]

    refused, used, served = run(main())
    assert refused <= served / 1000
    assert 0.98 <= used <= 1.005


def test_a_run_with_little_to_do_takes_little():
    async def main():
        loop = asyncio.get_running_loop()
        limit = Limit(3000, 100_000_000)
        account = OwnAccount(RateLimits(requests=3000))
        busy, idle = (Pacer(400, RateLimits(requests=3000), keeper=account) for _ in range(2))
        waits = []

        async def now_and_then():
            for _ in range(20):
                asked = loop.time()
                with await idle.reserve(10):
                    waits.append(loop.time() - asked)
                await asyncio.sleep(1)

        await asyncio.gather(saturate(busy, limit, 25, estimate=10, truth=10, latency=1.0), now_and_then())
        return waits, limit.served["requests"] / 24 / 50  # the first goes alone, for a second

    waits, used = run(main())
    assert max(waits) < 1
    assert used > 0.97


def test_small_requests_do_not_starve_large_ones():
    async def main():
        loop = asyncio.get_running_loop()
        pacer = Pacer(200, RateLimits(tokens=600_000), first_alone=False)
        waits = {"small": [], "large": []}

        async def one(kind, tokens):
            while loop.time() < 30:
                asked = loop.time()
                with await pacer.reserve(tokens):
                    waits[kind].append(loop.time() - asked)
                    await asyncio.sleep(0.5)

        await asyncio.gather(*(one("small", 100) for _ in range(150)), *(one("large", 5000) for _ in range(3)))
        return {kind: sum(seen) / len(seen) for kind, seen in waits.items()}

    waits = run(main())
    assert waits["large"] < 1.5 * waits["small"] + 1


def test_estimates_are_corrected_by_what_requests_used():
    async def main():
        limit = Limit(100_000, 2_000_000)
        pacer = Pacer(400, RateLimits(tokens=2_000_000))
        await saturate(pacer, limit, 60, estimate=300, truth=1000, latency=1.0)
        return limit

    limit = run(main())
    assert limit.refused <= limit.served["requests"] / 1000 + 20  # before anything was known of them
    assert limit.served["tokens"] / 60 >= 0.95 * limit.rates["tokens"]


# Without known limits.


def test_places_double_until_the_first_throttle_and_then_grow_one_a_round():
    async def main():
        pacer = Pacer(64)
        seen = []

        async def round_():
            held = []
            while len(held) < pacer.places:
                held.append(await pacer.reserve(1))
            for one in held:
                pacer.succeeded()
                one.__exit__(None, None, None)
            seen.append(len(held))

        for _ in range(6):
            await round_()
        pacer.throttled(0.1, asyncio.get_running_loop().time(), 0.5)
        cut = pacer.places
        held = [await pacer.reserve(1) for _ in range(cut)]
        for one in held:
            pacer.succeeded()
            one.__exit__(None, None, None)
        return seen, cut, pacer.places

    seen, cut, later = run(main())
    assert seen == [1, 4, 8, 16, 32, 64]
    assert cut == 48
    assert later in (48, 49)


def test_places_that_are_not_used_do_not_grow():
    concurrency = Concurrency(64, first_alone=False)
    concurrency.cut()
    before = concurrency.places
    for _ in range(500):
        concurrency.succeeded(1)
    assert concurrency.places == before


def test_faults_cut_the_places_only_when_they_pile_up():
    concurrency = Concurrency(64, first_alone=False)
    for _ in range(60):
        concurrency.succeeded(60)
    full = concurrency.places
    for _ in range(100):
        concurrency.failed()
        concurrency.succeeded(full)
        concurrency.succeeded(full)
    assert concurrency.places == full == 64
    for _ in range(200):
        concurrency.failed()
    assert concurrency.places < 32


class Room:
    """A server that takes so many requests at once, and refuses more without a word of its limits."""

    def __init__(self, places: int, latency: float) -> None:
        self.places, self.latency, self.inside, self.refused, self.served = places, latency, 0, 0, 0

    async def ask(self, pacer: Pacer) -> None:
        loop = asyncio.get_running_loop()
        with await pacer.reserve(100) as held:
            sent_at = loop.time()
            if self.inside >= self.places:
                self.refused += 1
                held.settle(0)
                pacer.throttled(None, sent_at, 0.5)
                return
            self.inside += 1
            await asyncio.sleep(self.latency)
            self.inside -= 1
            self.served += 1
            pacer.succeeded()


def test_a_server_of_so_many_places_is_kept_busy_when_it_slows_down_and_when_it_recovers():
    async def main():
        loop = asyncio.get_running_loop()
        room, pacer = Room(32, 0.5), Pacer(256)

        async def worker():
            while loop.time() < 400:
                await room.ask(pacer)

        async def course():
            served = []
            for latency, seconds in ((0.5, 100), (5.0, 100), (0.5, 200)):
                room.latency = latency
                before = room.served
                await asyncio.sleep(seconds)
                served.append((room.served - before) / seconds / (room.places / latency))
            return served

        workers = [asyncio.ensure_future(worker()) for _ in range(256)]
        served = await course()
        await asyncio.gather(*workers)
        return served, room.refused / room.served

    (fast, slow, recovered), refused = run(main())
    assert fast > 0.7
    assert slow > 0.7
    assert recovered > 0.6
    assert refused < 0.05


def test_an_unannounced_rate_is_found_by_its_throttles_and_used():
    async def main():
        limit = Limit(3000, 1e12)
        pacer = Pacer(256)
        loop = asyncio.get_running_loop()
        end = 180.0

        async def worker():
            while loop.time() < end:
                with await pacer.reserve(100) as held:
                    sent_at = loop.time()
                    if limit.admits(100):
                        await asyncio.sleep(0.5)
                        pacer.succeeded()
                    else:
                        held.settle(0)
                        pacer.throttled(0.02, sent_at, 0.5)

        workers = [asyncio.ensure_future(worker()) for _ in range(256)]
        await asyncio.sleep(30)
        served, refused = limit.served["requests"], limit.refused
        await asyncio.gather(*workers)
        return (limit.served["requests"] - served) / 150 / 50, (limit.refused - refused) / limit.served["requests"]

    used, refused = run(main())
    assert used >= 0.9
    assert refused < 0.02


@pytest.mark.parametrize("places", [64, 512])
@pytest.mark.parametrize("told", [True, False], ids=["wait told", "no wait told"])
def test_a_rate_that_nobody_announced_costs_three_refusals_in_a_thousand_in_its_first_minute(places, told):
    async def main():
        limit, pacer, loop = Limit(3000, 1e12), Pacer(places), asyncio.get_running_loop()

        async def worker(number):
            while loop.time() < 60:
                with await pacer.reserve(100) as held:
                    sent_at = loop.time()
                    await asyncio.sleep(0.003)  # until it is there
                    if limit.admits(100):
                        await asyncio.sleep(0.2 + 0.2 * (number % 7) / 7)
                        pacer.succeeded()
                        held.settle(100)
                    else:
                        held.settle(0)
                        pacer.throttled(0.02 if told else None, sent_at, 0.5)

        await asyncio.gather(*(worker(number) for number in range(places)))
        return limit.refused / limit.served["requests"], limit.served["requests"] / 60 / 50

    refused, used = run(main())
    assert refused <= 0.003
    assert used >= 0.95


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 3), st.integers(1, 40), st.floats(1, 50_000), st.sampled_from(["lease", "throttle"])),
        min_size=1,
        max_size=60,
    ),
    st.builds(RateLimits, st.integers(30, 6000), st.integers(600, 1_000_000)),
)
def test_all_leases_of_an_account_together_never_exceed_its_limits(steps, given_limits):
    """Whatever is asked when: no stretch of time holds more than its refill, a burst and one request."""
    account, now = Account(), 1000.0
    come = {"requests": [], "tokens": []}
    largest = 0.0
    for pause, requests, tokens, kind in steps:
        now += pause
        if kind == "throttle":
            account = rate_schedule.throttled(account, now, 0.5, 1.0, given_limits)
            continue
        largest = max(largest, tokens / requests)
        account, lease = rate_schedule.lease(account, now, Ask(requests, tokens, tokens / requests), given_limits)
        for name, stretches in come.items():
            flow = getattr(lease, name)
            stretches.append((now + flow.start_s, now + flow.start_s + flow.amount / flow.rate, flow.amount))
    for name, most in (("requests", given_limits.requests / 60), ("tokens", given_limits.tokens / 60)):
        stretches = come[name]
        for earlier, later in itertools.pairwise(stretches):
            assert later[0] >= earlier[1] - 1e-6
        for start, end, amount in stretches:
            assert amount <= most * (end - start) * (1 + 1e-9) + 1e-6


def test_what_was_leased_and_not_used_can_be_leased_again():
    given_limits = RateLimits(requests=60)
    account, lease = rate_schedule.lease(Account(), 0.0, Ask(1, 0), given_limits)
    assert lease.requests.amount == 1
    account = rate_schedule.give_back(account, 0.0, 1, 0, given_limits)
    _, again = rate_schedule.lease(account, 0.0, Ask(1, 0), given_limits)
    assert again.requests.start_s == lease.requests.start_s


def test_a_throttle_under_known_limits_slows_all_down_for_a_while():
    given_limits = RateLimits(requests=6000, tokens=60_000)
    account = rate_schedule.throttled(Account(), 0.0, 2.0, 50.0, given_limits)
    _, lease = rate_schedule.lease(account, 0.0, Ask(5, 50, 10), given_limits)
    assert lease.requests.start_s == lease.tokens.start_s == 2.0
    assert rate_schedule.rates(account, 0.0, given_limits) == pytest.approx((95.0, 950.0))
    assert rate_schedule.rates(account, 60.0, given_limits) == (100.0, 1000.0)


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
def test_whatever_happens_to_requests_no_place_leaks(plan, limits, places):
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
        assert not pacer._queue
        with await pacer.reserve(1):
            assert pacer.in_flight == 1

    run(main())

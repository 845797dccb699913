"""The pace of runs that share an account in a store: its outages, its defects, one run's throttle, the end of a run."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.rate_schedule import BURST_S, Ask, RateLimits
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.llm.rate.account import OwnAccount
from summarizer_assets.llm.rate.pacer import Pacer
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.rate_limits import SharedAccount
from summarizer_assets_tests.llm.virtual_time import run

HIGH = RateLimits(requests=600_000)


class Store(SharedAccount):
    """The real one, which can be told to fail."""

    failure: Exception | None = None

    def lease(self, ask):
        if self.failure is not None:
            raise self.failure
        return super().lease(ask)

    def learn(self, announced):
        if self.failure is not None:
            raise self.failure
        super().learn(announced)


def store_in(folder, limits=HIGH):
    return Store(Database(str(folder / "state.sqlite")), "account", limits, lambda: 1)


def test_while_the_store_is_out_what_is_leased_is_spent_and_no_more_and_then_it_goes_on(tmp_path):
    async def main():
        store, sent = store_in(tmp_path), 0
        pacer = Pacer(1000, HIGH, keeper=store, first_alone=False)

        async def one():
            nonlocal sent
            with await pacer.reserve(1):
                sent += 1

        await asyncio.gather(*(one() for _ in range(50)))
        store.failure = StorageError("out")
        work = asyncio.gather(*(one() for _ in range(5000)))
        await asyncio.sleep(0.7)  # longer than a lease lasts, and than a store that failed is left alone
        before = sent
        await asyncio.sleep(0.7)
        during = sent
        store.failure = None
        await work
        await pacer.aclose()
        return before, during, sent

    before, during, after = asyncio.run(main())
    assert before == during < 5000
    assert after == 5050


def test_limits_that_were_announced_while_the_store_was_out_are_not_forgotten(tmp_path):
    async def main():
        store = store_in(tmp_path, RateLimits())
        store.failure = StorageError("out")
        pacer = Pacer(10, keeper=store, first_alone=False)
        pacer.learn(OPENAI_CHAT.limits({"x-ratelimit-limit-requests": "600"}))
        waiting = asyncio.ensure_future(pacer.reserve(1))
        await asyncio.sleep(0.2)
        early = waiting.done()
        store.failure = None
        with await waiting:
            pass
        await pacer.aclose()
        return early, store_in(tmp_path, RateLimits()).lease(Ask(1, 1)).requests.rate

    early, rate = asyncio.run(main())
    assert not early
    assert rate == 10


@pytest.mark.parametrize("limits", [HIGH, RateLimits()])
def test_a_keeper_that_breaks_is_an_error_of_those_who_ask_and_nobody_waits_for_ever(tmp_path, limits):
    async def main():
        store = store_in(tmp_path, limits)
        store.failure = ZeroDivisionError("a defect")
        pacer = Pacer(4, limits, keeper=store, first_alone=False)

        async def one():
            while True:
                with await pacer.reserve(1):
                    await asyncio.sleep(0.01)

        async with asyncio.timeout(30):
            ended = await asyncio.gather(*(one() for _ in range(20)), return_exceptions=True)
            await pacer.aclose()
        return ended, pacer.in_flight, pacer._queue

    ended, in_flight, queue = asyncio.run(main())
    assert {type(error) for error in ended} == {ZeroDivisionError}
    assert in_flight == 0
    assert not queue


def test_a_throttle_of_one_run_holds_back_another_that_knows_no_limits_either(tmp_path):
    async def main():
        loop = asyncio.get_running_loop()
        one, other = (Pacer(4, keeper=store_in(tmp_path, RateLimits()), first_alone=False) for _ in range(2))
        one.throttled(60.0, loop.time(), 0.5)
        await asyncio.gather(*one._leases._calls)  # told
        with await other.reserve(1):
            await asyncio.gather(*other._leases._calls)  # and heard
        waiting = asyncio.ensure_future(other.reserve(1))
        await asyncio.sleep(0.1)
        held = not waiting.done()
        other.stop()
        with await waiting:
            pass
        await one.aclose()
        await other.aclose()
        return held, other.cooldown_s

    held, cooldown = asyncio.run(main())
    assert held
    assert 50 < cooldown <= 60


def served_run(folder, most=64, rounds=1, throttled=False):
    """A run whose requests are all served, each of a round in flight together: how many went in each round."""

    async def main():
        pacer, seen = Pacer(most, keeper=store_in(folder, RateLimits())), []
        for _ in range(rounds):
            held = [await pacer.reserve(1)]
            await asyncio.gather(*pacer._leases._calls)  # what the account knows is heard before the first reply
            while len(held) < pacer.places:
                held.append(await pacer.reserve(1))
            for one in held:
                pacer.succeeded()
                one.__exit__(None, None, None)
            seen.append(len(held))
        if throttled:
            pacer.throttled(0.0, asyncio.get_running_loop().time(), 0.5)
        await pacer.aclose()
        return seen

    return asyncio.run(main())


def test_a_run_asks_alone_once_and_then_begins_with_as_many_places_as_the_last_one_had(tmp_path):
    assert served_run(tmp_path, rounds=5) == [1, 4, 8, 16, 32]
    assert served_run(tmp_path, rounds=2) == [1, 32]
    assert served_run(tmp_path, most=16, rounds=2) == [1, 16]
    assert served_run(tmp_path, rounds=2) == [1, 32]


def test_after_a_throttle_of_any_run_the_next_begins_with_few(tmp_path):
    served_run(tmp_path, rounds=5)
    served_run(tmp_path, rounds=1, throttled=True)
    assert served_run(tmp_path, rounds=2)[1] == 4


def test_an_outage_makes_a_run_begin_with_few_whatever_an_earlier_one_had(tmp_path):
    async def main():
        pacer = Pacer(64, keeper=store_in(tmp_path, RateLimits()), first_alone=False)
        with await pacer.reserve(1):
            await asyncio.gather(*pacer._leases._calls)
        before = pacer.places
        pacer.restart()
        pacer._leased(0.0)
        return before, pacer.places

    served_run(tmp_path, rounds=5)
    assert asyncio.run(main()) == (32, 4)


def test_what_a_run_did_not_use_is_there_for_the_next_when_it_ends(tmp_path):
    limits = RateLimits(requests=600)

    async def main():
        one = Pacer(100, limits, keeper=store_in(tmp_path, limits), first_alone=False)
        waiting = [asyncio.ensure_future(one.reserve(1)) for _ in range(30)]
        with await waiting[0]:
            pass
        for task in waiting[1:]:
            task.cancel()
        for place in await asyncio.gather(*waiting[1:], return_exceptions=True):
            if not isinstance(place, asyncio.CancelledError):
                place.__exit__(None, None, None)
        await one.aclose()

    asyncio.run(main())
    flow = store_in(tmp_path, limits).lease(Ask(1, 1)).requests
    assert flow.start_s <= 0.1  # a request is 0.1 s of the limit


def test_who_is_cancelled_just_after_the_turn_came_takes_nothing():
    async def main():
        limits = RateLimits(requests=6000, tokens=600_000)
        account = OwnAccount(limits)
        pacer = Pacer(1, limits, keeper=account, first_alone=False)
        with await pacer.reserve(50):
            waiting = asyncio.ensure_future(pacer.reserve(70))
            await asyncio.sleep(5)
        waiting.cancel()  # its turn came when the block above ended; it has not run since
        await asyncio.gather(waiting, return_exceptions=True)
        await pacer.aclose()
        lease = account.lease(Ask(1, 1, 1))
        return waiting.cancelled(), pacer.in_flight, lease.requests.start_s, lease.tokens.start_s

    assert run(main()) == (True, 0, pytest.approx(-BURST_S), pytest.approx(-BURST_S))


def test_tokens_used_beyond_the_estimate_are_paid_for_by_whoever_comes_next():
    async def main():
        limits = RateLimits(tokens=60_000)
        account = OwnAccount(limits)
        pacer = Pacer(4, limits, keeper=account, first_alone=False)
        with await pacer.reserve(100) as held:
            held.settle(20_100)
        await pacer.aclose()
        return account.lease(Ask(1, 1, 1)).tokens.start_s

    assert run(main()) == pytest.approx(20, abs=0.5)


_PLAN = st.lists(
    st.tuples(
        st.integers(0, 2000),
        st.integers(0, 4000),
        st.floats(0, 5),
        st.floats(0, 5),
        st.sampled_from(["settle", "fail", "cancel"]),
    ),
    max_size=30,
)


@settings(max_examples=100, deadline=None)
@given(_PLAN, _PLAN, st.builds(RateLimits, st.integers(60, 6000), st.integers(6000, 1_000_000)))
def test_when_all_runs_have_ended_no_more_of_the_account_is_taken_than_they_used(first, second, limits):
    """Whoever asks next need not wait, but for the last request, which goes before its refill, and for debts."""

    async def main():
        loop = asyncio.get_running_loop()
        account, largest, beyond = OwnAccount(limits), 0, 0

        async def one(pacer, estimate, truth, seconds, fate):
            nonlocal beyond, largest
            with await pacer.reserve(estimate) as held:
                largest = max(largest, 5 * estimate)  # as corrected, at most
                await asyncio.sleep(seconds)
                if fate == "settle":
                    held.settle(truth)
                    beyond += max(0, truth - estimate // 10)  # told after it was used
                if fate == "fail":
                    raise ConnectionError

        async def work(plan):
            pacer = Pacer(8, limits, keeper=account)
            tasks = []
            for estimate, truth, pause, seconds, fate in plan:
                task = asyncio.ensure_future(one(pacer, estimate, truth, seconds, fate))
                tasks.append(task)
                if fate == "cancel":
                    loop.call_later(pause, task.cancel)
            await asyncio.gather(*tasks, return_exceptions=True)
            assert pacer.in_flight == 0
            await pacer.aclose()

        await asyncio.gather(work(first), work(second))
        assert (account._account.requests_at - loop.time()) * limits.requests / 60 <= 1 + 1e-6
        assert (account._account.tokens_at - loop.time()) * limits.tokens / 60 <= largest + beyond + 1e-6

    run(main())

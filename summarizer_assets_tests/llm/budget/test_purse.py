import asyncio
import subprocess
import tempfile
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.answers.usage import estimated_usage
from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.core.money.spending import Booking, Grant, PastUnknown, Wish
from summarizer_assets.llm.budget.leased_purse import LeasedPurse
from summarizer_assets.llm.budget.purse import BudgetReached, FreePurse, Purse
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.ledger import SpendLedger
from testing.table_rows import lines_of, start

PRICE = Price.per_million(1, 10)  # a prompt token costs 1,000 nano-dollars, an answer's 10,000
MOST = Usage(1000, 100)
AMOUNT = PRICE.cost(MOST)  # 2,000,000
TOKENS = (MOST.prompt_tokens, MOST.completion_tokens)


def ledger_in(folder: Path, **options: Any) -> SpendLedger:
    return SpendLedger(Database(str(folder / "state.sqlite")), "root", **options)


def purse_on(ledger: SpendLedger, cap: int | None, run: str = "run", book_every_s: float = 0.02) -> LeasedPurse:
    return LeasedPurse(ledger.account(run, "0001"), PRICE, cap, outage=StorageError, book_every_s=book_every_s)


async def bought(purse: Purse, usage: Usage = MOST, *, wasted: bool = False) -> None:
    with await purse.hold(MOST.prompt_tokens, MOST.completion_tokens) as hold:
        await asyncio.sleep(0)
        hold.spent(usage, wasted=wasted)


async def bought_for_ever(purse: Purse, usage: Usage) -> None:
    while True:
        await bought(purse, usage)


def run(main: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(main, 60))


# One run.


def test_what_a_run_spent_is_in_the_ledger_and_nothing_stays_reserved(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)

    async def main() -> None:
        purse = purse_on(ledger, None)
        await bought(purse, Usage(500, 50, 400))
        await bought(purse, Usage(100, 10), wasted=True)
        with await purse.hold(1000, 100) as hold:
            hold.free()
        with pytest.raises(ConnectionError), await purse.hold(1000, 100):
            raise ConnectionError
        await purse.aclose()
        await purse.aclose()
        spent = 500 * 1000 + 50 * 10_000 + 100 * 1000 + 10 * 10_000
        told = purse.spending
        assert (told.spent, told.wasted, told.uncertain) == (spent, 200_000, AMOUNT)
        assert (told.in_all_spent, told.in_all_uncertain, told.cap) == (spent, AMOUNT, None)

    run(main())
    totals = ledger.totals()
    assert totals == {
        "spent": 1_200_000,
        "wasted": 200_000,
        "uncertain": AMOUNT,
        "reserved": 0,
        "prompt_tokens": 600,
        "cached_tokens": 400,
        "completion_tokens": 60,
        "requests": 3,
    }
    assert ledger.audit() == []


def test_a_run_stops_before_the_cap_and_a_higher_cap_goes_on(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)

    async def buy(cap: int) -> tuple[int, str]:
        purse, count = purse_on(ledger, cap), 0
        try:
            while True:
                await bought(purse)
                count += 1
        except BudgetReached as reached:
            with pytest.raises(BudgetReached):
                await purse.hold(1, 1)
            return count, str(reached)
        finally:
            await purse.aclose()

    count, said = run(buy(5 * AMOUNT + AMOUNT // 2))
    assert count == 5
    assert "$0.01 spent of $0.011 (SUMMARIZER_BUDGET_USD)" in said
    assert "the next request may cost $0.002" in said
    assert "raise SUMMARIZER_BUDGET_USD" in said
    assert run(buy(5 * AMOUNT + AMOUNT // 2))[0] == 0
    assert run(buy(8 * AMOUNT))[0] == 3
    assert ledger.totals()["spent"] == 8 * AMOUNT
    assert ledger.audit() == []


def test_what_the_broken_connections_may_have_cost_is_told_with_the_budget(tmp_path: Path) -> None:
    async def main() -> None:
        purse = purse_on(ledger_in(tmp_path), 2 * AMOUNT)
        with await purse.hold(1000, 100):
            pass
        await bought(purse)
        with pytest.raises(BudgetReached, match=r"\$0.002 spent and \$0.002 that may have been billed of \$0.004"):
            await purse.hold(1000, 100)
        await purse.aclose()

    run(main())


def test_requests_under_way_make_room_for_those_that_wait_in_their_order(tmp_path: Path) -> None:
    async def main() -> None:
        purse = purse_on(ledger_in(tmp_path), 2 * AMOUNT)
        first, second = [await purse.hold(1000, 100) for _ in range(2)]
        order: list[int] = []

        async def wait(number: int, tokens: int) -> None:
            with await purse.hold(tokens, 100) as hold:
                order.append(number)
                hold.free()

        waiting = [asyncio.create_task(wait(number, tokens)) for number, tokens in enumerate((1000, 1, 500))]
        await asyncio.sleep(0.1)
        assert order == []
        first.free()
        second.spent(Usage(1, 1))
        await asyncio.gather(*waiting)
        assert order == [0, 1, 2]
        await purse.aclose()

    run(main())


def test_usage_beyond_what_a_request_allows_costs_what_was_told(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)

    async def main() -> None:
        purse = purse_on(ledger, None)
        await bought(purse, Usage(9_999_999, 9_999_999))
        assert purse.spending.spent == PRICE.cost(Usage(9_999_999, 9_999_999))
        await purse.aclose()

    run(main())
    assert ledger.totals()["spent"] == PRICE.cost(Usage(9_999_999, 9_999_999))
    assert ledger.totals()["prompt_tokens"] == 9_999_999


def test_once_a_reply_cost_forty_times_its_bound_all_requests_are_held_by_that_those_under_way_too(
    tmp_path: Path,
) -> None:
    ledger = ledger_in(tmp_path)
    worse = Usage(MOST.prompt_tokens, 40 * MOST.completion_tokens + 39 * MOST.prompt_tokens // 10)  # 40 bounds

    async def main() -> None:
        purse = purse_on(ledger, 1000 * AMOUNT)
        holds = [await purse.hold(*TOKENS) for _ in range(4)]
        holds[0].spent(worse)
        waiting = asyncio.create_task(purse.hold(*TOKENS))
        await asyncio.sleep(0.2)
        assert ledger.totals()["reserved"] >= 3 * 40 * AMOUNT
        assert not waiting.done()  # there is money, but one reply is not enough to go by for more than one at once
        assert not any(hold.covered for hold in holds[1:])
        for hold in holds[1:]:
            hold.spent(worse)
        (await waiting).free()
        with pytest.raises(BudgetReached, match=r"for a reply was billed 40 times what its request allows"):
            await bought_for_ever(purse, worse)
        await purse.aclose()

    run(main())
    assert ledger.totals()["spent"] <= 1000 * AMOUNT
    assert ledger.audit() == []

    async def another() -> None:
        purse = purse_on(ledger, ledger.totals()["spent"] + 39 * AMOUNT, "another")
        with pytest.raises(BudgetReached):
            await purse.hold(*TOKENS)
        await purse.aclose()

    run(another())


@pytest.mark.parametrize("cap", [None, 100 * AMOUNT], ids=["no cap", "a cap"])
def test_where_no_usage_is_told_a_budget_is_charged_the_whole_hold_and_nobody_learns_from_it(
    tmp_path: Path, cap: int | None
) -> None:
    ledger = ledger_in(tmp_path)

    async def main() -> None:
        purse = purse_on(ledger, cap)
        for _ in range(3):
            assumed = purse.assumed(MOST.prompt_tokens, 30, MOST.completion_tokens)
            with await purse.hold(*TOKENS) as hold:
                hold.spent(assumed, told=False)
        await purse.aclose()

    run(main())
    each = PRICE.cost(estimated_usage(MOST.prompt_tokens, 30)) if cap is None else AMOUNT
    assert ledger.totals()["spent"] == 3 * each


def test_without_a_cap_nobody_waits_for_the_ledger_and_hundreds_of_requests_share_a_booking(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)
    calls = []

    class Counting:
        lease_s = 60.0
        settle_of = ledger.account("run", "0001").settle

        def settle(self, booking: Booking, wish: Wish, cap: int | None) -> Grant:
            calls.append(wish)
            return type(self).settle_of(booking, wish, cap)

    async def main() -> None:
        purse = LeasedPurse(Counting(), PRICE, None, outage=StorageError)
        holds = [await purse.hold(1000, 100) for _ in range(500)]
        assert calls == []
        for hold in holds:
            hold.spent(MOST)
        await purse.aclose()

    run(main())
    assert len(calls) <= 3
    assert ledger.totals()["spent"] == 500 * AMOUNT


def test_a_cancelled_request_leaves_nothing_held_whether_it_waited_or_just_got_its_turn(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path)

    async def main() -> None:
        purse = purse_on(ledger, 2 * AMOUNT)
        holds = [await purse.hold(1000, 100) for _ in range(2)]
        waiting = [asyncio.create_task(bought(purse)) for _ in range(2)]
        await asyncio.sleep(0.05)
        waiting[1].cancel()
        holds[0].free()  # the first one's turn comes
        waiting[0].cancel()  # before it can run
        await asyncio.gather(*waiting, return_exceptions=True)
        holds[1].free()
        holds = [await purse.hold(1000, 100) for _ in range(2)]
        for hold in holds:
            hold.free()
        await purse.aclose()

    run(main())
    assert ledger.totals()["spent"] == ledger.totals()["uncertain"] == ledger.totals()["reserved"] == 0


def test_when_told_to_stop_whoever_waits_goes_on_at_once_with_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        purse = purse_on(ledger_in(tmp_path), AMOUNT)
        held = await purse.hold(1000, 100)
        waiting = asyncio.create_task(purse.hold(1000, 100))
        await asyncio.sleep(0.05)
        purse.stop()
        (await waiting).free()
        (await purse.hold(10**9, 10**9)).free()
        held.free()
        await purse.aclose()
        assert purse.spending.spent == purse.spending.uncertain == 0

    run(main())


def test_holds_still_open_when_the_purse_is_closed_are_uncertain_and_nothing_is_paid_from_it_any_more(
    tmp_path: Path,
) -> None:
    ledger = ledger_in(tmp_path)

    async def main() -> None:
        purse = purse_on(ledger, 10 * AMOUNT)
        hold = await purse.hold(1000, 100)
        await purse.aclose()
        hold.spent(MOST)
        with pytest.raises(RuntimeError, match="closed"):
            await purse.hold(1, 1)

    run(main())
    assert (ledger.totals()["spent"], ledger.totals()["uncertain"], ledger.totals()["reserved"]) == (0, AMOUNT, 0)


def test_a_free_purse_holds_and_counts_nothing() -> None:
    async def main() -> None:
        purse = FreePurse()
        await bought(purse)
        with await purse.hold(10**12, 10**12):
            pass
        purse.stop()
        await purse.aclose()
        assert purse.spending is None

    run(main())


# A ledger that does not answer.


class Moody:
    """A real account whose store is away while `away` is set."""

    def __init__(self, ledger: SpendLedger, lease_s: float) -> None:
        self.lease_s = lease_s
        self.away = False
        self._account = ledger.account("run", "0001")

    def settle(self, booking: Booking, wish: Wish, cap: int | None) -> Grant:
        if self.away:
            raise StorageError("the state store does not answer")
        return self._account.settle(booking, wish, cap)


@pytest.mark.parametrize("cap", [None, 100 * AMOUNT], ids=["no cap", "a cap"])
def test_a_ledger_that_is_away_for_a_moment_loses_no_booking(tmp_path: Path, cap: int | None) -> None:
    ledger = ledger_in(tmp_path)

    async def main() -> None:
        account = Moody(ledger, lease_s=60.0)
        purse = LeasedPurse(account, PRICE, cap, outage=StorageError, book_every_s=0.02)
        await bought(purse)
        account.away = True
        hold = None if cap else await purse.hold(1000, 100)
        waiting = asyncio.create_task(bought(purse))
        await asyncio.sleep(0.2)
        account.away = False
        await waiting
        if hold is not None:
            hold.spent(MOST)
        await purse.aclose()
        assert purse.spending.spent == (2 + (cap is None)) * AMOUNT

    run(main())
    assert ledger.totals()["spent"] == (2 + (cap is None)) * AMOUNT
    assert ledger.audit() == []


def test_what_is_reserved_can_be_spent_while_the_ledger_is_away(tmp_path: Path) -> None:
    async def main() -> None:
        account = Moody(ledger_in(tmp_path), lease_s=60.0)
        purse = LeasedPurse(account, PRICE, 2 * AMOUNT, outage=StorageError, book_every_s=0.02)
        holds = await asyncio.gather(*(purse.hold(1000, 100) for _ in range(2)))
        account.away = True
        for hold in holds:
            hold.free()
        await asyncio.sleep(0.2)  # it fails to give back what nobody needs now
        for _ in range(2):
            with await asyncio.wait_for(purse.hold(1000, 100), 5) as hold:
                hold.spent(MOST)
        account.away = False
        await purse.aclose()
        assert purse.spending.spent == 2 * AMOUNT

    run(main())


@pytest.mark.parametrize("cap", [None, 100 * AMOUNT], ids=["no cap", "a cap"])
def test_a_run_does_not_go_on_for_longer_than_a_lease_without_its_ledger(tmp_path: Path, cap: int | None) -> None:
    async def main() -> None:
        account = Moody(ledger_in(tmp_path), lease_s=0.1)
        account.away = True
        purse = LeasedPurse(account, PRICE, cap, outage=StorageError, book_every_s=0.02)

        async def buy() -> None:
            while True:
                await bought(purse)
                await asyncio.sleep(0.02)

        with pytest.raises(StorageError, match="does not answer"):
            await buy()
        with pytest.raises(StorageError):
            await purse.aclose()

    run(main())


def test_a_run_whose_ledger_is_lost_meanwhile_pays_for_no_more_and_its_end_says_so(tmp_path: Path) -> None:
    ledger = ledger_in(tmp_path, in_tables=lambda: AMOUNT)
    ledger.raise_to(AMOUNT)

    def lose() -> None:
        for file in tmp_path.glob("state.sqlite*"):
            file.unlink()

    async def main() -> None:
        purse = purse_on(ledger, 100 * AMOUNT)
        await bought(purse)
        lose()

        async def buy() -> None:
            while True:
                await bought(purse)

        with pytest.raises(BudgetReached, match="knows nothing of what was spent"):
            await buy()
        with pytest.raises(PastUnknown):
            await purse.aclose()

    run(main())
    assert ledger.totals()["spent"] == 0


# Several runs.


def test_two_runs_that_each_hold_half_of_what_is_left_both_end(tmp_path: Path) -> None:
    """The one gets what the other cannot use; nobody waits for ever."""
    ledger = ledger_in(tmp_path)

    async def buy(purse: LeasedPurse) -> int:
        count = 0
        with suppress(BudgetReached):
            while True:
                await bought(purse)
                count += 1
        await purse.aclose()
        return count

    async def main() -> list[int]:
        return await asyncio.gather(*(buy(purse_on(ledger, 9 * AMOUNT + AMOUNT // 2, f"run{n}")) for n in range(2)))

    assert sum(run(main())) == 9
    assert ledger.totals()["spent"] == 9 * AMOUNT
    assert ledger.audit() == []


def test_a_run_waits_for_what_another_has_under_way(tmp_path: Path) -> None:
    async def main() -> None:
        ledger = ledger_in(tmp_path)
        one, other = (purse_on(ledger, AMOUNT, name) for name in ("one", "other"))
        held = await one.hold(1000, 100)
        waiting = asyncio.create_task(bought(other))
        await asyncio.sleep(0.2)
        assert not waiting.done()
        held.free()
        await waiting
        with pytest.raises(BudgetReached):
            await one.hold(1000, 100)
        await one.aclose()
        await other.aclose()

    run(main())


Request = tuple[int, int, str]
outcomes = st.sampled_from(["spent", "less", "free", "doubt"])
requests = st.lists(st.tuples(st.integers(1, 1000), st.integers(1, 100), outcomes), max_size=12)


class Market:
    """Runs that buy side by side from one ledger, and what they should have booked."""

    def __init__(self, ledger: SpendLedger, cap: int) -> None:
        self.ledger = ledger
        self.cap = cap
        self.spent = self.uncertain = 0
        self.refused: list[int] = []

    async def run(self, name: str, requests: list[Request], wide: int) -> None:
        purse, queue = purse_on(self.ledger, self.cap, name, 0.01), list(requests)

        async def worker() -> None:
            with suppress(BudgetReached):
                while queue:
                    await self.buy(purse, *queue.pop())

        await asyncio.gather(*(worker() for _ in range(wide)))
        await purse.aclose()

    async def buy(self, purse: LeasedPurse, asked: int, said: int, outcome: str) -> None:
        amount = PRICE.most(asked, said)
        try:
            hold = await purse.hold(asked, said)
        except BudgetReached:
            self.refused.append(amount)
            raise
        with hold:
            totals = self.ledger.totals()
            assert totals["spent"] + totals["uncertain"] + totals["reserved"] <= self.cap
            for _ in range(asked % 4):
                await asyncio.sleep(0.001 * (said % 3))
            if outcome == "free":
                hold.free()
            elif outcome == "doubt":
                self.uncertain += amount
            else:
                usage = Usage(asked, said) if outcome == "spent" else Usage(asked // 2, said // 3, asked // 4)
                hold.spent(usage, wasted=said % 2 == 0)
                self.spent += PRICE.cost(usage)


@settings(max_examples=40, deadline=None)
@given(runs=st.lists(requests, min_size=1, max_size=4), share=st.integers(0, 130), wide=st.integers(1, 4))
def test_however_runs_interleave_the_cap_is_kept_and_every_sum_agrees(
    runs: list[list[Request]], share: int, wide: int
) -> None:
    """`share`: the cap in percent of what all requests may cost together; `wide`: requests of a run at once."""
    cap = sum(PRICE.most(asked, said) for requests in runs for asked, said, _ in requests) * share // 100

    async def main(market: Market) -> None:
        await asyncio.gather(*(market.run(f"run{number}", requests, wide) for number, requests in enumerate(runs)))

    with tempfile.TemporaryDirectory() as folder:
        market = Market(ledger_in(Path(folder)), cap)
        run(main(market))
        totals = market.ledger.totals()
        assert market.ledger.audit() == []
    assert (totals["spent"], totals["uncertain"], totals["reserved"]) == (market.spent, market.uncertain, 0)
    assert totals["spent"] + totals["uncertain"] <= cap
    if market.refused:
        assert cap - totals["spent"] - totals["uncertain"] < max(market.refused)
        assert share < 100


@settings(max_examples=30, deadline=None)
@given(
    replies=st.lists(st.sampled_from(["told", "not told", "broken"]), min_size=1, max_size=8),
    times=st.integers(1, 40),
)
def test_what_told_nothing_is_booked_by_what_others_told_before_or_after(replies: list[str], times: int) -> None:
    """A provider that bills each request so many `times` what it allows."""

    async def main(ledger: SpendLedger) -> None:
        purse = purse_on(ledger, 10**12, book_every_s=0.01)
        for reply in replies:
            with await purse.hold(*TOKENS) as hold:
                if reply == "told":
                    hold.spent(Usage(times * TOKENS[0], times * TOKENS[1]))
                elif reply == "not told":
                    hold.spent(purse.assumed(TOKENS[0], 0, TOKENS[1]), told=False)
        await purse.aclose()

    with tempfile.TemporaryDirectory() as folder:
        ledger = ledger_in(Path(folder))
        run(main(ledger))
        totals = ledger.totals()
        assert ledger.audit() == []
    billed = len(replies) * AMOUNT * (times if "told" in replies else 1)
    assert (totals["spent"] + totals["uncertain"], totals["reserved"]) == (billed, 0)


# Runs in processes of their own.

BUYER = (
    "import asyncio, sys\n"
    "from summarizer_assets.core.money.amounts import Usage\n"
    "from summarizer_assets.llm.budget.purse import BudgetReached\n"
    "from summarizer_assets_tests.llm.budget.test_purse import MOST, Path, ledger_in, purse_on\n"
    "async def main(folder, cap, name, hang):\n"
    "    purse, bought = purse_on(ledger_in(Path(folder)), int(cap), name), 0\n"
    "    async def one():\n"
    "        nonlocal bought\n"
    "        while True:\n"
    "            with await purse.hold(*MOST_TOKENS) as hold:\n"
    "                if bought >= int(hang) >= 0:\n"
    "                    print('hanging', flush=True); await asyncio.sleep(600)\n"
    "                await asyncio.sleep(0.002)\n"
    "                hold.spent(MOST); bought += 1\n"
    "    ended = await asyncio.gather(*(one() for _ in range(4)), return_exceptions=True)\n"
    "    assert all(isinstance(end, BudgetReached) for end in ended), ended\n"
    "    await purse.aclose(); print(bought, flush=True)\n"
    "MOST_TOKENS = (MOST.prompt_tokens, MOST.completion_tokens)\n"
    "asyncio.run(main(*sys.argv[1:]))\n"
)


def buyer(folder: Path, cap: int, name: str, hang: int = -1) -> subprocess.Popen[str]:
    return start(BUYER, folder, cap, name, hang)


def test_four_processes_together_spend_the_budget_and_no_more(tmp_path: Path) -> None:
    cap = 200 * AMOUNT + AMOUNT // 3
    processes = [buyer(tmp_path, cap, f"run{number}") for number in range(4)]
    bought = sum(int(lines_of(process)[0]) for process in processes)
    ledger = ledger_in(tmp_path)
    assert bought == 200
    assert ledger.totals()["spent"] == 200 * AMOUNT
    assert ledger.totals()["reserved"] == 0
    assert ledger.audit() == []


def test_what_a_killed_process_had_reserved_counts_as_uncertain_until_a_person_releases_it(tmp_path: Path) -> None:
    cap = 60 * AMOUNT
    dead = buyer(tmp_path, cap, "dead", hang=10)
    assert dead.stdout is not None
    assert dead.stdout.readline().strip() == "hanging"
    dead.kill()
    dead.communicate()
    ledger = ledger_in(tmp_path)
    left = ledger.totals()
    assert left["spent"] + left["reserved"] >= 10 * AMOUNT  # what it bought is booked, or in what it had reserved
    bought = int(lines_of(buyer(tmp_path, cap, "next"))[0])
    totals = ledger.totals()
    assert totals["uncertain"] == left["reserved"] > 0
    assert totals["spent"] == left["spent"] + bought * AMOUNT
    assert cap - AMOUNT < totals["spent"] + totals["uncertain"] <= cap
    assert ledger.release_uncertain() == totals["uncertain"]
    assert int(lines_of(buyer(tmp_path, cap, "last"))[0]) == (cap - totals["spent"]) // AMOUNT
    assert ledger.totals()["spent"] == cap
    assert ledger.audit() == []

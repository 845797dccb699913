"""The purse of a run that pays: it reserves money for many requests at once from a ledger that all runs share.

What it has reserved is in three places: free for requests to come, held by requests under way (`reserve.py`), and what
was spent of it and is not booked yet. A task talks to the ledger about once a second, and at once when requests wait:
it books what was spent, renews the reserve, and makes it as large as the last seconds' spending suggests.

Requests that wait are served in their order. When the ledger has not enough for the first one, all that is free is
given back, so that two runs never wait for what the other cannot use, and it is asked again when requests settle here,
and now and then. When what is left would not do even if nothing were under way anywhere, the budget is reached.

Without a cap nobody waits: the reserve may run into debt, and only serves that a run that dies leaves its mark.
What a reply tells is booked, also where it is more than was held: then all requests, those under way too, are held by
what was seen, those that told nothing before are booked by it, and nothing is sent until the ledger has that reserved.
"""

import asyncio
from collections import deque
from typing import Final

from summarizer_assets.core.answers.usage import estimated_usage
from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.core.money.excess import NOTHING_SEEN, Excess
from summarizer_assets.core.money.spending import Booking, Grant, PastUnknown, Spending, Wish, used_up
from summarizer_assets.llm.budget.purse import NOTHING, Account, BudgetReached, Hold
from summarizer_assets.llm.budget.reserve import Reserve

_BOOK_EVERY_S: Final = 1.0
_ASK_AGAIN_S: Final = 0.2  # while requests wait for what is under way elsewhere, or when the reserve runs low
_GATHER_S: Final = 0.02  # between two calls, so that many requests share one
_AHEAD_S: Final = 2.0  # so many seconds of spending are reserved beyond what is under way


class LeasedPurse:
    """One run's money (see `Purse`).

    Args:
        account: of the run.
        price: what tokens cost.
        cap: nano-dollars that all runs may spend in all; None: no cap.
        outage: what `account` raises when the ledger does not answer. The run goes on with what it has reserved, or,
            without a cap, as before, for as long as a lease lasts; then `hold` raises it.
        book_every_s: seconds between two bookings.
    """

    def __init__(
        self,
        account: Account,
        price: Price,
        cap: int | None,
        *,
        outage: type[Exception],
        book_every_s: float = _BOOK_EVERY_S,
    ) -> None:
        self._account = account
        self._price = price
        self._cap = cap
        self._outage = outage
        self._book_every_s = book_every_s
        self._ask_again_s = min(_ASK_AGAIN_S, book_every_s)
        self._reserve = Reserve()
        self._open = Booking()
        self._booked = Booking()  # of this run, with what is just being booked
        self._ahead = 0  # aimed at, for `_free`
        self._largest = 0  # of the bounds
        self._measured_at = self._called_at = self._low_at = 0.0
        self._spent_since = 0
        self._waiting: deque[tuple[asyncio.Future[bool], int]] = deque()
        self._wake = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._in_all: Grant | None = None
        self._over: str | None = None
        self._disowned = False  # by the ledger, which knows nothing of what was spent before
        self._broken: Exception | None = None
        self._out_since: float | None = None
        self._stopped = self._closed = False

    @property
    def spending(self) -> Spending:
        run, fresh, in_all = self._booked + self._open, self._open, self._in_all
        return Spending(
            run.spent,
            run.wasted,
            run.uncertain,
            None if in_all is None else in_all.spent + fresh.spent,
            None if in_all is None else in_all.uncertain + fresh.uncertain,
            self._cap,
        )

    async def hold(self, prompt_tokens_at_most: int, completion_tokens_at_most: int) -> Hold:
        """See `Purse`."""
        if self._stopped:
            return NOTHING
        self._check()
        if self._keeper is None:
            self._keeper = asyncio.get_running_loop().create_task(self._keep(), name="purse")
        bound = self._price.most(prompt_tokens_at_most, completion_tokens_at_most)
        if self._cap is not None and (self._waiting or not self._reserve.affords(bound)):
            if not await self._turn(bound):
                self._check()
                return NOTHING
        else:
            self._take(bound)
        return Hold(self, bound)

    def assumed(self, prompt_bytes: int, reply_bytes: int, most_output_tokens: int) -> Usage:
        """See `Purse`."""
        if self._cap is None:
            return estimated_usage(prompt_bytes, reply_bytes)
        seen = self._reserve.excess.seen
        return self._price.at_most(seen(prompt_bytes), seen(most_output_tokens))

    def stop(self) -> None:
        """See `Purse`."""
        self._stopped = True
        self._dismiss()

    async def aclose(self) -> None:
        """See `Purse`.

        Raises:
            Exception: `outage`; the ledger then counts all that was reserved as uncertain.
            PastUnknown: the ledger was lost meanwhile; nothing is known of what was spent since the last booking.
        """
        if self._closed:
            return
        self._closed = True
        self._dismiss()
        self._wake.set()
        if self._keeper is None:
            return
        try:
            await self._keeper
        finally:
            self._open.uncertain += self._reserve.excess.seen(self._reserve.bounds)
            self._reserve = Reserve()
            if self._open != Booking() or not self._disowned:
                await self._call(Wish())

    # The requests' side.

    def _check(self) -> None:
        if self._over is not None:
            raise BudgetReached(self._over)
        if self._broken is not None:
            raise self._broken
        if self._closed:
            raise RuntimeError("the purse is closed; nothing is paid from it any more")

    def _take(self, bound: int) -> None:
        self._reserve.take(bound)
        self._largest = max(self._largest, bound)
        if self._reserve.free < self._ahead >> 1 and not self._wake.is_set():
            loop = asyncio.get_running_loop()
            if loop.time() >= self._low_at:
                self._wake.set()

    async def _turn(self, bound: int) -> bool:
        """Wait for the first place in the queue and the money, which is then taken; False: sent away without."""
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        if not self._waiting:
            self._wake.set()
        self._waiting.append((turn, bound))
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():  # just after its turn came: nothing was sent
                self.put_back(bound, 0)
            raise

    def _serve(self) -> None:
        while self._waiting:
            turn, bound = self._waiting[0]
            if not turn.done():
                if not self._reserve.affords(bound):
                    return
                self._take(bound)
                turn.set_result(True)
            self._waiting.popleft()

    def _dismiss(self) -> None:
        for turn, _ in self._waiting:
            if not turn.done():
                turn.set_result(False)
        self._waiting.clear()

    @property
    def solvent(self) -> bool:
        """See `Till`; without a cap a debt does not matter."""
        return self._cap is None or self._reserve.solvent

    def put_back(self, bound: int, cost: int) -> None:
        """A request that allowed `bound` ended, and `cost` of what was held for it is gone."""
        if not self._closed:  # else it was booked as uncertain then
            self._let_go(bound, cost)
            self._go_on()

    def book(self, bound: int, usage: Usage, *, wasted: bool, told: bool) -> None:
        """A request that allowed `bound` was answered."""
        if self._closed:
            return
        cost = self._price.cost(usage)
        self._open.add(cost, usage, wasted=wasted)
        self._let_go(bound, cost)
        if told:
            self._open.worst = max(self._open.worst, NOTHING_SEEN.after(cost, bound).worst)
            self._learn(self._reserve.excess.after(cost, bound))
        elif self._cap is not None:  # else it is an estimate
            self._reserve.untold += bound
        self._go_on()

    def doubt(self, bound: int) -> None:
        """A request that allowed `bound` got no reply that tells, and may be billed."""
        if not self._closed:
            may_cost = self._reserve.excess.seen(bound)
            self._open += Booking(uncertain=may_cost, requests=1)
            self._reserve.untold += bound
            self.put_back(bound, may_cost)

    def _let_go(self, bound: int, cost: int) -> None:
        self._reserve.let_go(bound, cost)
        self._spent_since += cost

    def _go_on(self) -> None:
        if self._waiting:
            self._serve()
            if self._waiting and not self._reserve.bounds:
                self._wake.set()  # nothing more comes from here: the ledger decides

    def _learn(self, excess: Excess) -> None:
        if excess.beyond and excess.worst > self._reserve.excess.worst:
            self._wake.set()  # others are not to be granted what this may cost
        self._open.uncertain += self._reserve.learn(excess)

    # The ledger's side.

    async def _keep(self) -> None:
        """Until the purse is closed."""
        loop = asyncio.get_running_loop()
        self._measured_at = self._called_at = loop.time()
        try:
            while not self._closed:
                self._wake.clear()
                if not self._disowned:
                    await self._settle(loop.time())
                pause = self._ask_again_s if self._waiting else self._book_every_s
                timer = loop.call_later(pause, self._wake.set)
                await self._wake.wait()
                timer.cancel()
                if self._reserve.bounds and not self._closed:
                    await asyncio.sleep(_GATHER_S)
        except BaseException as error:
            self._broken = error if isinstance(error, Exception) else RuntimeError("the purse's task was cancelled")
            self._dismiss()
            raise

    async def _settle(self, now: float) -> None:
        """Book, and reserve what the requests that wait need, and what the next ones may."""
        self._measure(now)
        while self._waiting and self._waiting[0][0].done():
            self._waiting.popleft()
        reserve = self._reserve
        need = reserve.more_for(self._waiting[0][1]) if self._waiting else 0
        kept = 0 if need else max(0, min(reserve.free, self._ahead))
        held = reserve.held
        aim = held + self._ahead + reserve.excess.seen(sum(bound for _, bound in self._waiting))
        if not need and not self._worth_a_call(kept, now):
            return
        spare = reserve.free - kept
        reserve.free = kept  # the rest is not to be used while the ledger may take it back
        floor = held + kept
        grant = await self._call(Wish(floor, need, max(0, aim - floor)), last=False)
        if grant is None:
            reserve.free += spare
            return
        reserve.free += grant.extra
        self._learn(reserve.excess | grant.excess)
        self._serve()
        if need and not grant.extra and self._waiting:
            self._judge(reserve.excess.seen(self._waiting[0][1]), grant)

    def _measure(self, now: float) -> None:
        """Aim at some seconds of the spending since the last measure, and at one request at least."""
        seconds = now - self._measured_at
        if seconds >= self._ask_again_s:
            busy = self._reserve.bounds or self._spent_since or self._waiting
            spending = int(_AHEAD_S * self._spent_since / seconds)
            self._ahead = max(spending, self._reserve.excess.seen(self._largest)) if busy else 0
            self._measured_at, self._spent_since = now, 0

    def _worth_a_call(self, kept: int, now: float) -> bool:
        if self._open.requests or not kept == self._reserve.free >= self._ahead:
            return True
        return (self._reserve.bounds > 0 or kept > 0) and now - self._called_at >= self._account.lease_s / 4

    async def _call(self, wish: Wish, *, last: bool = True) -> Grant | None:
        """One transaction of the ledger; None when it did not answer, and may yet."""
        loop = asyncio.get_running_loop()
        before, booking = self._booked, self._open
        self._booked, self._open = before + booking, Booking()
        self._low_at = loop.time() + self._ask_again_s
        try:
            grant = await asyncio.to_thread(self._account.settle, booking, wish, self._cap)
        except (PastUnknown, self._outage) as error:
            self._booked = before
            self._open += booking
            if last:
                raise
            if isinstance(error, PastUnknown):
                self._over, self._disowned = str(error), True
                self._dismiss()
                return None
            self._out_since = self._out_since or loop.time()
            if loop.time() - self._out_since > self._account.lease_s:
                self._broken = error
                self._dismiss()
            return None
        self._called_at, self._out_since, self._broken = loop.time(), None, None
        self._in_all = grant
        return grant

    def _judge(self, need: int, grant: Grant) -> None:
        """Whether what is reserved here and elsewhere may still make room for the first request that waits."""
        assert self._cap is not None
        if self._cap - grant.spent - grant.uncertain >= need:
            return
        self._over = used_up(grant, self._cap, need, self._reserve.excess)
        self._dismiss()

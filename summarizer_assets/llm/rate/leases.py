"""What a run leased of its account's limits: how much is there, when to ask for more, and what it tells the keeper."""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Final

from summarizer_assets.core.rate_schedule import Ask, Lease
from summarizer_assets.llm.rate.account import Keeper
from summarizer_assets.llm.rate.token_bucket import Credit

_AHEAD_S: Final = 0.3  # of sending is leased at once, if the limits allow
_LOOK_EVERY_S: Final = 2.0  # for limits that others learnt
_ASK_AGAIN_S: Final = 0.5  # a keeper that failed
_RECENT: Final = 4096


class Leases:
    """Of one run. A new lease is asked for while the last is played out, so that the way to the keeper makes no gap.

    Args:
        keeper: of the account's schedule.
        bound: whether requests and tokens are known to be limited; nothing is leased of what is not.
        changed: told when there may be more, and how many seconds are to be waited for the throttle of another run.

    Attributes:
        error: the keeper broke, in a way that does not pass.
        reached: how many requests another run had in flight lately without being throttled; 0: not known.
    """

    def __init__(self, keeper: Keeper, bound: tuple[bool, bool], changed: Callable[[float], None]) -> None:
        self.bound = bound
        self.error: BaseException | None = None
        self.reached = 0
        self._keeper = keeper
        self._changed = changed
        self._closing = False
        self._requests = Credit()
        self._tokens = Credit()
        self._calls: set[asyncio.Task[None]] = set()
        self._leasing = False
        self._telling = 0
        self._look_at = -math.inf if keeper.blocking else math.inf
        self._sent: deque[float] = deque(maxlen=_RECENT)

    def wait_s(self, tokens: float, now: float) -> float:
        """Seconds until a request of `tokens` can be sent, by what is leased; infinite: more is to be leased first."""
        wait = self._requests.wait_s(1.0, now) if self.bound[0] else 0.0
        return max(wait, self._tokens.wait_s(tokens, now)) if self.bound[1] else wait

    def take(self, tokens: float, now: float) -> None:
        if self.bound[0]:
            self._requests.level -= 1
        if self.bound[1]:
            self._tokens.level -= tokens
        if self.bound[0] or self.bound[1]:
            self._sent.append(now)

    def put_back(self, requests: float, tokens: float) -> None:
        """A request took less than it was given, or (below zero) more."""
        if self.bound[0]:
            self._requests.level += requests
        if self.bound[1]:
            self._tokens.level += tokens

    def plenty(self, first: float, now: float) -> bool:
        """Whether there is nothing to ask for, told cheaply: the way of a request that need not wait."""
        requests, tokens = self.bound
        if requests or tokens:
            return (not requests or self._requests.plenty(1.0, now)) and (not tokens or self._tokens.plenty(first, now))
        return now < self._look_at

    def ask_if_low(self, now: float, first: float, upcoming: Callable[[], Sequence[float]]) -> None:
        """Lease more when less is there than the next requests need.

        Args:
            now: the loop's time.
            first: tokens of the request that goes next.
            upcoming: tokens of those that wait and have a place to go to, the next one first; at least one.
        """
        if self._leasing or self._telling or self._closing:
            return
        if not any(self.bound):
            if now < self._look_at:
                return
            self._look_at = now + _LOOK_EVERY_S  # has another run found limits?
        self._requests.trim(1.0, now)
        self._tokens.trim(first, now)
        requests, tokens = self._requests.total(), self._tokens.total()
        soon = self._soon(now)
        low = (self.bound[0] and requests < max(1.0, min(self._requests.low, soon))) or (
            self.bound[1] and tokens < max(first, min(self._tokens.low, soon * first))
        )
        if any(self.bound) and not low:
            return
        waiting = upcoming()
        number = max(len(waiting), soon)
        wanted = number * sum(waiting) / len(waiting)
        ask = Ask(max(0.0, number - requests), max(0.0, wanted - tokens), max(0.0, first - tokens))
        self._leasing = True
        if self._keeper.blocking:
            self._start(self._lease_in_thread(ask))
        else:
            self._take_in(self._keeper.lease(ask), now)

    def tell(self, what: Callable[[Keeper], None]) -> None:
        """Let the keeper know; nothing is leased until it does."""
        if self._keeper.blocking:
            self._telling += 1
            self._start(self._tell_in_thread(what))
        else:
            what(self._keeper)

    async def aclose(self) -> None:
        """Give back what was not used, and tell what was used beyond it. A keeper that is out is left alone."""
        self._closing = True
        while self._calls:
            await asyncio.wait(self._calls)
        requests, tokens = max(0.0, self._requests.total()), self._tokens.total()
        if (requests or tokens) and self.error is None:
            self._requests, self._tokens = Credit(), Credit()
            self.tell(lambda keeper: keeper.give_back(requests, tokens))
            while self._calls:
                await asyncio.wait(self._calls)

    def _soon(self, now: float) -> float:
        """Requests that will be sent before long, as many as lately."""
        sent = self._sent
        while sent and sent[0] < now - 1.0:
            sent.popleft()
        return len(sent) * _AHEAD_S

    def _take_in(self, lease: Lease, now: float) -> None:
        self._leasing = False
        self.reached = lease.reached
        for credit, flow in ((self._requests, lease.requests), (self._tokens, lease.tokens)):
            if flow is not None:
                credit.add(flow, now)
        self.bound = (lease.requests is not None, lease.tokens is not None)  # others may know more, a guess grow old

    async def _lease_in_thread(self, ask: Ask) -> None:
        loop = asyncio.get_running_loop()
        try:
            lease = await asyncio.to_thread(self._keeper.lease, ask)
        except self._keeper.outage:
            # Nothing is sent meanwhile. Whether the run may go on without the store is its claim's to decide.
            await asyncio.sleep(_ASK_AGAIN_S)
            self._leasing = False
            self._changed(0.0)
        else:
            self._take_in(lease, loop.time())
            self._changed(lease.wait_s)

    async def _tell_in_thread(self, what: Callable[[Keeper], None]) -> None:
        while True:
            try:
                await asyncio.to_thread(what, self._keeper)
            except self._keeper.outage:
                if self._closing:
                    break  # lost are a throttle, or a fraction of a second of the limits
                await asyncio.sleep(_ASK_AGAIN_S)
            else:
                break
        self._telling -= 1
        self._changed(0.0)

    def _start(self, call: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.error = error  # for those who wait: without a lease nobody would wake them
            self._changed(0.0)

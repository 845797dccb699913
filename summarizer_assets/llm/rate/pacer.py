"""The pace of one run: one first-in-first-out queue in front of the provider.

A request goes when it is the oldest, a place in flight is free, no cooldown runs, and what was leased of the account's
limits holds what it needs. It takes the estimate, corrected by what earlier ones used, and settles the truth when its
reply is there. Where no limit is known, only the places hold (`concurrency.py`).

The event loop is the clock: its time and timers. The schedule of the account is the keeper's (`account.py`); a new
lease is asked for while the last is played out, so that the way to the keeper makes no gap.
"""

import asyncio
import itertools
import math
from collections import deque
from types import TracebackType
from typing import Final, Self

from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.protocols.chat_protocol import AnnouncedLimits
from summarizer_assets.llm.rate.account import Keeper, OwnAccount
from summarizer_assets.llm.rate.concurrency import Concurrency
from summarizer_assets.llm.rate.leases import Leases
from summarizer_assets.llm.rate.limit_headers import Announcements
from summarizer_assets.llm.rate.served import Served

_SLOW_START_S: Final = 0.25  # gap after the first request that follows a cooldown; the n-th gap is an n-th of it
_SLOW_START_END_S: Final = 0.002
_HALF: Final = 0.5
_MAX_COOLDOWN_S: Final = 20.0
_OVER_A_ROUND: Final = 0.5  # the places that double are taken over so much of the time that an answer takes
_LATE_S: Final = 0.002  # that may be made up for: timers come late
_LEARNING: Final = 0.05  # of the ratio of used to estimated tokens, by each request
_RATIO: Final = (0.1, 5.0)


class Reservation:
    """A place in flight and tokens, `reserved` for what is `estimated`, until the `with` block is left."""

    __slots__ = ("_began", "_estimated", "_pacer", "_reserved", "_used")

    def __init__(self, pacer: "Pacer", estimated: int, reserved: float) -> None:
        self._began = asyncio.get_running_loop().time()
        self._pacer = pacer
        self._estimated = estimated
        self._reserved = reserved
        self._used: int | None = None

    def settle(self, tokens: int) -> None:
        """The request cost `tokens` in truth; without a call it cost the estimate."""
        self._used = max(0, tokens)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        if self._used:
            self._pacer._took(self._began)  # noqa: SLF001 - two halves of one thing
        self._pacer._give_back(self._estimated, self._reserved, self._used)  # noqa: SLF001 - the same


class Pacer:
    """When the next request may go.

    Args:
        max_in_flight: the most requests between `reserve` and the end of their `with` block.
        limits: the account's limits; a None in it is learnt from headers, or found out.
        keeper: of the account's schedule, shared with other runs; None: this run is alone with it.
        first_alone: the first request goes alone.

    Attributes:
        limits: those known of the account, given or learnt.
        cooldown_s: seconds for which everything was held back so far.
    """

    def __init__(
        self,
        max_in_flight: int,
        limits: RateLimits | None = None,
        *,
        keeper: Keeper | None = None,
        first_alone: bool = True,
    ) -> None:
        self._given = limits or RateLimits()
        self._announcements = Announcements()
        self._concurrency = Concurrency(max_in_flight, first_alone=first_alone)
        self.limits = self._given
        self._known = self._given.known
        self._leases = Leases(keeper or OwnAccount(self._given), self._bound, self._leased)
        if self._known:
            self._concurrency.open_all()
        self._ratio = 1.0
        self._answer_s = 0.0  # that an answer takes, lately; 0: none came
        self._in_flight = 0
        self._queue: deque[tuple[asyncio.Future[float], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._served = Served()
        self._cool_until = -math.inf
        self._gap_until = -math.inf  # between two requests of a slow start
        self._ramp: int | None = None  # requests since the cooldown, while the slow start lasts
        self._stopped = False
        self._episode_began = -math.inf
        self._episodes = 0  # in a row, without a success between
        self.cooldown_s = 0.0

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def places(self) -> int:
        """The most requests in flight at the moment."""
        return self._concurrency.places

    @property
    def _bound(self) -> tuple[bool, bool]:
        return self.limits.requests is not None, self.limits.tokens is not None

    async def reserve(self, tokens: int) -> Reservation:
        """Wait for the turn of a request of about `tokens` tokens; more than a minute's worth goes too, once.

        Raises:
            Exception: whatever broke in the keeper; its outages are waited out.
        """
        loop = asyncio.get_running_loop()
        if not self._queue:
            now = loop.time()
            self._ask_if_low(now, tokens)
            if self._leases.error is not None and not self._stopped:
                raise self._leases.error
            if self._wait_s(tokens, now) == 0:
                return Reservation(self, tokens, self._take(tokens, now))
        turn: asyncio.Future[float] = loop.create_future()
        self._queue.append((turn, tokens))
        self._advance()
        try:
            reserved = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                # Cancelled just after its turn came: nothing was sent.
                if not self._stopped:
                    self._leases.put_back(1, 0)
                self._give_back(tokens, turn.result(), 0, sent=False)
            else:
                turn.cancel()
                self._advance()
            raise
        return Reservation(self, tokens, reserved)

    def throttled(self, wait_s: float | None, sent_at: float, random: float) -> float:
        """A request sent at `sent_at` (loop time) was throttled: hold everything back; returns the seconds to come.

        Replies to requests sent before the cooldown began belong to the same episode. `wait_s` is what the provider
        asked for, None when it said nothing; `random` in [0, 1) spreads the own wait.
        """
        now = asyncio.get_running_loop().time()
        fresh = sent_at > self._episode_began
        if fresh:
            self._episode_began = now
            self._episodes += 1
            if wait_s is None:
                # Half fixed: a jitter down to nothing would let everyone run into the same wall at once.
                wait_s = (_HALF + _HALF * random) * min(2.0 ** min(self._episodes - 1, 10), _MAX_COOLDOWN_S)
        self._cool(now, wait_s or 0.0)
        until = self._cool_until
        self._ramp = 0
        if fresh:
            served = self._served.a_second(now)
            if not self._known:
                self._concurrency.cut()
                if served > 0:
                    self._leases.bound = (True, self._leases.bound[1])
            self._leases.tell(lambda keeper: keeper.throttled(max(0.0, until - now), served))
        self._advance()
        return max(0.0, self._cool_until - now)

    def succeeded(self) -> None:
        """A request was served."""
        self._episodes = 0
        self._served.at(asyncio.get_running_loop().time())
        if not self._known:
            self._concurrency.succeeded(self._in_flight)

    def failed(self) -> None:
        """A try ended in a fault of the server's or of the way to it."""
        if not self._known:
            self._concurrency.failed()

    def restart(self) -> None:
        """An outage ended: begin slowly again."""
        self._ramp = 0
        if not self._known:
            self._concurrency.restart()

    def learn(self, told: AnnouncedLimits) -> None:
        """Take announced limits, where none are given. A provider that changes its mind is followed."""
        news = self._announcements.read(told)
        if news is None:
            return
        self.limits = self._given.or_else(self._announcements.limits.without_zeros)
        self._known = self.limits.known
        self._leases.bound = self._bound
        if self._known:
            self._concurrency.open_all()
        self._leases.tell(lambda keeper: keeper.learn(news))
        self._advance()

    def stop(self) -> None:
        """Nobody waits any more: every `reserve`, waiting or to come, returns at once, so that its caller can end."""
        self._stopped = True
        self._advance()

    async def aclose(self) -> None:
        """Give back what is leased and was not used; tell the next run with how many requests it can begin."""
        self._stopped = True
        if (proven := self._concurrency.proven) and not self._known:
            self._leases.tell(lambda keeper: keeper.reach(proven))
        await self._leases.aclose()

    # The queue.

    def _leased(self, wait_s: float) -> None:
        """There may be more; `wait_s` of a cooldown are left that another run began."""
        if not self._known:
            self._concurrency.begin_with(self._leases.reached)
        if wait_s > 0:
            self._cool(asyncio.get_running_loop().time(), wait_s)
            self._ramp = 0
        self._advance()

    def _cool(self, now: float, seconds: float) -> None:
        until = now + seconds
        if until > self._cool_until:
            self.cooldown_s += until - max(now, self._cool_until)
            self._cool_until = until

    def _wait_s(self, tokens: int, now: float) -> float:
        """Seconds until a request of `tokens` may go; infinite until something else happens."""
        if self._stopped:
            return 0.0
        if self._in_flight >= self._concurrency.places:
            return math.inf
        wait = self._leases.wait_s(tokens * self._ratio, now)
        if now < self._cool_until or now < self._gap_until:
            wait = max(wait, self._cool_until - now, self._gap_until - now)
        return wait

    def _take(self, tokens: int, now: float) -> float:
        """The request goes; returns the tokens that it takes."""
        self._in_flight += 1
        if self._stopped:
            return 0.0  # nothing is sent any more
        reserved = tokens * self._ratio
        self._leases.take(reserved, now)
        if self._ramp is not None:
            self._ramp += 1
            gap = _SLOW_START_S / self._ramp
            self._gap_until = now + gap
            if gap < _SLOW_START_END_S:
                self._ramp = None
        elif not self._known and self._concurrency.doubling and not self._leases.bound[0]:
            # One after the other: as a burst, a round that is too large would be refused as a whole.
            gap = _OVER_A_ROUND * self._answer_s / self._concurrency.places
            self._gap_until = max(self._gap_until, now - _LATE_S) + gap
        return reserved

    def _took(self, began: float) -> None:
        """An answer to a request that went then."""
        seconds = asyncio.get_running_loop().time() - began
        self._answer_s = seconds if not self._answer_s else self._answer_s + _LEARNING * (seconds - self._answer_s)

    def _give_back(self, estimated: int, reserved: float, used: int | None, *, sent: bool = True) -> None:
        self._in_flight -= 1
        if sent:
            self._concurrency.ended(known=self._known)
        if used is not None:
            self._leases.put_back(0, reserved - used)
            if used > 0 and estimated > 0:
                ratio = self._ratio + _LEARNING * (used / estimated - self._ratio)
                self._ratio = min(max(ratio, _RATIO[0]), _RATIO[1])
        if self._queue:
            self._advance()

    def _advance(self) -> None:
        """Let go whoever may go now; set the timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._queue:
            return
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._leases.error is not None and not self._stopped:
            while self._queue:
                turn, _ = self._queue.popleft()
                if not turn.done():
                    turn.set_exception(self._leases.error)
        while self._queue:
            turn, tokens = self._queue[0]
            if turn.done():  # cancelled while it waited
                self._queue.popleft()
                continue
            self._ask_if_low(now, tokens)
            wait = self._wait_s(tokens, now)
            if wait > 0:
                if wait < math.inf:
                    self._timer = loop.call_at(now + wait, self._advance)
                return
            self._queue.popleft()
            turn.set_result(self._take(tokens, now))

    def _ask_if_low(self, now: float, tokens: int) -> None:
        if self._leases.plenty(tokens * self._ratio, now):
            return
        room = self._concurrency.places - self._in_flight
        if room <= 0 or self._stopped:
            return

        def upcoming() -> list[float]:
            return [estimate * self._ratio for _, estimate in itertools.islice(self._queue, room)] or [first]

        first = tokens * self._ratio
        self._leases.ask_if_low(now, first, upcoming)

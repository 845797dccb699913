"""When the next request may go: one first-in-first-out queue in front of the provider.

A request goes when it is the oldest, a place in flight is free, no cooldown runs, and both buckets (requests, tokens)
hold what it needs. It takes the estimate and settles the truth when its reply is there. Buckets refill continuously and
hold a quarter of a second's worth, so a server that counts over any window sees an even stream.

The event loop is the clock: its time and timers, nothing else.

`Pace` is all the client knows of it, so that another limiter can replace or wrap `Pacer`; `share` is this run's part of
the account's limits.
"""

import asyncio
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

BURST_S: Final = 0.25  # what a bucket holds, in seconds of its refill
_SLOW_START_S: Final = 0.25  # gap after the first request that follows a cooldown; the n-th gap is an n-th of it
_SLOW_START_END_S: Final = 0.002
_HALF: Final = 0.5
_MAX_COOLDOWN_S: Final = 20.0
_TINY: Final = 1e-9  # rounding of the clock must not make a sleeper wake a hair too early, again and again


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The account's limits a minute; None: unknown, learnt from headers when the provider announces them."""

    requests: float | None = None
    tokens: float | None = None


class Reservation(Protocol):
    """A place in flight and an amount of tokens, given back by leaving the `with` block, whatever happens in it."""

    def settle(self, tokens: int) -> None:
        """The request cost `tokens` in truth; without a call it cost the estimate."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


class Pace(Protocol):
    """What the client asks of whoever decides when to send."""

    async def reserve(self, tokens: int) -> Reservation:
        """Wait for the turn of a request of about `tokens` tokens."""
        ...

    def throttled(self, wait_s: float | None, sent_at: float, random: float) -> float:
        """A request sent at `sent_at` (loop time) was throttled: hold everything back; returns the seconds to come.

        `wait_s` is what the provider asked for, None when it said nothing; `random` in [0, 1) spreads the own wait.
        """
        ...

    def succeeded(self) -> None:
        """A request was served."""
        ...

    def failed(self) -> None:
        """A try ended in a fault of the server's or of the way to it."""
        ...

    def restart(self) -> None:
        """An outage ended: begin slowly again."""
        ...

    async def aclose(self) -> None:
        """Give back what is leased and was not used."""
        ...

    def learn(self, headers: Mapping[str, str]) -> None:
        """Take announced limits from a reply's headers, where none are given."""
        ...

    def stop(self) -> None:
        """Nobody waits any more: every `reserve`, waiting or to come, returns at once, so that its caller can end."""
        ...

    @property
    def cooldown_s(self) -> float:
        """Seconds for which everything was held back so far."""
        ...


class _Bucket:
    """Refilled at `rate` a second up to a quarter of a second's worth, and at least `least`; may run into debt."""

    __slots__ = ("capacity", "level", "rate", "stamp")

    def __init__(self, rate: float, least: float, now: float) -> None:
        self.stamp = now
        self.level = least  # near empty: a burst right at the start is what limits are tripped by
        self.set_rate(rate, least)

    def set_rate(self, rate: float, least: float) -> None:
        self.rate = rate
        self.capacity = max(rate * BURST_S, least)
        self.level = min(self.level, self.capacity)

    def refill(self, now: float) -> None:
        if now > self.stamp:
            self.level = min(self.capacity, self.level + (now - self.stamp) * self.rate)
            self.stamp = now

    def missing_s(self, amount: float) -> float:
        """Seconds until `amount` can be taken. More than the bucket holds goes when it is full, leaving a debt."""
        lack = min(amount, self.capacity) - self.level
        return lack / self.rate if lack > _TINY * self.capacity else 0.0

    def empty_until(self, now: float, then: float) -> None:
        """Nothing is there, and nothing flows in, until `then`."""
        self.refill(now)
        self.level = min(self.level, 0.0)
        self.stamp = max(self.stamp, then)


class _Held:
    """A reservation of a `Pacer`."""

    __slots__ = ("_pacer", "_reserved", "_used")

    def __init__(self, pacer: "Pacer", tokens: int) -> None:
        self._pacer = pacer
        self._reserved = tokens
        self._used = tokens

    def settle(self, tokens: int) -> None:
        self._used = max(0, tokens)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._pacer._give_back(self._reserved - self._used)  # noqa: SLF001 - the two halves of one mechanism


class Pacer:
    """The pace of one run.

    Args:
        max_in_flight: the most requests between `reserve` and the end of their `with` block.
        limits: the account's limits; a None in it is learnt from headers.
        first_alone: the first request goes alone, so that a wrong key, model or address costs one request.
    """

    def __init__(self, max_in_flight: int, limits: RateLimits | None = None, *, first_alone: bool = True) -> None:
        self._given = limits or RateLimits()
        self._per_minute = {"requests": self._given.requests, "tokens": self._given.tokens}
        self._buckets: dict[str, _Bucket] = {}
        self._max_in_flight = max_in_flight
        self._places = 1 if first_alone else max_in_flight
        self._in_flight = 0
        self._share = 1.0
        self._queue: deque[tuple[asyncio.Future[None], int]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._cool_until = -math.inf
        self._gap_until = -math.inf  # between two requests of a slow start
        self._ramp: int | None = None  # requests since the cooldown, while the slow start lasts
        self._stopped = False
        self._episode_began = -math.inf
        self._episodes = 0  # in a row, without a success between
        self._ready = False
        self.cooldown_s = 0.0

    @property
    def in_flight(self) -> int:
        return self._in_flight

    @property
    def limits(self) -> RateLimits:
        """The limits in force for the account, given or learnt."""
        return RateLimits(self._per_minute["requests"], self._per_minute["tokens"])

    @property
    def share(self) -> float:
        """This run's part of the account's limits, above 0, at most 1."""
        return self._share

    @share.setter
    def share(self, share: float) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"a share of the limits is above 0 and at most 1, not {share}")
        self._share = share
        if self._ready:
            self._set_rates(asyncio.get_running_loop().time())

    async def reserve(self, tokens: int) -> Reservation:
        """Wait for the turn of a request of about `tokens` tokens; more than a minute's worth goes too, once."""
        loop = asyncio.get_running_loop()
        if not self._ready:
            self._ready = True
            self._set_rates(loop.time())
        if not self._queue and self._wait_s(tokens, loop.time()) == 0:
            self._take(tokens, loop.time())
            return _Held(self, tokens)
        turn: asyncio.Future[None] = loop.create_future()
        self._queue.append((turn, tokens))
        self._advance()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # cancelled just after its turn came: nothing was sent
                self._give_back(tokens, requests=1)
            else:
                turn.cancel()
                self._advance()
            raise
        return _Held(self, tokens)

    def throttled(self, wait_s: float | None, sent_at: float, random: float) -> float:
        """See `Pace`. Replies to requests sent before the cooldown began belong to the same episode."""
        now = asyncio.get_running_loop().time()
        if sent_at >= self._episode_began:
            self._episode_began = now
            self._episodes += 1
            if wait_s is None:
                # Half fixed: a jitter down to nothing would let everyone run into the same wall at once.
                wait_s = (_HALF + _HALF * random) * min(2.0 ** min(self._episodes - 1, 10), _MAX_COOLDOWN_S)
        until = now + (wait_s or 0.0)
        if until > self._cool_until:
            self.cooldown_s += until - max(now, self._cool_until)
            self._cool_until = until
        self._ramp = 0
        for bucket in self._buckets.values():
            bucket.empty_until(now, self._cool_until)
        self._advance()
        return max(0.0, self._cool_until - now)

    def succeeded(self) -> None:
        self._episodes = 0

    def failed(self) -> None:
        """See `Pace`."""

    def restart(self) -> None:
        """See `Pace`."""
        self._ramp = 0

    async def aclose(self) -> None:
        """See `Pace`."""

    def learn(self, headers: Mapping[str, str]) -> None:
        """See `Pace`. Only positive finite numbers count; a provider that changes its mind is followed."""
        changed = False
        for what, given in (("requests", self._given.requests), ("tokens", self._given.tokens)):
            if given is not None:
                continue
            text = headers.get(f"x-ratelimit-limit-{what}") or headers.get(f"anthropic-ratelimit-{what}-limit") or ""
            number = float(text) if text.isascii() and text.isdigit() and len(text) <= 12 else 0.0  # noqa: PLR2004 - digits
            if number > 0 and number != self._per_minute[what]:
                self._per_minute[what] = number
                changed = True
        if changed and self._ready:
            self._set_rates(asyncio.get_running_loop().time())

    def stop(self) -> None:
        """See `Pace`."""
        self._stopped = True
        self._advance()

    def _set_rates(self, now: float) -> None:
        for what, per_minute in self._per_minute.items():
            if per_minute is None:
                continue
            rate = per_minute * self._share / 60
            least = 1.0 if what == "requests" else 0.0
            if bucket := self._buckets.get(what):
                bucket.refill(now)
                bucket.set_rate(rate, least)
            else:
                self._buckets[what] = _Bucket(rate, least, now)
        self._advance()

    def _wait_s(self, tokens: int, now: float) -> float:
        """Seconds until a request of `tokens` may go; infinite while all places are taken."""
        if self._stopped:
            return 0.0
        if self._in_flight >= self._places:
            return math.inf
        wait = max(0.0, self._cool_until - now, self._gap_until - now)
        for what, bucket in self._buckets.items():
            bucket.refill(now)
            wait = max(wait, bucket.missing_s(1.0 if what == "requests" else tokens))
        return wait

    def _take(self, tokens: int, now: float) -> None:
        self._in_flight += 1
        for what, bucket in self._buckets.items():
            bucket.level -= 1.0 if what == "requests" else tokens
        if self._ramp is not None:
            self._ramp += 1
            gap = _SLOW_START_S / self._ramp
            self._gap_until = now + gap
            if gap < _SLOW_START_END_S:
                self._ramp = None

    def _give_back(self, tokens: int, *, requests: int = 0) -> None:
        self._in_flight -= 1
        if not requests:
            self._places = self._max_in_flight
        for what, bucket in self._buckets.items():
            back = requests if what == "requests" else tokens
            bucket.level = min(bucket.capacity, bucket.level + back)
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
        while self._queue:
            turn, tokens = self._queue[0]
            if turn.done():  # cancelled while it waited
                self._queue.popleft()
                continue
            wait = self._wait_s(tokens, now)
            if wait > 0:
                if wait < math.inf:
                    self._timer = loop.call_at(now + wait, self._advance)
                return
            self._queue.popleft()
            self._take(tokens, now)
            turn.set_result(None)

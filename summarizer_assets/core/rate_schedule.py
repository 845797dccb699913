"""The shared schedule of a provider account's rate limits: who may send how much from when. Arithmetic only.

Each limit is a schedule: the moment up to which its refill is reserved. A sender leases a stretch of it for many
requests at once and uses it as it flows; the next sender gets the stretch after it. So runs can start and end without a
protocol, the sum never exceeds the limit, and a run with little to do takes little.

Limits are known if they are configured or announced. Otherwise the first throttle gives an estimate, the rate served
until then, which grows with time, slowly at first. A throttle under known limits slows them down in the same way,
because others may use the account, too. Until then, a run begins with as many requests in flight as an earlier one
had without being throttled.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Final

BURST_S: Final = 0.25  # seconds of refill that may be caught up after a pause
_CHUNK_S: Final = 0.25  # seconds of refill per lease; less if the schedule is far ahead, because then many share it
_EPISODE_S: Final = 1.0  # throttles within this time count as one
_SLOWED: Final = 0.95
_GUESS_CUT: Final = 0.93
_LEAST_SPEED: Final = 0.05
_DOUBLING_S: Final = 10.0
_GUESS_DOUBLING_S: Final = 20.0  # slower than for known limits, because each overshoot costs a refused request
_DOUBLINGS: Final = 12  # after these a guess has grown two hundredfold and is worthless
_REACHED_S: Final = 3600.0  # what a server took longer ago, it may take no more
_LONG_AGO: Final = -1e12


@dataclass(frozen=True, slots=True)
class RateLimits:
    """The account's limits per minute; None if unknown until the provider announces them in headers."""

    requests: float | None = None
    tokens: float | None = None

    def or_else(self, others: "RateLimits") -> "RateLimits":
        """These limits, with unknown ones taken from `others`."""
        return RateLimits(
            others.requests if self.requests is None else self.requests,
            others.tokens if self.tokens is None else self.tokens,
        )

    @property
    def without_zeros(self) -> "RateLimits":
        return RateLimits(self.requests or None, self.tokens or None)

    @property
    def known(self) -> bool:
        return self.requests is not None or self.tokens is not None


@dataclass(frozen=True, slots=True)
class Account:
    """The state of an account. Moments and rates are in seconds of the store's clock.

    `requests_at`, `tokens_at`: the moment up to which each limit is reserved. `slowed`: share of the known limits in
    use since the throttle at `slowed_at`. `guess`: estimated requests per second if limits are unknown, made at
    `guess_at`. `reached`: requests that a run had in flight, and which ended at `reached_at` without a throttle.
    `seen_at`: time of the last change; None if unknown.
    """

    requests_at: float = _LONG_AGO
    tokens_at: float = _LONG_AGO
    learnt: RateLimits = field(default_factory=RateLimits)
    slowed: float = 1.0
    slowed_at: float = _LONG_AGO
    guess: float | None = None
    guess_at: float = _LONG_AGO
    reached: float | None = None
    reached_at: float | None = None
    seen_at: float | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a run wants to send soon. `first_tokens`: tokens of the next request, which a lease never splits."""

    requests: float
    tokens: float
    first_tokens: float = 0.0


@dataclass(frozen=True, slots=True)
class Flow:
    """An amount that becomes available at `rate` per second from `start_s` on, with `first` of it immediately."""

    amount: float
    start_s: float
    rate: float
    first: float


@dataclass(frozen=True, slots=True)
class Lease:
    """What a run may send; None if the limit is unknown and does not restrict.

    `wait_s`: the rest of a cooldown if no limit is known; the flows of known limits begin after it. `reached`: how many
    requests a run had in flight lately without being throttled; 0 if none is known.
    """

    requests: Flow | None
    tokens: Flow | None
    wait_s: float = 0.0
    reached: int = 0


def rewound(account: Account, now: float) -> Account:
    """The account adjusted for a clock that was set back since the last change: as far ahead of `now` as then.

    Otherwise everybody would wait until the clock catches up. A bound on waits would not help, because a cooldown may
    last an hour.
    """
    if account.seen_at is None or account.seen_at <= now:
        return account
    back_s = account.seen_at - now
    return replace(
        account,
        requests_at=account.requests_at - back_s,
        tokens_at=account.tokens_at - back_s,
        slowed_at=account.slowed_at - back_s,
        guess_at=account.guess_at - back_s,
        reached_at=None if account.reached_at is None else account.reached_at - back_s,
        seen_at=now,
    )


def lease(account: Account, now: float, ask: Ask, given: RateLimits) -> tuple[Account, Lease]:
    """Reserve what is asked for, or as much of it as a lease may contain, but at least one request."""
    requests_s, tokens_s = rates(account, now, given)
    ahead = max(account.requests_at, account.tokens_at, now) - now
    chunk_s = _CHUNK_S / (1 + 4 * ahead)
    requests = tokens = None
    if requests_s is not None:
        amount = min(ask.requests, max(1.0, requests_s * chunk_s))
        requests, at = _reserve(account.requests_at, now, amount, requests_s, 1.0)
        account = replace(account, requests_at=at)
    if tokens_s is not None:
        amount = min(ask.tokens, max(ask.first_tokens, tokens_s * chunk_s))
        tokens, at = _reserve(account.tokens_at, now, amount, tokens_s, ask.first_tokens)
        account = replace(account, tokens_at=at)
    wait_s = ahead if requests_s is None and tokens_s is None else 0.0
    return account, Lease(requests, tokens, wait_s, _reached(account, now))


def give_back(account: Account, now: float, requests: float, tokens: float, given: RateLimits) -> Account:
    """Return unused amounts of a lease; a negative amount was used beyond it and is charged to everybody."""
    requests_s, tokens_s = rates(account, now, given)
    if requests_s is not None:
        account = replace(account, requests_at=account.requests_at - requests / requests_s)
    if tokens_s is not None:
        at = account.tokens_at if tokens > 0 else max(account.tokens_at, now - BURST_S)
        account = replace(account, tokens_at=at - tokens / tokens_s)
    return account


def throttled(account: Account, now: float, wait_s: float, served: float, given: RateLimits) -> Account:
    """The provider throttled a request: all runs wait, and continue more slowly.

    `served`: requests per second served until then; 0 if not known yet.
    """
    if now - max(account.slowed_at, account.guess_at) > _EPISODE_S:
        known = given.or_else(account.learnt).known
        if known:
            account = replace(account, slowed=max(_LEAST_SPEED, _speed(account, now) * _SLOWED), slowed_at=now)
        else:
            last = _guess(account, now)
            guess = served if last is None else _GUESS_CUT * last
            account = replace(account, guess=guess or None, guess_at=now)
    until = now + wait_s
    return replace(
        account,
        requests_at=max(account.requests_at, until),
        tokens_at=max(account.tokens_at, until),
        reached=None,
        reached_at=None,
    )


def reach(account: Account, now: float, in_flight: int) -> Account:
    """A run ends that had so many requests in flight and was never throttled. A small one takes nothing back."""
    if in_flight < _reached(account, now):
        return account
    return replace(account, reached=float(in_flight), reached_at=now)


def learn(account: Account, announced: RateLimits) -> Account:
    """Adopt announced limits; a later announcement replaces an earlier one, and 0 withdraws a limit."""
    return replace(account, learnt=announced.or_else(account.learnt).without_zeros)


def rates(account: Account, now: float, given: RateLimits) -> tuple[float | None, float | None]:
    """The requests and tokens per second in force; None if unknown."""
    limits = given.or_else(account.learnt)
    speed = _speed(account, now) / 60
    tokens_s = None if limits.tokens is None else limits.tokens * speed
    if limits.requests is not None:
        return limits.requests * speed, tokens_s
    return (None if limits.known else _guess(account, now)), tokens_s


def _reserve(at: float, now: float, amount: float, rate: float, first: float) -> tuple[Flow, float]:
    start = max(at, now - BURST_S)
    return Flow(amount, start - now, rate, min(first, amount)), start + amount / rate


def _reached(account: Account, now: float) -> int:
    if account.reached is None or account.reached_at is None or now - account.reached_at > _REACHED_S:
        return 0
    return int(account.reached)


def _speed(account: Account, now: float) -> float:
    return min(1.0, account.slowed * _growth(now - account.slowed_at))


def _guess(account: Account, now: float) -> float | None:
    if account.guess is None or now - account.guess_at > _DOUBLINGS * _GUESS_DOUBLING_S:
        return None
    return account.guess * _growth(now - account.guess_at, _GUESS_DOUBLING_S)


def _growth(seconds: float, doubling_s: float = _DOUBLING_S) -> float:
    """Growth factor after `seconds`: 5 % per `doubling_s` at first, and twice as fast after each."""
    grown = min(max(seconds, 0.0), _DOUBLINGS * doubling_s)
    return 1 + 0.05 / math.log(2) * (2 ** (grown / doubling_s) - 1)

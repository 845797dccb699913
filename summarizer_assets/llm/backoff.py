"""When to try again after a fault that passes by itself, and when a request or the run has retried enough."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from summarizer_assets.llm.http.exchange import FailedTry

MAX_DELAY_S = 20.0
_MAX_EXPONENT = 10  # 2**10 s is far above the cap; a larger power would only be a larger number


def full_jitter(tries: int, random: float, cap: float = MAX_DELAY_S) -> float:
    """Seconds to wait after `tries` failed tries: uniform in `[0, min(2^(tries-1), cap)]`, `random` in [0, 1)."""
    return random * min(2.0 ** min(tries - 1, _MAX_EXPONENT), cap)


@dataclass(slots=True)
class RetryQuota:
    """One quota of retries for a whole run, so that an outage is not answered with five times the load.

    Each retry costs 5, one after a timeout 10; each request that succeeds at its first try gives 1 back.
    """

    capacity: float = 500.0
    retry_cost: float = 5.0
    timeout_cost: float = 10.0
    left: float = -1.0

    def __post_init__(self) -> None:
        if self.left < 0:
            self.left = self.capacity

    def take(self, *, timeout: bool = False) -> bool:
        """Pay for a retry; False, and nothing taken, when the quota does not hold it."""
        cost = self.timeout_cost if timeout else self.retry_cost
        if cost > self.left:
            return False
        self.left -= cost
        return True

    def credit(self) -> None:
        """A request succeeded at its first try."""
        self.left = min(self.capacity, self.left + 1)


@dataclass(frozen=True, slots=True)
class Tries:
    """How often one request may be tried, and how long a run may stand still."""

    most: int = 5
    bad_replies: int = 1  # further tries after a reply that cannot be used
    no_progress_s: float = 600.0  # throttled, or out, for so long without a success: stop


@dataclass(slots=True)
class Tried:
    """One request's tries so far. `delay_s`: until the next; None after a throttle, which the pace waits out."""

    request: int  # its number in the run
    probe: bool = False
    wanted: Callable[[], bool] = lambda: True  # asked before each try
    tries: int = 0
    bad_replies: int = 0
    delay_s: float | None = None
    last: FailedTry | None = None  # that brought no answer


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Time and chance, replaced in tests."""

    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    random: Callable[[], float] = random.random
    now: Callable[[], float] = time.time  # time of day, for dates in headers

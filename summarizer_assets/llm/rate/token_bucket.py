"""What a run may still send of one limit: what has come of its leases, and what is on its way."""

import math
from collections import deque
from dataclasses import dataclass

from summarizer_assets.core.rate_schedule import Flow

_TINY = 1e-9  # rounding of the clock must not make a sleeper wake a hair too early, again and again
_HOARD_S = 0.5  # more than so many seconds of refill are not saved up: a burst is what limits are tripped by


@dataclass(slots=True)
class _Coming:
    start: float
    flow: Flow
    taken: float = 0.0

    def come(self, now: float) -> float:
        if now < self.start:
            return 0.0
        return min(self.flow.amount, self.flow.first + (now - self.start) * self.flow.rate)


class Credit:
    """Of one limit; may run into debt, for what a request used in truth is known afterwards."""

    __slots__ = ("_coming", "hoard", "level", "low")

    def __init__(self) -> None:
        self.level = 0.0
        self.low = 0.0  # below it, a new lease is due: half of the last
        self.hoard = 0.0
        self._coming: deque[_Coming] = deque()

    def add(self, flow: Flow, now: float) -> None:
        self.low = flow.amount / 2
        self.hoard = flow.rate * _HOARD_S
        if flow.amount > 0:
            self._coming.append(_Coming(now + flow.start_s, flow))

    def come(self, now: float) -> None:
        """Take in what has come until `now`."""
        while self._coming:
            head = self._coming[0]
            come = head.come(now)
            self.level += come - head.taken
            head.taken = come
            if come < head.flow.amount:
                break
            self._coming.popleft()

    def plenty(self, least: float, now: float) -> bool:
        """Whether no look at the rest is needed: enough has come for now, and not too much."""
        if self._coming:
            self.come(now)
        level = self.level
        return self.low <= level <= self.hoard and level >= least

    def trim(self, least: float, now: float) -> None:
        """Let go of what is hoarded above `least`, the next request's need."""
        self.come(now)
        self.level = min(self.level, max(least, self.hoard))

    def total(self) -> float:
        """With what is on its way."""
        return self.level + sum(coming.flow.amount - coming.taken for coming in self._coming)

    def wait_s(self, amount: float, now: float) -> float:
        """Seconds until `amount` is there, by what is leased; infinite: it will not be."""
        self.come(now)
        lack = amount - self.level
        tiny = _TINY * max(1.0, amount)
        if lack <= tiny:
            return 0.0
        for coming in self._coming:
            flow = coming.flow
            left = flow.amount - coming.taken
            if lack <= left + tiny:
                then = coming.start + max(0.0, coming.taken + lack - flow.first) / flow.rate
                return max(0.0, then - now)
            lack -= left
        return math.inf

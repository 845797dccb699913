"""Whoever keeps the schedule of a provider account: one run's own memory here, all runs' in `state_db.rate_limits`."""

import asyncio
from typing import Protocol

from summarizer_assets.core import rate_schedule
from summarizer_assets.core.rate_schedule import Account, Ask, Lease, RateLimits


class Keeper(Protocol):
    """One provider account, as one run sees it; see `core.rate_schedule` for what the calls do.

    `blocking`: the calls take their time, and are made from a thread. `outage`: what they raise when they fail in
    passing; nothing is sent then until they succeed again.
    """

    @property
    def blocking(self) -> bool: ...

    @property
    def outage(self) -> type[Exception]: ...

    def lease(self, ask: Ask) -> Lease: ...

    def give_back(self, requests: float, tokens: float) -> None: ...

    def throttled(self, wait_s: float, served: float) -> None: ...

    def reach(self, in_flight: int) -> None: ...

    def learn(self, announced: RateLimits) -> None: ...


class _NeverError(Exception):
    """Memory does not fail."""


class OwnAccount:
    """The account of a run that shares it with nobody."""

    blocking = False
    outage: type[Exception] = _NeverError

    def __init__(self, given: RateLimits | None = None) -> None:
        self._given = given or RateLimits()
        self._account = Account()

    def lease(self, ask: Ask) -> Lease:
        self._account, granted = rate_schedule.lease(self._account, _now(), ask, self._given)
        return granted

    def give_back(self, requests: float, tokens: float) -> None:
        self._account = rate_schedule.give_back(self._account, _now(), requests, tokens, self._given)

    def throttled(self, wait_s: float, served: float) -> None:
        self._account = rate_schedule.throttled(self._account, _now(), wait_s, served, self._given)

    def reach(self, in_flight: int) -> None:
        self._account = rate_schedule.reach(self._account, _now(), in_flight)

    def learn(self, announced: RateLimits) -> None:
        self._account = rate_schedule.learn(self._account, announced)


def _now() -> float:
    return asyncio.get_running_loop().time()

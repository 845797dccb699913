"""Is the provider out? After many tries of several requests failed with nothing answered between, sending stops.

While it is out, one request at a time goes as a probe, after waits that grow; everything else is parked, uncharged.
Any answer, whatever it says, ends the outage. Who probes, and with what, is the asker's to decide: it knows the work.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

_LONGEST_WAIT_S: Final = 30.0
_HALF: Final = 0.5


@dataclass(slots=True)
class Breaker:
    """Of one client. Times are the event loop's.

    Args:
        tries, requests: so many failed tries in a row, of at least so many requests, are an outage. One request that
            makes the provider fail, or two, are no evidence.
        no_progress_s: an outage that lasts so long, from its first failure, is hopeless.
        random: in [0, 1), spreads the probes of several runs.
    """

    random: Callable[[], float]
    tries: int = 10
    requests: int = 4
    no_progress_s: float = 600.0
    listener: Callable[[], None] = field(default=lambda: None)  # told when an outage begins and when it ends
    outages: int = 0
    probes: int = 0
    open: bool = False
    _failed_tries: int = 0
    _failed_requests: set[int] = field(default_factory=set)
    _probes_failed: int = 0
    _since: float | None = None  # the first failure since the last answer
    _probe_at: float = 0.0

    def failed(self, request: int) -> None:
        """A try of `request` brought no answer."""
        now = _now()
        if self._since is None:
            self._since = now
        self._failed_tries += 1
        self._failed_requests.add(request)
        if not self.open and self._failed_tries >= self.tries and len(self._failed_requests) >= self.requests:
            self.trip()

    def probe_failed(self) -> None:
        """The provider is still out."""
        self._probes_failed += 1
        self._set_wait()

    def answered(self) -> None:
        """The provider answered something: it is there."""
        self._since = None
        if self._failed_tries:
            self._failed_tries = 0
            self._failed_requests.clear()
        if self.open:
            self.open = False
            self.listener()

    def trip(self) -> None:
        """Stop sending. Does nothing when that is so already."""
        if self.open:
            return
        self.open = True
        self.outages += 1
        self._probes_failed = 0
        if self._since is None:
            self._since = _now()
        self._set_wait()
        self.listener()

    @property
    def wait_s(self) -> float:
        """Seconds until the next probe is due; the last one comes just as the outage turns hopeless."""
        return max(0.0, self._probe_at - _now())

    @property
    def hopeless(self) -> bool:
        """Whether nothing was answered for so long that the run had better end."""
        return self._since is not None and _now() - self._since >= self.no_progress_s

    def _set_wait(self) -> None:
        wait = min(2.0**self._probes_failed, _LONGEST_WAIT_S) * (_HALF + _HALF * self.random())
        assert self._since is not None
        self._probe_at = min(_now() + wait, max(_now(), self._since + self.no_progress_s))


def _now() -> float:
    return asyncio.get_running_loop().time()

"""How many requests may be in flight at a server whose limits nobody knows.

Few at first, or as many as an earlier run had lately without a throttle. One more for each that succeeds, which doubles
them round by round, until the first throttle; from then on one more a round, and only while the places are really used.
A throttle takes a quarter; so do faults, when they are most of a round. How long answers take says nothing: it depends
on how much the model writes.
"""

from typing import Final

_FIRST: Final = 4
_CUT: Final = 0.75
_USED: Final = 0.8
_MANY: Final = 0.5


class Concurrency:
    """Of one run.

    Args:
        most: the most places.
        first_alone: the first request goes alone, so that a wrong key, model or address costs one request.

    Attributes:
        places: how many may be in flight now.
        doubling: no throttle came yet.
    """

    def __init__(self, most: int, *, first_alone: bool) -> None:
        self.most = most
        self.places = 0
        self._set(1.0 if first_alone else float(min(_FIRST, most)))
        self._alone = first_alone
        self._begin = min(_FIRST, most)
        self._used = 0
        self._own_course = False
        self.doubling = True
        self._outcomes = 0
        self._faults = 0

    @property
    def proven(self) -> int:
        """How many were in flight at once and no throttle came; 0: one did, or so few that they tell nothing."""
        return self._used if self.doubling and self._used > _FIRST else 0

    def begin_with(self, proven: int) -> None:
        """An earlier run had so many; no matter any more once this one was cut or restarted."""
        if not self._own_course:
            self._begin = max(self._begin, min(proven, self.most))
            if not self._alone:
                self._set(max(self._places, float(self._begin)))

    def ended(self, *, known: bool = False) -> None:
        """The first request is over, however it ended: no need to go alone any more. `known`: the limits hold."""
        if self._alone:
            self._alone = False
            self._set(float(self.most if known else self._begin))

    def open_all(self) -> None:
        """The limits are known, and hold instead."""
        if not self._alone:
            self._set(float(self.most))

    def succeeded(self, in_flight: int) -> None:
        self._count(fault=False)
        self._used = max(self._used, in_flight)
        if self._alone:
            return
        if self.doubling:
            self._set(min(self._places + 1, self.most))
        elif in_flight >= _USED * self._places:
            self._set(min(self._places + 1 / self._places, self.most))

    def failed(self) -> None:
        self._count(fault=True)

    def cut(self) -> None:
        """Once an episode."""
        self.doubling = False
        self._own_course = True
        self._set(max(1.0, self._places * _CUT))
        self._outcomes = self._faults = 0

    def restart(self) -> None:
        """An outage ended."""
        self.doubling = self._own_course = True
        self._used = 0
        self._set(float(min(_FIRST, self.most)))
        self._outcomes = self._faults = 0

    def _count(self, *, fault: bool) -> None:
        self._outcomes += 1
        self._faults += fault
        if self._outcomes >= self._places:
            if self._faults > _MANY * self._outcomes and self._outcomes > 1:
                self.cut()
            self._outcomes = self._faults = 0

    def _set(self, places: float) -> None:
        self._places = places
        self.places = int(places)

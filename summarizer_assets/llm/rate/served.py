"""How many requests a second were served lately: by it a throttle tells a limit that nobody announced."""

from bisect import bisect_left
from collections import deque
from typing import Final

_OVER_S: Final = 1.0
_LEAST: Final = 8
_SHORTEST_S: Final = 0.25


class Served:
    """Moments at which requests of one run were served, in seconds of the loop's clock."""

    def __init__(self) -> None:
        self._moments: deque[float] = deque(maxlen=4096)

    def at(self, now: float) -> None:
        self._moments.append(now)

    def a_second(self, now: float) -> float:
        """By the last second, or by the last few where that saw fewer; 0: too few to tell."""
        moments = list(self._moments)
        if len(moments) < _LEAST:
            return 0.0
        lately = moments[min(bisect_left(moments, now - _OVER_S), len(moments) - _LEAST) :]
        return len(lately) / max(now - lately[0], _SHORTEST_S)

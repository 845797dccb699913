"""Is the provider out, or do some authors make it fail? Told apart without charging anybody for an outage.

Groups whose tries are used up wait here. Any answer from the provider charges them: it is up, so they are the cause.
When several waited and nothing was answered between them, they are asked in halves while everybody else waits: where
single authors are the cause, a half without one is answered; where nothing is, the provider is out.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum, auto

from summarizer_assets.bucket.group import Group, Held
from summarizer_assets.core.grouping import halves

_DOUBT_AFTER = 5  # groups that failed with nothing answered between them


class Suspicion(Enum):
    NONE = auto()
    DOUBT = auto()  # ask the `probes`
    OUT = auto()


class OutageWatch:
    """Of one run."""

    def __init__(self) -> None:
        self._held: list[Held] = []
        self._waiting: deque[Group] = deque()
        self._doubt = 0
        self._unsettled = 0

    @property
    def held(self) -> Sequence[Held]:
        return self._held

    def failed(self, held: Held) -> Suspicion:
        """A group failed at the provider's door."""
        self._held.append(held)
        if self._unsettled:
            if held.group.probe == self._doubt:
                self._unsettled -= 1
            return Suspicion.NONE if self._unsettled else Suspicion.OUT
        return Suspicion.DOUBT if len(self._held) >= _DOUBT_AFTER else Suspicion.NONE

    def probes(self, queue: deque[Group]) -> list[Group]:
        """The held groups in halves, to be asked before `queue`, which is emptied until the doubt is settled.

        Empty when each holds one author: then nothing is left to halve.
        """
        several = [held.group for held in self._held if len(held.group.positions) > 1]
        if several:
            self._held = [held for held in self._held if len(held.group.positions) == 1]
            self._waiting.extend(queue)
            queue.clear()
            self._doubt += 1
        probes = [
            replace(group, positions=half, probe=self._doubt) for group in several for half in halves(group.positions)
        ]
        self._unsettled = len(probes)
        return probes

    def answered(self, queue: deque[Group]) -> list[Held]:
        """The provider answered, whatever it said: whom to charge; who waited goes back to `queue`."""
        held, self._held = self._held, []
        queue.extend(self._waiting)
        self._waiting.clear()
        self._unsettled = 0
        return held

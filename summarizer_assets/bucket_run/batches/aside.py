"""What a run of batch jobs asks online: the part of its authors that goes into no job."""

import threading
from collections.abc import Callable, Sequence

from summarizer_assets.bucket_run.route import Route, RouteTotals
from summarizer_assets.core.batches.followups import Question
from summarizer_assets.core.outcome import Stop

#: Makes the route that asks online for the authors at these positions, and in just these questions.
Online = Callable[[Sequence[int], Sequence[Question]], Route]


class Aside:
    """Online routes of one run, one after the other. `told`: why the run is to end, since somebody said so."""

    def __init__(self, online: Online) -> None:
        self.told: Stop | None = None
        self._online = online
        self._lock = threading.Lock()
        self._asking: Route | None = None
        self._before: list[RouteTotals] = []

    def ask(self, positions: Sequence[int], questions: Sequence[Question]) -> Stop | None:
        """Ask, and wait until all have an outcome; returns why not all have."""
        with self._lock:
            if self.told is not None:
                return self.told
            self._asking = asking = self._online(positions, questions)
            asking.start()
        stop = asking.join()
        with self._lock:
            self._before.append(asking.totals())
            self._asking = None
        return stop

    def stop(self, why: Stop | None) -> None:
        """As of a `Route`."""
        with self._lock:
            self.told = self.told or why or Stop("terminated", "the run was ended")
            asking = self._asking
        if asking is not None:
            asking.stop(why)

    @property
    def asking(self) -> Route | None:
        """The route that asks now."""
        return self._asking

    def totals(self) -> list[RouteTotals]:
        with self._lock:
            return [*self._before, *([] if self._asking is None else [self._asking.totals()])]

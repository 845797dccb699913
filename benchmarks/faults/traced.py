"""A process that notes where it is, in memory that outlives it, and kills itself where it was told to."""

import inspect
import os
import signal
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

#: Cells of the memory: the phase of the step's thread, that of the asker's, authors of requests begun and ended.
STEP, ASKER, BEGUN, ENDED = range(4)

Moment = Literal["before", "in", "after"]


@dataclass(frozen=True)
class Aim:
    """When a life is to end.

    With a phase: before, in (after `delay_s`) or after its `nth` time. Without: `delay_s` after the life's start
    (`before` it is at work) or after its work began (`in`).
    """

    phase: str | None
    nth: int
    moment: Moment
    delay_s: float


class Trace:
    """Puts notes around functions, by the names of `phases`; the first one is where every life begins."""

    def __init__(self, cells: Any, aim: Aim | None, phases: Sequence[str]) -> None:  # noqa: ANN401 - an array of multiprocessing's
        self.cells = cells
        self._aim = aim
        self._phases = phases
        self._times: Counter[str] = Counter()

    def around(
        self,
        owner: Any,  # noqa: ANN401 - a module or a class
        name: str,
        phase: str | Callable[..., str],
        cell: int = STEP,
        then: str | None = None,
    ) -> None:
        """Note `phase` while `owner.name` runs, and then `then`, or what was noted before."""
        original = getattr(owner, name)

        def begins(given: Sequence[Any]) -> tuple[str, int]:
            here = phase if isinstance(phase, str) else phase(*given)
            former = self.cells[cell]
            self.cells[cell] = self._phases.index(here)
            self._times[here] += 1
            self._reached(here, "before")
            self._reached(here, "in")
            return here, former

        def ends(here: str, former: int) -> None:
            self._reached(here, "after")
            self.cells[cell] = former if then is None else self._phases.index(then)

        def traced(*given: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
            noted = begins(given)
            result = original(*given, **options)
            ends(*noted)
            return result

        async def traced_later(*given: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
            noted = begins(given)
            result = await original(*given, **options)
            ends(*noted)
            return result

        setattr(owner, name, traced_later if inspect.iscoroutinefunction(original) else traced)

    def _reached(self, phase: str, moment: Moment) -> None:
        aim = self._aim
        if aim is None or (aim.phase, aim.nth, aim.moment) != (phase, self._times[phase], moment):
            return
        if moment == "in":
            threading.Thread(target=_die, args=(aim.delay_s,), daemon=True).start()
        else:
            _die(0)


def _die(delay_s: float) -> None:
    time.sleep(delay_s)
    os.kill(os.getpid(), signal.SIGKILL)


def settle_in(environment: Mapping[str, str], home: str, said: str) -> None:
    """What a life begins with: its output goes to the file `said`, and Dagster's own files of a killed run stay."""
    with Path(said).open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.environ.update(environment)
    tempfile.tempdir = home

"""A run of one bucket that notes where it is, in memory that outlives it, and kills itself where it was told to.

Imported by `benchmarks.faults.kills`, which starts it; a module of its own, so that a process can be forked with all
imports done and nothing begun.
"""

import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from summarizer_assets.bucket_run import results as outcomes
from summarizer_assets.bucket_run import run as pipeline
from summarizer_assets.bucket_run import work
from summarizer_assets.bucket_run.asking.online import OnlineRequests
from summarizer_assets.llm.client import Client
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.journal import Journal, Segment
from summarizer_assets.storage.state_db.state import StateStore
from testing import worker

PHASES = (
    "starting",
    "planning",
    "claiming",
    "replaying",
    "asking",
    "journal",
    "sealing",
    "append",
    "merge",
    "overwrite",
    "compact",
    "dropping",
    "settling",
    "finishing",
    "ended",
)
#: Cells of the memory: the phase of the step's thread, that of the asker's, authors of requests begun and ended.
STEP, ASKER, BEGUN, ENDED = range(4)
_AUTHOR = re.compile(r'^#"', re.MULTILINE)

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
    """Notes where the process is, and ends it where it was told to."""

    def __init__(self, cells: Any, aim: Aim | None) -> None:  # noqa: ANN401 - an array of multiprocessing's
        self._cells = cells
        self._aim = aim
        self._times: Counter[str] = Counter()

    def install(self) -> None:
        """Put the notes around what the phases are named after."""
        self._around(work, "take_snapshot", "planning")
        self._around(StateStore, "try_claim", "claiming")
        self._around(work, "replay", "replaying")
        self._around(OnlineRequests, "start", "starting", then="asking")
        self._around(OnlineRequests, "join", "asking", then="settling")
        self._around(Journal, "write", "journal", cell=ASKER)
        self._around(Segment, "seal", "sealing")
        self._around(BucketWriter, "apply", lambda _, change: type(change).__name__.lower())
        self._around(outcomes, "drop", "dropping")
        self._around(pipeline.BucketRun, "finish", "finishing", then="ended")
        complete = Client.complete

        async def counted(client: Client, body: bytes, **options: Any) -> Any:  # noqa: ANN401 - as the original
            authors = len(_AUTHOR.findall(json.loads(body)["messages"][-1]["content"]))
            self._cells[BEGUN] += authors
            try:
                return await complete(client, body, **options)
            finally:
                self._cells[ENDED] += authors

        Client.complete = counted  # type: ignore[method-assign,assignment] # the victim is watched, not changed

    def _around(
        self,
        owner: Any,  # noqa: ANN401 - a module or a class
        name: str,
        phase: str | Callable[..., str],
        cell: int = STEP,
        then: str | None = None,
    ) -> None:
        original = getattr(owner, name)

        def traced(*given: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
            here = phase if isinstance(phase, str) else phase(*given)
            former = self._cells[cell]
            self._cells[cell] = PHASES.index(here)
            self._times[here] += 1
            self._reached(here, "before")
            self._reached(here, "in")
            result = original(*given, **options)
            self._reached(here, "after")
            self._cells[cell] = former if then is None else PHASES.index(then)
            return result

        setattr(owner, name, traced)

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


def live(bucket: str, environment: Mapping[str, str], home: str, said: str, cells: Any, aim: Aim | None) -> None:  # noqa: ANN401 - an array of multiprocessing's
    """A run of a bucket in this new process."""
    with Path(said).open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    os.environ.update(environment)
    tempfile.tempdir = home  # Dagster's own files of a killed run stay behind
    Trace(cells, aim).install()
    sys.exit(worker.main(bucket))

"""SIGTERM and Dagster's cancel end a run like any other stop: what is answered is stored first."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from summarizer_assets.core.outcome import Stop
from summarizer_assets.pipeline import BucketRun

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted:
    """The signal that came while a run was ending in order."""

    def __init__(self) -> None:
        self.signum: int | None = None

    def resume(self) -> None:
        """Let whoever handled the signal before have it now, so that Dagster sees a cancelled run as cancelled."""
        if self.signum is not None:
            signal.raise_signal(self.signum)


@contextmanager
def stop_on_signals(run: BucketRun) -> Iterator[Interrupted]:
    """While the block runs, the first SIGINT or SIGTERM stops `run`; a second one goes to the former handler."""
    interrupted = Interrupted()
    if threading.current_thread() is not threading.main_thread():
        yield interrupted  # Python delivers signals to the main thread only
        return
    former: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}

    def handle(signum: int, frame: FrameType | None) -> None:
        if interrupted.signum is None:
            interrupted.signum = signum
            run.request_stop(Stop("terminated", "the run was told to end; what was answered is stored, run it again"))
            return
        handler = former[signum]
        if callable(handler):
            handler(signum, frame)

    for number in _SIGNALS:
        former[int(number)] = signal.signal(number, handle)
    try:
        yield interrupted
    finally:
        for signum, handler in former.items():
            signal.signal(signum, handler)

"""SIGTERM and Dagster's cancel while a stream is being committed: the stream ends in order instead of being torn."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_interrupt(tell: Callable[[int], None] | None) -> Iterator[None]:
    """While the block runs, the first SIGINT or SIGTERM is told to `tell`; a second one goes to the former handler.

    Dagster sets handlers of its own around each call of an IO manager, so this belongs inside that call. With None,
    and outside the main thread, where Python delivers no signals, nothing changes.
    """
    if tell is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    former: dict[int, Callable[[int, FrameType | None], object] | int | None] = {}
    told = False

    def handle(signum: int, frame: FrameType | None) -> None:
        nonlocal told
        if not told:
            told = True
            tell(signum)
            return
        handler = former[signum]
        if callable(handler):
            handler(signum, frame)

    for number in _SIGNALS:
        former[int(number)] = signal.signal(number, handle)
    try:
        yield
    finally:
        for signum, handler in former.items():
            signal.signal(signum, handler)

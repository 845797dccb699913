"""Handling of SIGTERM and Dagster's cancellation during a stream, so that the stream ends in order."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def on_interrupt(tell: Callable[[int], None] | None) -> Iterator[None]:
    """Within the block, pass the first SIGINT or SIGTERM to `tell`, and a second one to the previous handler.

    Dagster sets its own handlers around each call of an IO manager, so this must be used inside that call. Does nothing
    if `tell` is None, or outside the main thread, where Python delivers no signals.
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

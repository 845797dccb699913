"""The event loop that requests run in: uvloop's, where it can be installed."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """For `asyncio.Runner`. Its timers and handles are not of asyncio's classes: never ask by `isinstance` for them."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - not installable on Windows

    return uvloop.new_event_loop


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` in an event loop of its own, which is closed afterwards."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)

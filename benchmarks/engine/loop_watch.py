"""How long an event loop is held: how late a timer comes that fires again and again beside a contender's requests.

While the loop is held, by work or a wait of its own or by another thread that keeps the interpreter, no reply is read
and no request sent. On a busy machine a beat is late because other processes have the cores, too: the CPU that this
process used meanwhile is the part that it did itself.
"""

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Final, TypeVar

T = TypeVar("T")

_BEAT_S: Final = 0.005
_LONG_S: Final = 0.05


@dataclass(frozen=True)
class Hold:
    """Seconds by which a beat came late, and of CPU (all threads) that the process used from the beat before."""

    late_s: float
    cpu_s: float


@contextmanager
def watched() -> Iterator[list[Hold]]:
    """The holds of every event loop that `asyncio.Runner` runs in the block, a beat each."""
    holds: list[Hold] = []
    run = asyncio.Runner.run

    def beside_a_beat(runner: asyncio.Runner, main: Coroutine[Any, Any, T], *, context: Context | None = None) -> T:
        async def both() -> T:
            beat = asyncio.create_task(_beat(holds))
            try:
                return await main
            finally:
                beat.cancel()

        return run(runner, both(), context=context)

    asyncio.Runner.run = beside_a_beat  # type: ignore[assignment,method-assign] # uvloop and `asyncio.run` use it too
    try:
        yield holds
    finally:
        asyncio.Runner.run = run  # type: ignore[method-assign] # as it was


async def _beat(holds: list[Hold]) -> None:
    while True:
        due, cpu = time.monotonic() + _BEAT_S, time.process_time()
        await asyncio.sleep(_BEAT_S)
        holds.append(Hold(time.monotonic() - due, time.process_time() - cpu))


def told(holds: Sequence[Hold]) -> dict[str, float]:
    """The longest hold, the longest that was this process's own work (ms), and how many took more than 50 ms."""
    return {
        "hold_ms": 1e3 * max((hold.late_s for hold in holds), default=0.0),
        "own_hold_ms": 1e3 * max((min(hold.late_s, hold.cpu_s) for hold in holds), default=0.0),
        "long_holds": sum(hold.late_s > _LONG_S for hold in holds),
    }

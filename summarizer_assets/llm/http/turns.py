"""Replies that arrive together are handed out one by one, so that each makes room for the next request at once.

The event loop runs what is ready in the order it became so. Of 64 replies in one look at the sockets, all would be read
and checked before the first of the next 64 requests is sent: requests stay a herd, and the provider waits for us while
we work as we wait for it while it does. Measured at 200 ms of latency and 64 in flight: 0.61 of the possible without,
0.82 with it.
"""

import asyncio
from collections import deque
from typing import Final

#: Passes of the loop from the end of one request to the next one sent: its task ends, another is made, it runs.
_PASSES: Final = 3


class Turns:
    """Lets one caller of `wait` go on, then others only after what it set off had its passes of the event loop."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def wait(self) -> None:
        """Returns at once when nobody had a turn in the last few passes, else in the order of the calls."""
        loop = asyncio.get_running_loop()
        if not self._taken:
            self._taken = True
            loop.call_soon(self._pass, loop, _PASSES)
            return
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.append(turn)
        await turn

    def _pass(self, loop: asyncio.AbstractEventLoop, left: int) -> None:
        if left:
            loop.call_soon(self._pass, loop, left - 1)
            return
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():  # cancelled while it waited
                turn.set_result(None)
                loop.call_soon(self._pass, loop, _PASSES)
                return
        self._taken = False

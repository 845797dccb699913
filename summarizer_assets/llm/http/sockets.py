"""The sockets of a transport, so that none is open when its event loop closes.

A connection over TLS that a cancelled request left says goodbye in the background, for up to half a minute, and no
pool knows it any more. uvloop, closed around it, raises "Device or resource busy" (measured with uvloop 0.23 and
aiohttp 3.14), which failed a run whose answers were all stored.
"""

import asyncio
import contextlib
import socket
from typing import Final
from weakref import WeakSet

from aiohappyeyeballs import AddrInfoType

_LOOK_S: Final = 0.005
_LOOKS: Final = 200  # a second: a socket that was cut is let go within a few turns of the loop


class Sockets:
    """Opens the sockets, and knows which of them are still open."""

    def __init__(self) -> None:
        self._made: WeakSet[socket.socket] = WeakSet()

    def open(self, address: AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        made = socket.socket(family, kind, protocol)
        self._made.add(made)
        return made

    async def cut(self) -> None:
        """Cut what is still open, and wait until the loop has let go of it. No reply is awaited any more.

        What it has not let go of within a second stays open: closing the loop then raises, which fails the run.
        """
        for one in self._open():
            with contextlib.suppress(OSError):  # not connected, or cut by the other side
                one.shutdown(socket.SHUT_RDWR)
        for _ in range(_LOOKS):
            if not self._open():
                return
            await asyncio.sleep(_LOOK_S)

    def _open(self) -> list[socket.socket]:
        return [one for one in self._made if one.fileno() != -1]

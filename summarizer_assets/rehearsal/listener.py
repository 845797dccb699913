"""A listening socket that can refuse connections or leave them unanswered, and keeps its port meanwhile."""

import asyncio
import socket
import ssl
from collections.abc import Callable
from functools import partial
from typing import Final

_BACKLOG: Final = 2048
_FILLERS: Final = 8  # own connections, enough to fill a backlog of one
_AT_A_TIME: Final = 256


class Listener:
    """Accepts connections for protocols of the running loop.

    Args:
        protocol: creates the protocol of a connection.
        host: IPv4 address to listen on.
        port: 0 for a free port.
        tls: TLS context of the server; None for plain connections.
        on_tls_failure: called for each connection whose TLS handshake failed.
    """

    def __init__(
        self,
        protocol: Callable[[], asyncio.Protocol],
        host: str,
        port: int,
        *,
        tls: ssl.SSLContext | None,
        on_tls_failure: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._protocol = protocol
        self._tls = tls
        self._on_tls_failure = on_tls_failure
        self._tasks: set[asyncio.Task[None]] = set()
        self._fillers: list[socket.socket] = []
        self._socket = _bound((host, port))
        self._address: tuple[str, int] = self._socket.getsockname()
        self._listening = False
        self.open()

    @property
    def port(self) -> int:
        return self._address[1]

    def open(self) -> None:
        """Accept connections, including those that have been waiting."""
        self._empty()
        self._socket.listen(_BACKLOG)
        if not self._listening:
            self._loop.add_reader(self._socket.fileno(), self._accept)
            self._listening = True

    def refuse(self) -> None:
        """Refuse connections until `open`."""
        self._stop()
        # A socket that is bound but does not listen refuses connections and keeps the port.
        self._socket = _bound(self._address)

    def accept_nothing(self) -> None:
        """Leave connections unanswered until `open`, like a server with a full backlog."""
        self._stop()
        self._socket = _bound(self._address)
        self._socket.listen(0)
        for _ in range(_FILLERS):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(self._address)
            self._fillers.append(filler)

    def close(self) -> None:
        self._stop()
        for task in self._tasks:
            task.cancel()

    def _stop(self) -> None:
        self._empty()
        if self._listening:
            self._loop.remove_reader(self._socket.fileno())
            self._listening = False
        self._socket.close()

    def _empty(self) -> None:
        for filler in self._fillers:
            filler.close()
        self._fillers.clear()

    def _accept(self) -> None:
        for _ in range(_AT_A_TIME):
            try:
                connection, _address = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return  # no connection is waiting
            connection.setblocking(False)
            task = self._loop.create_task(self._connect(connection))
            self._tasks.add(task)
            task.add_done_callback(partial(self._came_about, connection))

    def _came_about(self, connection: socket.socket, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled():  # perhaps before it started, so that it could not close the connection itself
            connection.close()

    async def _connect(self, connection: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection, ssl=self._tls)
        except OSError:  # the client rejects our certificate or is gone; it reports the reason itself
            connection.close()
            self._on_tls_failure()


def _bound(address: tuple[str, int]) -> socket.socket:
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setblocking(False)
    made.bind(address)
    return made

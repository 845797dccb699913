"""The door to the network: a raw HTTP server that writes real bytes, and can break off anywhere."""

import asyncio
import ssl

from summarizer_assets.rehearsal.connection import Connection
from summarizer_assets.rehearsal.listener import Listener
from summarizer_assets.rehearsal.provider import FaultyProvider, Shut


class WireDoor:
    """Serves a provider on a port, and its control interface on that and on one of its own, which is never shut.

    To be made and closed in the event loop that serves.

    Args:
        provider: what is served.
        host: an IPv4 address to listen on.
        port: 0 takes a free one, as does `control_port`.
        tls: serve the provider over TLS; None: plain HTTP. The port of the control interface is always plain.
    """

    def __init__(
        self,
        provider: FaultyProvider,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        control_port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._provider = provider
        self._connections: set[Connection] = set()
        self._controls: set[Connection] = set()
        self._reopening: asyncio.TimerHandle | None = None
        self._listener = Listener(self._connection, host, port, tls=tls, on_tls_failure=self._tls_failed)
        self._control = Listener(self._controlling, host, control_port, tls=None, on_tls_failure=self._tls_failed)
        self._plain = tls is None
        self.base_url = f"{'http' if self._plain else 'https'}://{host}:{self._listener.port}/v1"
        self.control_url = f"http://{host}:{self._control.port}/v1"
        provider.on_change.append(self._plan_changed)
        self._apply_plan()

    def close(self) -> None:
        """Stop serving; connections are broken."""
        self._provider.on_change.remove(self._plan_changed)
        if self._reopening is not None:
            self._reopening.cancel()
        self._listener.close()
        self._control.close()
        for connection in [*self._connections, *self._controls]:
            connection.reset()

    def _connection(self) -> Connection:
        return Connection(self._provider, self._shut, self._connections, plain=self._plain)

    def _controlling(self) -> Connection:
        return Connection(self._provider, self._shut, self._controls, plain=True)

    def _tls_failed(self) -> None:
        self._provider.record.tls_failures += 1

    def _plan_changed(self) -> None:
        """From any thread, and within a request to the control interface, whose answer goes out first."""
        self._loop.call_soon_threadsafe(self._apply_plan)

    def _apply_plan(self) -> None:
        shut = self._provider.shut_from_the_start()
        if shut is not None:
            self._shut(shut)
        elif self._reopening is not None:
            self._reopening.cancel()
            self._reopen()

    def _shut(self, shut: Shut) -> None:
        if shut.refused:
            self._listener.refuse()
        else:
            self._listener.accept_nothing()
        for connection in list(self._connections):
            connection.leave()
        if self._reopening is not None:
            self._reopening.cancel()
        self._reopening = self._loop.call_later(shut.seconds, self._reopen)

    def _reopen(self) -> None:
        self._reopening = None
        self._listener.open()

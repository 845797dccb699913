"""The provider's raw HTTP server, which can break a response at any byte."""

import asyncio
import ssl

from summarizer_assets.rehearsal.connection import Connection
from summarizer_assets.rehearsal.listener import Listener
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.reply import Shut


class WireDoor:
    """Serves a provider on one port, and its control interface on the same port and on a second, never shut one.

    Create and close it in the event loop that serves.

    Args:
        provider: the provider to serve.
        host: IPv4 address to listen on.
        port: 0 for a free port; the same for `control_port`.
        tls: TLS context of the provider's port; None for plain HTTP. The control port is always plain.
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
        """Stop serving and break all connections."""
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
        """Apply a new plan. Called from any thread, also by a control request, whose response is sent first."""
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

"""The faulty provider as a server of this process.

Its control URL answers even while the plan keeps the provider shut. Control requests (see `control`):
`GET /_control/record`, `GET /_control/stats`, `GET` and `POST /_control/plan`, `POST /_control/heal`.
"""

import asyncio
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass

from summarizer_assets.llm.http.event_loop import run
from summarizer_assets.rehearsal.http_server import WireDoor
from summarizer_assets.rehearsal.provider import FaultyProvider


@dataclass(frozen=True)
class Served:
    """Where a server answers. `control_url`: answers even while the plan keeps the provider shut."""

    base_url: str
    control_url: str


def serve(
    provider: FaultyProvider,
    ready: Callable[[Served], None],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    control_port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called as soon as both addresses answer. Port 0 takes a free one."""

    async def serving() -> None:
        door = WireDoor(provider, host=host, port=port, control_port=control_port, tls=tls)
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        ready(Served(door.base_url, door.control_url))
        await ended.wait()
        door.close()

    run(serving())

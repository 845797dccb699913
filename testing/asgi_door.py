"""The faulty provider within a process: an ASGI application. What only a socket can do, it refuses to do."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from summarizer_assets.rehearsal.control import PREFIX, control, unknown
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.reply import Reply
from summarizer_assets.rehearsal.status_faults import Answer
from summarizer_assets.rehearsal.wire_faults import SCRIPTS, STALL

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class AsgiDoor:
    """The application: chat completions, the list of models, and the control interface.

    Args:
        provider: what is served.
        sleep: waits for latency.

    Raises:
        RuntimeError: for a request that a fault of the wire is planned for.
    """

    def __init__(self, provider: FaultyProvider, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._provider = provider
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"this application serves HTTP only, not {scope['type']}; start it with lifespan off")
        body = await _read(receive)
        method, path = scope["method"], scope["path"]
        if path.startswith(PREFIX):
            await _send(send, control(self._provider, method, path, body))
        elif method == "POST" and path.endswith("/chat/completions"):
            await self._answer(self._provider.reply(body), receive, send)
        elif method == "GET" and path.endswith("/models"):
            await self._answer(self._provider.models(), receive, send)
        else:
            await _send(send, unknown(method, path))

    async def _answer(self, reply: Reply, receive: Receive, send: Send) -> None:
        status: int | None = None
        try:
            if reply.delay_s > 0:
                await self._sleep(reply.delay_s)
            if reply.script is SCRIPTS[STALL]:
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            if reply.script is not None or reply.shut is not None:
                fault = reply.entry.fault if reply.entry else "an outage"
                raise RuntimeError(f"{fault}: only a socket can do this; serve the provider by `http_server.WireDoor`")
            await _send(send, reply.answer)
            status = reply.answer.status
        finally:
            self._provider.done(reply, status, whole=status is not None)


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(send: Send, answer: Answer) -> None:
    headers = {"content-type": "application/json", **answer.headers, "content-length": str(len(answer.body))}
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})

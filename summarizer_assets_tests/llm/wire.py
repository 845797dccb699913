"""Real servers on loopback that misbehave on command, and a client in front of them."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.backoff import RetryQuota, Surroundings, Tries
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.http.transport import TransportLimits, build_transport
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.llm.rate.pacer import Pacer
from summarizer_assets.llm.reply import Reply

KEY = "sk-canary-0123456789abcdefghij"
GOOD = json.dumps({"id": "chatcmpl-1", "choices": [{"message": {"content": "fine"}}], "usage": {}}).encode()


@dataclass
class Asked:
    """One request as it came over the wire; `connection` counts connections from 0."""

    line: str
    headers: dict[str, str]
    body: bytes
    connection: int


Answer = Callable[[Asked, asyncio.StreamWriter], Awaitable[None]]


def reply(body: bytes = GOOD, status: int = 200, **headers: str) -> bytes:
    """A whole HTTP reply. Header names are given with underscores."""
    fields = {"content-type": "application/json", "content-length": str(len(body))}
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


def error(message: str, **fields: object) -> bytes:
    return json.dumps({"error": {"message": message, **fields}}).encode()


def answering(*replies: bytes) -> Answer:
    """The replies in order, the last one for ever."""
    left = list(replies)

    async def answer(asked: Asked, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return answer


@dataclass
class Server:
    port: int
    asked: list[Asked] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)  # a client closed its connection
    open: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@contextlib.asynccontextmanager
async def serving(answer: Answer, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server that reads whole requests and lets `answer` write what it likes; it closes what `answer` left open."""
    server = Server(0)
    tasks: set[asyncio.Task[None]] = set()
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        number, connections = connections, connections + 1
        server.open += 1
        try:
            while asked := await _request(reader, number):
                server.asked.append(asked)
                pending = asyncio.ensure_future(answer(asked, writer))
                if not await _unless_gone(pending, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            return  # the client went away, which is what some tests are about
        finally:
            server.open -= 1
            server.gone.set()
            writer.transport.abort()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


async def _unless_gone(
    pending: asyncio.Future[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Finish the answer; False when the client closed the connection before."""
    while not pending.done():
        await asyncio.wait([pending], timeout=0.01)
        if not pending.done() and (writer.transport.is_closing() or reader.at_eof()):
            pending.cancel()
            await asyncio.gather(pending, return_exceptions=True)
            return False
    await pending
    return not writer.transport.is_closing()


async def _request(reader: asyncio.StreamReader, connection: int) -> Asked | None:
    head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
    if not head:
        return None
    line, *fields = head.decode().rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (entry.partition(":") for entry in fields)}
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(int(headers["content-length"]))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            body += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    return Asked(line, headers, body, connection)


def text(got: Reply) -> str:
    """A `check` that trusts the reply."""
    return got.body.decode()


@dataclass
class Patience:
    """A sleep that takes no time and remembers how long it was asked for."""

    slept: list[float] = field(default_factory=list)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def calling(  # noqa: PLR0913 - each test names the two knobs it is about
    url: str,
    *,
    max_in_flight: int = 8,
    deadline_s: float = 5.0,
    body_bytes: int = 1 << 20,
    tries: Tries | None = None,
    budget: RetryQuota | None = None,
    limits: RateLimits | None = None,
    first_alone: bool = True,
    api_key: str | None = KEY,
    ca_file: Path | None = None,
    patience: Patience | None = None,
) -> AsyncIterator[Client]:
    """A client of the server at `url`, which never really sleeps between two tries."""
    transport = build_transport(
        limits=TransportLimits(
            max_connections=max_in_flight, deadline_s=deadline_s, connect_s=1.0, body_bytes=body_bytes
        ),
        ca_file=ca_file,
    )
    client = Client(
        transport,
        url,
        OPENAI_CHAT,
        Pacer(max_in_flight, limits, first_alone=first_alone),
        api_key=api_key,
        tries=tries,
        quota=budget,
        surroundings=Surroundings(sleep=(patience or Patience()).sleep, random=lambda: 0.5),
    )
    try:
        yield client
    finally:
        await client.aclose()


def untold(_result: object) -> None:
    """The reply did not say what it cost."""


async def ask(client: Client, body: bytes = b"{}") -> str:
    return await client.complete(body, estimated_tokens=100, most_output_tokens=100, check=text, settle=untold)

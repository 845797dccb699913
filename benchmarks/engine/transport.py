"""CPU of one request by requests in flight: our client against its parts and against httpx's own pool.

    python -m benchmarks.engine.transport [--in-flight 16,64,512] [--requests 4000] [--rounds 3] [--without httpx]

A raw `asyncio.Protocol` server with one cached reply of 6 KB runs in a process of its own. The contenders take turns,
so that a noisy machine hits all of them; the CPU is this process's user and system time, and the median round counts.
Prints a table, the share of a core the server used, and the same figures as JSON on the last line.
"""

import argparse
import asyncio
import json
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from multiprocessing.connection import Connection
from typing import cast

from benchmarks.command import command, numbers

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"in_flight": [4], "requests": 50, "rounds": 1})
    parser.add_argument("--in-flight", type=numbers, default=[16, 64, 512], help="levels, comma-separated")
    parser.add_argument("--requests", type=int, default=4000, help="requests of one measurement")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without", default="", help="contenders to leave out, comma-separated")
    options = parser.parse_args()

import aiohttp
import httpx
import uvloop

from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.client import Client
from summarizer_assets.llm.http.transport import TransportLimits, build_transport
from summarizer_assets.llm.protocols.openai_chat import OPENAI_CHAT
from summarizer_assets.llm.rate.pacer import Pacer
from summarizer_assets.llm.reply import Reply

BODY = json.dumps(
    {"model": "m", "messages": [{"role": "user", "content": "x" * 6000}], "response_format": {"type": "json_schema"}}
).encode()
_CONTENT = json.dumps({"summaries": [{"author_id": str(i), "summary": "y" * 250} for i in range(20)]})
REPLY = json.dumps(
    {
        "id": "chatcmpl-1",
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": _CONTENT}}],
        "usage": {"prompt_tokens": 1500, "completion_tokens": 1200, "total_tokens": 2700},
    }
).encode()
HEAD = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(REPLY)}\r\nx-request-id: r1\r\n\r\n"
ANSWER = HEAD.encode() + REPLY

Ask = Callable[[], Awaitable[bytes]]


def cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


class Server(asyncio.Protocol):
    """Answers each complete request with the cached reply, and `GET /cpu` with its own CPU seconds."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        if self.buffer.startswith(b"GET /cpu"):
            body = repr(cpu_s()).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
            self.buffer = b""
            return
        at = self.buffer.lower().find(b"content-length:", 0, head)
        length = int(self.buffer[at + 15 : self.buffer.index(b"\r\n", at)])
        if len(self.buffer) >= head + 4 + length:
            self.buffer = self.buffer[head + 4 + length :]
            self.transport.write(ANSWER)


def serve(ready: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Server, "127.0.0.1", 0, backlog=4096)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


async def our_client(url: str, in_flight: int, stack: AsyncExitStack, limits: RateLimits | None = None) -> Ask:
    transport = build_transport(limits=TransportLimits(max_connections=in_flight))
    client = Client(transport, url, OPENAI_CHAT, Pacer(in_flight, limits, first_alone=False), api_key="sk-benchmark")
    stack.push_async_callback(client.aclose)

    def body_of(reply: Reply) -> bytes:
        return reply.body

    async def ask() -> bytes:
        return await client.complete(
            BODY, estimated_tokens=2700, most_output_tokens=1200, check=body_of, settle=lambda _: None
        )

    return ask


async def our_client_paced(url: str, in_flight: int, stack: AsyncExitStack) -> Ask:
    """The same with both limits known, and so high that nobody waits: what the buckets cost."""
    return await our_client(url, in_flight, stack, RateLimits(1e9, 1e13))


async def our_transport(url: str, in_flight: int, stack: AsyncExitStack) -> Ask:
    transport = await stack.enter_async_context(build_transport(limits=TransportLimits(max_connections=in_flight)))
    address = httpx.URL(url + "/chat/completions")
    headers = httpx.Headers({"Content-Type": "application/json", "Authorization": "Bearer sk-benchmark"})

    async def ask() -> bytes:
        request = httpx.Request("POST", address, headers=headers, stream=httpx.ByteStream(BODY))
        return (await transport.handle_async_request(request)).content

    return ask


async def raw_aiohttp(url: str, in_flight: int, stack: AsyncExitStack) -> Ask:
    session = await stack.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=in_flight), cookie_jar=aiohttp.DummyCookieJar())
    )
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-benchmark"}

    async def ask() -> bytes:
        async with session.post(url + "/chat/completions", data=BODY, headers=headers) as response:
            return await response.read()

    return ask


async def plain_httpx(url: str, in_flight: int, stack: AsyncExitStack) -> Ask:
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    client = await stack.enter_async_context(httpx.AsyncClient(limits=limits, timeout=120, trust_env=False))
    headers = {"Content-Type": "application/json", "Authorization": "Bearer sk-benchmark"}

    async def ask() -> bytes:
        return (await client.post(url + "/chat/completions", content=BODY, headers=headers)).content

    return ask


CONTENDERS = {
    "our client": our_client,
    "our client, limits known": our_client_paced,
    "our transport alone": our_transport,
    "aiohttp": raw_aiohttp,
    "httpx": plain_httpx,
}
SLOW = {"httpx": 0.1}  # of the requests: its cost a request is the finding, not its total


async def measure(name: str, url: str, in_flight: int, requests: int) -> float:
    """CPU milliseconds of one request, connections already open."""
    async with AsyncExitStack() as stack:
        ask = await CONTENDERS[name](url, in_flight, stack)
        await asyncio.gather(*(ask() for _ in range(in_flight)))
        left = total = max(in_flight, int(requests * SLOW.get(name, 1)))

        async def worker() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                assert len(await ask()) == len(REPLY)

        before = cpu_s()
        await asyncio.gather(*(worker() for _ in range(in_flight)))
        return (cpu_s() - before) / total * 1000


async def server_cpu_s(url: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(url.removesuffix("/v1") + "/cpu") as response:
        return float(await response.text())


async def run(url: str, names: list[str], levels: list[int], requests: int, rounds: int) -> dict[str, dict[int, float]]:
    found: dict[str, dict[int, list[float]]] = {name: {level: [] for level in levels} for name in names}
    began, server_before = time.monotonic(), await server_cpu_s(url)
    for _ in range(rounds):
        for level in levels:
            for name in names:
                found[name][level].append(await measure(name, url, level, requests))
    share = (await server_cpu_s(url) - server_before) / (time.monotonic() - began)
    print(f"server: {share:.0%} of a core\n")
    return {
        name: {level: statistics.median(values) for level, values in by_level.items()}
        for name, by_level in found.items()
    }


def main(options: argparse.Namespace) -> None:
    names = [name for name in CONTENDERS if name not in options.without.split(",")]
    levels = options.in_flight
    # One descriptor a connection, and those of the last contender may linger.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 16384) if most > 0 else 16384, most))

    ready, child = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(child,), daemon=True)
    server.start()
    try:
        url = f"http://127.0.0.1:{ready.recv()}/v1"
        medians = uvloop.run(run(url, names, levels, options.requests, options.rounds))
    finally:
        server.terminate()
        server.join()

    print(f"CPU ms a request, {len(BODY):,} bytes out, {len(REPLY):,} bytes in\n")
    print(f"{'in flight':28}" + "".join(f"{level:>9}" for level in levels) + "   last/first")
    for name, by_level in medians.items():
        ratio = by_level[levels[-1]] / by_level[levels[0]]
        print(f"{name:28}" + "".join(f"{by_level[level]:9.3f}" for level in levels) + f"{ratio:10.2f}")
    print()
    print(json.dumps({"cpu_ms_per_request": medians, "python": sys.version.split()[0]}))


if __name__ == "__main__":
    main(options)

"""A provider that costs next to nothing: a raw `asyncio.Protocol` that puts a reply together from prepared pieces.

    python -m benchmarks.engine.cached_server REPLIES.msgpack

Prints its port and serves until its input ends. It finds the ids of the records (`#"id"`, as every contender renders
them) in a request and answers with their summaries. `GET /told` tells its own CPU seconds, the requests served, and the
seconds from the arrival of the first to the last answer; `GET /latency/0.2` makes it wait so long before each answer
and counts anew; `GET /limit/30000` then lets it throttle what exceeds so many requests a minute, of which one second's
may come at once.
"""

import asyncio
import json
import math
import re
import resource
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import cast

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="engine")
    parser.add_argument("replies", type=Path)
    options = parser.parse_args()

import msgspec
import uvloop

_ID = re.compile(rb'#\\"([^"\\]+)\\"')
_BEFORE = (
    b'{"id":"chatcmpl-1","object":"chat.completion","model":"m","choices":[{"index":0,"finish_reason":"stop",'
    b'"message":{"role":"assistant","content":"{\\"summaries\\":['
)
_AFTER = b']}"}}],"usage":{"prompt_tokens":%d,"completion_tokens":%d,"total_tokens":%d}}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-request-id: r1\r\ncontent-length: %d\r\n\r\n"
_THROTTLED = b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 0\r\n\r\n"
_CHARACTERS_A_TOKEN = 4


class Answers(ABC):
    """What is served, and what was so far: times are those of the first request and the last answer."""

    def __init__(self) -> None:
        self.start(0.0)

    def start(self, latency_s: float) -> None:
        """Count anew."""
        self.latency_s = latency_s
        self.served = self.throttled = 0
        self._a_second = self._left = math.inf
        self._left_at = 0.0
        self.first = self.last = 0.0

    def limit(self, a_minute: float) -> None:
        """Throttle from now on."""
        self._a_second = self._left = a_minute / 60
        self._left_at = time.monotonic()

    def admits(self) -> bool:
        """Whether a request is within the limit; counts those that are not."""
        now = time.monotonic()
        self._left = min(self._a_second, self._left + self._a_second * (now - self._left_at))
        self._left_at = now
        admitted = self._left >= 1
        self._left -= admitted
        self.throttled += not admitted
        return admitted

    @abstractmethod
    def to(self, request: bytes) -> bytes:
        """The whole response to a request's body; counts it."""


class Replies(Answers):
    """The pieces of replies by author id, and what was served so far."""

    def __init__(self, path: Path) -> None:
        pairs = msgspec.msgpack.decode(path.read_bytes(), type=list[tuple[str, str]])
        self.pieces = {author_id.encode(): _escaped(author_id, summary) for author_id, summary in pairs}
        super().__init__()

    def to(self, request: bytes) -> bytes:
        known = self.pieces
        summaries = b",".join([known[author_id] for author_id in _ID.findall(request) if author_id in known])
        asked, said = len(request) // _CHARACTERS_A_TOKEN, len(summaries) // _CHARACTERS_A_TOKEN
        body = _BEFORE + summaries + _AFTER % (asked, said, asked + said)
        self.served += 1
        self.last = time.monotonic()
        return HEAD % len(body) + body


def _escaped(author_id: str, summary: str) -> bytes:
    """A row as it stands inside the reply's content, which is a JSON string itself."""
    row = json.dumps({"author_id": author_id, "summary": summary}, ensure_ascii=False)
    return json.dumps(row, ensure_ascii=False)[1:-1].encode()


class Provider(asyncio.Protocol):
    def __init__(self, replies: Answers) -> None:
        self._replies = replies
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its bases

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        head = self._buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        if self._buffer.startswith(b"GET"):
            self._control(self._buffer[4 : self._buffer.index(b" ", 4)].decode())
            self._buffer = b""
            return
        at = self._buffer[:head].lower().find(b"content-length:")
        length = int(self._buffer[at + 15 : self._buffer.index(b"\r\n", at)])
        if len(self._buffer) < head + 4 + length:
            return
        request, self._buffer = self._buffer[head + 4 : head + 4 + length], self._buffer[head + 4 + length :]
        self._replies.first = self._replies.first or time.monotonic()
        if not self._replies.admits():
            self._transport.write(_THROTTLED)
        elif self._replies.latency_s:
            asyncio.get_running_loop().call_later(self._replies.latency_s, self._answer, request)
        else:
            self._answer(request)

    def _answer(self, request: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(self._replies.to(request))

    def _control(self, path: str) -> None:
        if path.startswith("/latency/"):
            self._replies.start(float(path.removeprefix("/latency/")))
        if path.startswith("/limit/"):
            self._replies.limit(float(path.removeprefix("/limit/")))
        usage = resource.getrusage(resource.RUSAGE_SELF)
        replies = self._replies
        told = {
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "served": replies.served,
            "throttled": replies.throttled,
            "busy_s": replies.last - replies.first,
        }
        body = json.dumps(told).encode()
        self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)


async def serve(replies: Answers) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Provider(replies), "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)  # ends with the process that started it
    server.close()


if __name__ == "__main__":
    uvloop.run(serve(Replies(options.replies)))

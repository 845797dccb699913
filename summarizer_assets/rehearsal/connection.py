"""One connection of the raw HTTP server: parses requests from bytes, and writes or breaks replies byte by byte."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final, cast

from summarizer_assets.rehearsal.batches.calls import is_of_batches
from summarizer_assets.rehearsal.batches.dialect import HttpCall
from summarizer_assets.rehearsal.control import PREFIX, control, refusal, unknown
from summarizer_assets.rehearsal.generate_content import GenerateContent
from summarizer_assets.rehearsal.http_head import RequestHead, head_of, parse_head, unchunked
from summarizer_assets.rehearsal.interface import CHAT, Interface
from summarizer_assets.rehearsal.messages import MESSAGES, without_version
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.rehearsal.reply import Reply, Shut
from summarizer_assets.rehearsal.status_faults import Answer
from summarizer_assets.rehearsal.wire_faults import End

_MOST_BYTES: Final = 256 << 20  # of a request: above the largest file that a batch service takes
_CLIENT_HELLO: Final = 0x16  # the first byte of a client that speaks TLS
_TLS_ALERT: Final = bytes((21, 3, 3, 0, 2, 2, 40))  # fatal, handshake_failure
_NO_LINGER: Final = struct.pack("ii", 1, 0)  # closing resets the connection


class Connection(asyncio.Protocol):
    """Serves the requests of one client one after another.

    Args:
        provider: computes the replies.
        shut: called when a reply asks to shut the server.
        among: the set of open connections, in which this one registers itself.
        plain: whether the connection is without TLS, so that a TLS client gets the plan's `to_tls` fault.
    """

    def __init__(
        self, provider: FaultyProvider, shut: Callable[[Shut], None], among: "set[Connection]", *, plain: bool
    ) -> None:
        self._provider = provider
        self._shut = shut
        self._among = among
        self._untried = plain
        self._transport: asyncio.Transport
        self._buffer = bytearray()
        self._needed = 0  # bytes that the buffer must hold before the next request can be complete
        self._reply: Reply | None = None  # the reply being sent
        self._seen: int | None = None  # the status of it that the client has seen
        self._timer: asyncio.TimerHandle | None = None
        self._player: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._doomed = False  # break the connection when the next request arrives
        self._closes = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transport is one except for its base classes
        self._among.add(self)
        self._provider.record.connections += 1

    def connection_lost(self, _: Exception | None) -> None:
        self._among.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        if self._player is not None:
            self._player.cancel()
        self._end_reply(whole=False)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._untried:
            self._untried = False
            if data[0] == _CLIENT_HELLO:
                self._answer_tls()
                return
        if self._doomed:
            self._provider.record.closed_under_a_request += 1
            self.reset()
            return
        self._buffer += data
        if self._reply is None and len(self._buffer) >= self._needed:
            self._serve()

    def leave(self) -> None:
        """Shut the connection: break an exchange in progress, close an idle connection."""
        if self._reply is not None:
            self.reset()
        else:
            self._transport.close()

    def reset(self) -> None:
        """Reset the connection (RST)."""
        plain = self._transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self._transport.abort()

    def _answer_tls(self) -> None:
        self._provider.record.tls_failures += 1
        match self._provider.plan.to_tls:
            case "garbage":  # what a plain HTTP server answers to TLS
                self._send(refusal("this port speaks no TLS", 400))
                self._transport.close()
            case "alert":
                self._transport.write(_TLS_ALERT)
                self._transport.close()
            case "reset":
                self.reset()

    def _serve(self) -> None:
        """Answer complete requests until one takes time."""
        while self._reply is None and not self._transport.is_closing():
            try:
                request = self._take()
            except ValueError as error:
                self._send(refusal(f"this is no request: {error}", 400))
                self._transport.close()
                return
            if request is None:
                return
            self._respond(*request)

    def _take(self) -> tuple[RequestHead, bytes] | None:
        """Remove and return the first complete request of the buffer; None if it is incomplete."""
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            self._needed = len(self._buffer) + 1
            if len(self._buffer) > _MOST_BYTES:
                raise ValueError("its head does not end")
            return None
        head = parse_head(bytes(self._buffer[:end]))
        start = end + 4
        if head.length is None:
            found = unchunked(bytes(self._buffer[start:]))
            body, taken = found or (b"", 0)
            complete = found is not None
        else:
            taken = head.length
            complete = len(self._buffer) >= start + taken
            body = bytes(self._buffer[start : start + taken]) if complete else b""
        if max(taken, len(self._buffer) - start) > _MOST_BYTES:
            raise ValueError(f"its body is larger than {_MOST_BYTES} bytes")
        if not complete:
            if head.continues and len(self._buffer) == start:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self._needed = max(start + taken, len(self._buffer) + 1)
            return None
        del self._buffer[: start + taken]
        self._needed = 0
        return head, body

    def _respond(self, head: RequestHead, body: bytes) -> None:
        method, path = head.method, head.path
        self._closes = head.closes
        if method == "POST" and path.endswith("/chat/completions"):
            self._begin(self._provider.reply(body))
        elif method == "POST" and path.endswith("/messages"):
            if head.versioned:
                self._begin(self._provider.reply(body, MESSAGES))
            else:
                self._send(without_version())
        elif method == "POST" and (interface := GenerateContent.at(path)) is not None:
            self._begin(self._provider.reply(body, interface))
        elif path.startswith(PREFIX):
            self._send(control(self._provider, method, path, body))
        elif method == "GET" and path.endswith("/models"):
            self._begin(self._provider.models(_of_head(head)))
        elif is_of_batches(path):
            self._begin(self._provider.batch_calls.reply(_call(head, body)))
        else:
            self._send(unknown(method, path))

    def _begin(self, reply: Reply) -> None:
        self._reply, self._seen = reply, None
        if reply.shut is not None:
            self._shut(reply.shut)
        elif reply.delay_s > 0:
            self._timer = asyncio.get_running_loop().call_later(reply.delay_s, self._deliver_late, reply)
        else:
            self._deliver(reply)

    def _deliver_late(self, reply: Reply) -> None:
        self._timer = None
        self._deliver(reply)
        if self._reply is None and self._buffer:
            self._serve()

    def _deliver(self, reply: Reply) -> None:
        if reply.script is not None:
            self._player = asyncio.get_running_loop().create_task(self._play(reply))
            return
        self._send(reply.answer)
        self._seen = reply.answer.status
        self._end_reply(whole=True)

    def _send(self, answer: Answer) -> None:
        self._transport.write(head_of(answer) + answer.body)
        if self._closes:
            self._transport.close()

    async def _play(self, reply: Reply) -> None:
        """Execute the reply's script. Cancelled when the client disconnects."""
        assert reply.script is not None
        for step in reply.steps():
            if isinstance(step, bytes):
                self._transport.write(step)
                if reply.script.head:
                    self._seen = reply.answer.status
                await self._writable.wait()
            elif isinstance(step, End):
                if step is not End.HOLD:
                    self._finish(step, whole=reply.script.whole)
                return
            else:
                await asyncio.sleep(step)
        self._finish(None, whole=reply.script.whole)

    def _finish(self, end: End | None, *, whole: bool) -> None:
        self._player = None
        self._end_reply(whole=whole)
        if end is End.RESET:
            self.reset()
        elif end is End.CLOSE or self._closes:
            self._transport.close()
        elif end is End.CLOSE_AT_NEXT:
            self._doomed = True
        elif self._buffer:
            self._serve()

    def _end_reply(self, *, whole: bool) -> None:
        if self._reply is not None:
            reply, self._reply = self._reply, None
            self._provider.done(reply, self._seen, whole=whole)


def _of_head(head: RequestHead) -> Interface:
    """The interface that a client speaks, where the path does not tell it."""
    if head.to_google:
        return GenerateContent("rehearsal")
    return MESSAGES if head.versioned else CHAT


def _call(head: RequestHead, body: bytes) -> HttpCall:
    return HttpCall(
        head.method,
        head.path,
        head.query,
        head.account,
        head.content_type,
        head.host,
        head.versioned,
        head.to_google,
        head.upload,
        body,
    )

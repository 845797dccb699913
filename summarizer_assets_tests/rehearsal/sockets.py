"""A client that speaks raw bytes, and the same few authors for all tests of the faulty provider."""

import socket
import time
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from testing.provider import request_for


def records(*ids: str) -> list[str]:
    return [f'#"{one}" Doe, {one} | 1 papers\nSoil Letters\n Peat bogs' for one in ids]


def request_bytes(*ids: str, path: str = "/v1/chat/completions", headers: str = "") -> bytes:
    body = request_for(*records(*ids))
    return f"POST {path} HTTP/1.1\r\nhost: provider\r\n{headers}content-length: {len(body)}\r\n\r\n".encode() + body


@dataclass(frozen=True)
class Got:
    """What came over the wire, and how it ended: `eof`, `reset`, or `open` when nothing more came for a while."""

    data: bytes
    ended: str

    @property
    def status(self) -> int:
        return int(self.data.split(b" ", 2)[1])

    @property
    def head(self) -> dict[str, str]:
        fields = self.data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")[1:]
        return {name: value.strip() for name, _, value in (field.partition(":") for field in fields)}

    @property
    def body(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


class Wire:
    """One connection."""

    def __init__(self, base_url: str, timeout: float = 5.0) -> None:
        parts = urlsplit(base_url)
        assert parts.hostname is not None
        self.socket = socket.create_connection((parts.hostname, parts.port), timeout)

    def send(self, data: bytes) -> "Wire":
        self.socket.sendall(data)
        return self

    def ask(self, *ids: str) -> "Wire":
        return self.send(request_bytes(*ids))

    def read(self, quiet_s: float = 0.3, most: int = 1 << 30, within_s: float = 30.0) -> Got:
        """Everything until the end, or until nothing comes for `quiet_s`, or until `most` bytes or the time is up."""
        parts: list[bytes] = []
        size, until = 0, time.monotonic() + within_s
        self.socket.settimeout(quiet_s)
        while size < most and time.monotonic() < until:
            try:
                part = self.socket.recv(1 << 20)
            except TimeoutError:
                break
            except ConnectionResetError:
                return Got(b"".join(parts), "reset")
            if not part:
                return Got(b"".join(parts), "eof")
            size += len(part)
            parts.append(part)
        return Got(b"".join(parts), "open")

    def reply(self) -> Got:
        """One whole reply of a well-behaved exchange, without waiting for silence."""
        data = b""
        while b"\r\n\r\n" not in data or len(Got(data, "").body) < int(Got(data, "").head["content-length"]):
            part = self.socket.recv(1 << 20)
            assert part, "the connection ended within a reply"
            data += part
        return Got(data, "open")

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

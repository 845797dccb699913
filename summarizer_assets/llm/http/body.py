"""The body of a reply while it comes in: unpacked, and never larger than a cap, however small it was packed."""

import zlib
from collections.abc import Callable, Iterable
from typing import Final

import httpx


class BodyTooBigError(httpx.RemoteProtocolError):
    """The body, as sent or unpacked, exceeds the cap and was cut."""


class Body:
    """A body under construction, never larger than the cap, however small it was packed.

    `sink`: gets the pieces as they come, which are then not kept.
    """

    def __init__(self, cap: int, encoding: str, sink: Callable[[bytes], object] | None = None) -> None:
        encoding = encoding.strip().lower()
        self._cap = cap
        self._size = 0
        self._parts: list[bytes] = []
        self._take = self._parts.append if sink is None else sink
        self._unpacker = None if encoding in _PLAIN else _Unpacker(encoding)

    def feed(self, chunk: bytes) -> None:
        if self._unpacker is not None:
            chunk = self._unpacker.feed(chunk, self._cap - self._size + 1)
        self._size += len(chunk)
        if self._size > self._cap:
            raise BodyTooBigError(f"the reply exceeds the cap of {self._cap:,} bytes and was cut off")
        self._take(chunk)

    def finish(self) -> bytes:
        if self._unpacker is not None and self._size and not self._unpacker.complete:
            raise httpx.DecodingError("the packed body ends too early, or is followed by more")
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


_PLAIN: Final = frozenset({"", "identity"})


class _Unpacker:
    """gzip or deflate, at most so many bytes out for the bytes in."""

    def __init__(self, encoding: str) -> None:
        if encoding not in {"gzip", "x-gzip", "deflate"}:
            raise httpx.DecodingError(f"the body is packed as {encoding[:40]!r}, which was not asked for")
        self._gzip = encoding != "deflate"
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS) if self._gzip else None

    @property
    def complete(self) -> bool:
        return self._inner is not None and self._inner.eof and not self._inner.unused_data

    def feed(self, data: bytes, room: int) -> bytes:
        if not data:
            return b""
        if self._inner is None:  # "deflate" is sent with and without zlib's header; its first byte tells
            bare = data[0] & 0x0F != zlib.DEFLATED
            self._inner = zlib.decompressobj(-zlib.MAX_WBITS if bare else zlib.MAX_WBITS)
        problem = ""
        try:
            return self._inner.decompress(data, room)
        except zlib.error as error:
            problem = str(error)
        raise httpx.DecodingError(f"the packed body cannot be unpacked: {problem}")


def headers_of_unpacked(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that still hold for the unpacked body; httpx would unpack it a second time otherwise."""
    return [pair for pair in raw if pair[0].lower() not in _OF_THE_WIRE]


_OF_THE_WIRE: Final = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})

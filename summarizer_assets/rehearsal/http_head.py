"""HTTP message heads as bytes: parsing of requests' heads, writing of responses' heads."""

from functools import lru_cache
from http.client import responses
from typing import NamedTuple

from summarizer_assets.rehearsal.status_faults import Answer

#: The header in which Google's interfaces take a key.
GOOGLE_KEY = "x-goog-api-key"


class RequestHead(NamedTuple):
    """A request's head. `length`: None if the body is chunked."""

    method: str
    path: str  # without its query
    length: int | None
    continues: bool  # the client waits for `100 Continue`
    closes: bool  # no further request on this connection
    query: str
    account: str  # the key that the client shows, as it came
    content_type: str
    versioned: bool = False  # it names a version of Anthropic's interface
    host: str = ""  # under which it was called
    to_google: bool = False  # it shows a key as Google's interfaces take it
    upload: str = ""  # what is to be done with a part of a file, at Google's


@lru_cache(maxsize=4096)  # a client's heads are equal except for the length
def parse_head(head: bytes) -> RequestHead:
    """Parse the head of a request, given without its blank line.

    Raises:
        ValueError: it is not an HTTP request head.
    """
    line, *fields = head.decode("latin-1").split("\r\n")
    method, target, version = line.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
    chunked = "chunked" in headers.get("transfer-encoding", "").lower()
    path, _, query = target.partition("?")
    return RequestHead(
        method,
        path,
        None if chunked else int(headers.get("content-length", "0")),
        headers.get("expect", "").lower() == "100-continue",
        headers.get("connection", "").lower() == "close" or version == "HTTP/1.0",
        query,
        headers.get("authorization")
        or headers.get("api-key")
        or headers.get("x-api-key")
        or headers.get(GOOGLE_KEY, ""),
        headers.get("content-type", ""),
        "anthropic-version" in headers,
        headers.get("host", ""),
        GOOGLE_KEY in headers,
        headers.get("x-goog-upload-command", ""),
    )


def head_of(answer: Answer, *, length: int | None = None, chunked: bool = False) -> bytes:
    """The head of a response; `length` overrides that of its body, and a chunked response has none."""
    headers = {"content-type": "application/json", **answer.headers}
    if chunked:
        headers["transfer-encoding"] = "chunked"
    else:
        headers["content-length"] = str(len(answer.body) if length is None else length)
    fields = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
    phrase = responses.get(answer.status, "Unknown")
    return f"HTTP/1.1 {answer.status} {phrase}\r\n{fields}\r\n".encode("latin-1")


def unchunked(buffer: bytes) -> tuple[bytes, int] | None:
    """The chunked body at the start of `buffer` and its encoded length in bytes; None if it is incomplete.

    Raises:
        ValueError: a chunk's size is not a number.
    """
    parts: list[bytes] = []
    at = 0
    while (end := buffer.find(b"\r\n", at)) >= 0:
        size = int(buffer[at:end].partition(b";")[0], 16)
        at = end + 2
        if size == 0:
            end = buffer.find(b"\r\n", at)  # the blank line; trailers are not supported
            return None if end < 0 else (b"".join(parts), end + 2)
        parts.append(bytes(buffer[at : at + size]))
        at += size + 2
        if at > len(buffer):
            return None
    return None

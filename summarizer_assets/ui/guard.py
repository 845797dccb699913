"""The UI's request guard (ASGI middleware): refuses cross-site requests and DNS rebinding.

Dagster's webserver has no login, executes `GET /graphql?query=mutation…`, and does not check a request's origin. So any
page open in the same browser could start runs by an image's address, a form, a script or a websocket; and a name that
resolves to 127.0.0.1 would give such a page the same origin (DNS rebinding). The guard judges a request by its head
alone, before the application sees it.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

#: Names that mean this machine, whatever a name server answers.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})

_HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::\d+)?")
_FORBIDDEN, _METHOD_NOT_ALLOWED, _UNSUPPORTED_TYPE = 403, 405, 415


@dataclass(frozen=True)
class Refusal:
    """A response instead of the application's: its HTTP status and a sentence for the user."""

    status: int
    reason: str


@dataclass(frozen=True)
class Head:
    """The head of a request, or of a websocket handshake.

    Attributes:
        method: GET for a websocket.
        path: the decoded path, as the application sees it.
        served_at: the server's address of the connection, in the form of a Host header.
    """

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    served_at: str = ""
    websocket: bool = False

    @classmethod
    def of(cls, scope: Scope) -> "Head":
        address = str((scope.get("server") or ("",))[0])
        headers = ((name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in scope["headers"])
        return cls(
            method=scope.get("method", "GET"),
            path=scope["path"],
            query=scope.get("query_string", b"").decode("latin-1"),
            headers=tuple(headers),
            served_at=f"[{address}]" if ":" in address else address,
            websocket=scope["type"] == "websocket",
        )

    def all(self, name: str) -> list[str]:
        """The values of all headers with this name, so that a second one cannot hide behind the first."""
        return [value.strip().lower() for header, value in self.headers if header == name]


def refusal(head: Head, hosts: Iterable[str] = ()) -> Refusal | None:
    """The refusal of a request; None if it is admitted.

    Args:
        head: the request's head.
        hosts: further host names of the UI, without a port.
    """
    named = head.all("host")
    host = named[0] if len(named) == 1 else ""
    name = match["name"] if (match := _HOST.fullmatch(host)) else ""
    if name not in LOOPBACK and name not in set(hosts) and (not name or name != head.served_at):
        return Refusal(
            _FORBIDDEN,
            f"this UI is not served as {name or 'a host without a name'}: open it as localhost, or name the host "
            "in SUMMARIZER_UI_HOSTS",
        )
    if any(origin not in (f"http://{host}", f"https://{host}") for origin in head.all("origin")):
        return Refusal(_FORBIDDEN, "a page of another site asked: only the UI's own pages are answered")
    if set(head.all("sec-fetch-site")) - {"none", "same-origin"} and not _follows_a_link(head):
        return Refusal(_FORBIDDEN, "another site's page fetched this: follow a link to it, or open it yourself")
    return _of_graphql(head) if _is_graphql(head) and not head.websocket else None


def _follows_a_link(head: Head) -> bool:
    """Whether a person followed a link from another site, which only shows a page and starts nothing."""
    opened = head.all("sec-fetch-dest") == ["document"] and head.all("sec-fetch-mode") == ["navigate"]
    return opened and head.method == "GET" and not _is_graphql(head)


def _is_graphql(head: Head) -> bool:
    return head.path.rstrip("/").endswith("/graphql")


def _of_graphql(head: Head) -> Refusal | None:
    """The refusal of a GraphQL request: Dagster executes queries in the URL, and JSON of types that a form can send."""
    if head.method != "POST":
        if not head.query:
            return None  # the page for interactive queries
        return Refusal(_METHOD_NOT_ALLOWED, "a question in the address is not answered: ask GraphQL by POST")
    [kind, *more] = head.all("content-type") or [""]
    if more or kind.partition(";")[0].strip() != "application/json":
        return Refusal(_UNSUPPORTED_TYPE, "GraphQL is asked with the content type application/json")
    return None


#: Forbids other sites to show the UI in a frame (clickjacking).
_NO_FRAMES = (b"x-frame-options", b"DENY")


class Guard:
    """ASGI middleware that passes on the requests that `refusal` admits."""

    def __init__(self, app: App, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = frozenset(name.lower() for name in hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return await self._app(scope, receive, send)
        refused = refusal(Head.of(scope), self._hosts)
        if refused is not None:
            return await _refuse(refused, scope, send)

        async def unframed(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), _NO_FRAMES]
            await send(message)

        return await self._app(scope, receive, unframed)


async def _refuse(refused: Refusal, scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": refused.reason})  # before it opens: HTTP 403
        return
    body = f"{refused.reason}\n".encode()
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"x-content-type-options", b"nosniff"), _NO_FRAMES]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

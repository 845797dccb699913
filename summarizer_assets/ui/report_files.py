"""Serves the report's files in the UI's webserver (ASGI middleware), wherever the tables are: one click from its asset.

Only names that a report has are read, by GET and HEAD alone; the request guard stands before it, as before all else.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from summarizer_assets.report.place import NAME, SERVED_AT, is_of_report
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.ui.guard import App, Receive, Scope, Send

#: Other sites' pages may not include the authors' scripts, nothing keeps a copy, and no type is guessed.
_HEADERS: Final = {
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}
_METHODS: Final = ("GET", "HEAD")


class ReportFiles:
    """ASGI middleware that answers what lies under `SERVED_AT`, and passes on the rest.

    Args:
        app: the application behind it.
        read: the content of a report's file by its name (`report.place.get`).
        prefix: the path under which the UI is served.
    """

    def __init__(self, app: App, read: Callable[[str], bytes | None], prefix: str = "") -> None:
        self._app = app
        self._read = read
        self._under = f"{prefix}{SERVED_AT}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or not f"{path}/".startswith(f"{self._under}/"):
            return await self._app(scope, receive, send)
        answer = await self._answer(scope["method"], path.removeprefix(self._under).strip("/"))
        return await answer(scope, receive, send)

    async def _answer(self, method: str, name: str) -> Response:
        if method not in _METHODS:
            return _told("a report is only read", 405)
        if not name:
            return RedirectResponse(f"{self._under}/{NAME}")
        if not is_of_report(name):
            return _told("a report has no such file", 404)
        try:
            content = await run_in_threadpool(partial(self._read, name))
        except StorageError as error:
            return _told(str(error), 502)
        if content is None:
            return _told("there is no report yet, or an older one: materialize the asset summary_report", 404)
        kind = "text/html" if name == NAME else "text/javascript"
        return Response(content, headers=_HEADERS, media_type=f"{kind}; charset=utf-8")


def _told(sentence: str, status: int) -> Response:
    return PlainTextResponse(f"{sentence}\n", status, _HEADERS)

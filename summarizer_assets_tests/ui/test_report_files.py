"""The report is one click from its asset: the UI's webserver serves its files, and nothing else of the root."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from summarizer_assets.report.place import FOLDER, INDEX, NAME, SERVED_AT, get, put_file
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.ui.guard import Guard
from summarizer_assets.ui.report_files import ReportFiles


async def behind(_: object) -> PlainTextResponse:
    return PlainTextResponse("the application's")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    put_file(tmp_path / NAME, b"<!doctype html>")
    put_file(tmp_path / INDEX, b"reportIndex({});")
    (tmp_path / "state.sqlite").write_text("secret")
    (tmp_path / FOLDER / "mine.js").write_text("secret")
    return tmp_path


@dataclass(frozen=True)
class Client:
    """Asks an application of this process."""

    app: Starlette

    def get(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET") -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:3000") as client:
                return await client.request(method, path, headers=headers)

        return asyncio.run(ask())


@pytest.fixture
def client(root: Path) -> Client:
    app = Starlette(routes=[Route("/{path:path}", behind)])
    app.add_middleware(ReportFiles, read=lambda name: get(str(root), name, {}), prefix="/dagster")
    app.add_middleware(Guard)
    return Client(app)


UNDER = f"/dagster{SERVED_AT}"


def test_page_and_scripts_are_served_to_own_pages_and_kept_by_nobody(client: Client) -> None:
    page, script = client.get(f"{UNDER}/{NAME}"), client.get(f"{UNDER}/{INDEX}")
    assert (page.content, page.headers["content-type"]) == (b"<!doctype html>", "text/html; charset=utf-8")
    assert (script.content, script.headers["content-type"]) == (b"reportIndex({});", "text/javascript; charset=utf-8")
    for answer in (page, script):
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    assert client.get(UNDER).headers["location"] == f"{UNDER}/{NAME}"


@pytest.mark.parametrize(
    "path",
    ["/state.sqlite", "/../state.sqlite", "/%2e%2e/state.sqlite", f"/{FOLDER}/mine.js", f"/{FOLDER}", "//etc/passwd"],
)
def test_nothing_else_of_the_root_is_served(client: Client, path: str) -> None:
    answer = client.get(f"{UNDER}{path}")
    assert b"secret" not in answer.content
    assert answer.status_code == 404 or answer.text == "the application's"


def test_another_sites_page_gets_nothing_and_nothing_is_written(client: Client) -> None:
    stranger = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "script"}
    assert client.get(f"{UNDER}/{INDEX}", headers=stranger).status_code == 403
    assert client.get(f"{UNDER}/{INDEX}", headers={"host": "rebound.example"}).status_code == 403
    assert client.get(f"{UNDER}/{NAME}", method="POST").status_code == 405


def test_what_is_not_under_it_is_the_applications(client: Client) -> None:
    for path in ("/", "/dagster/runs", f"{UNDER}s", SERVED_AT):
        assert client.get(path).text == "the application's"


def test_a_report_that_is_not_there_or_not_readable_says_why(client: Client, root: Path) -> None:
    (root / NAME).unlink()
    answer = client.get(f"{UNDER}/{NAME}")
    assert (answer.status_code, answer.text) == (
        404,
        "there is no report yet, or an older one: materialize the asset summary_report\n",
    )

    def refused(_: str) -> bytes:
        raise StorageError("the store is away")

    app = Starlette()
    app.add_middleware(ReportFiles, read=refused)
    assert Client(app).get(f"{SERVED_AT}/{NAME}").status_code == 502

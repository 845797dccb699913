"""Who is let in to the UI, by a request's head alone; and that Dagster's own application stands behind it."""

import socket
import threading
from collections.abc import Iterator

import dagster as dg
import httpx
import pytest
import uvicorn
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster_webserver.app import create_app_from_workspace_process_context
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.ui.guard import LOOPBACK, Guard, Head, refusal

OURS = "127.0.0.1:3000"
JSON = ("content-type", "application/json")
OWN_PAGE = [("origin", f"http://{OURS}"), ("sec-fetch-site", "same-origin"), ("sec-fetch-mode", "cors"), JSON]


def head(method: str, path: str, *headers: tuple[str, str], host: str | None = OURS, served_at: str = "") -> Head:
    path, _, query = path.partition("?")
    named = [] if host is None else [("host", host)]
    return Head(method, path, query, (*named, *headers), served_at)


def link(site: str, *, dest: str = "document", mode: str = "navigate") -> list[tuple[str, str]]:
    return [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", dest)]


@pytest.mark.parametrize(
    "asked",
    [
        head("GET", "/"),
        head("GET", "/assets/authors", *link("none")),
        head("GET", "/runs/1", *link("cross-site")),  # a link in a mail or in another tool
        head("GET", "/runs/1", *link("same-site")),
        head("GET", "/", host="localhost:3100"),
        head("GET", "/", host="LocalHost"),
        head("GET", "/", host="[::1]:3000"),
        head(
            "GET", "/server_info", host="10.1.2.3:3000", served_at="10.1.2.3"
        ),  # a probe, at the address it is bound to
        head("POST", "/graphql", *OWN_PAGE),
        head("POST", "/graphql", ("content-type", "application/json; charset=utf-8")),  # a program of this machine
        head("GET", "/graphql"),  # the page to try queries with
        head("GET", "/vendor/app.js?v=1", *link("same-origin", dest="script", mode="no-cors")),
    ],
    ids=str,
)
def test_own_pages_links_and_programs_are_let_in(asked: Head) -> None:
    assert refusal(asked) is None


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        # Names that lead here without being ours.
        (head("GET", "/", host="rebound.example:3000"), 403),
        (head("POST", "/graphql", JSON, ("origin", "http://rebound.example:3000"), host="rebound.example:3000"), 403),
        (head("GET", "/", host="127.0.0.1.rebound.example"), 403),
        (head("GET", "/", host="localhost.rebound.example:3000"), 403),
        (head("GET", "/", host="localhost@rebound.example"), 403),
        (head("GET", "/", host="rebound.example#@localhost"), 403),
        (head("GET", "/", host="192.0.2.7:3000", served_at="127.0.0.1"), 403),
        (head("GET", "/", host="0.0.0.0:3000", served_at="127.0.0.1"), 403),
        (head("GET", "/", host=""), 403),
        (head("GET", "/", host=None), 403),
        (head("GET", "/", ("host", "rebound.example")), 403),  # a second one
        (head("GET", "/server_info", host="rebound.example"), 403),
        # Pages of other sites.
        (head("POST", "/graphql", JSON, ("origin", "https://elsewhere.example")), 403),
        (head("POST", "/graphql", JSON, ("origin", "http://127.0.0.1:8000")), 403),
        (head("POST", "/graphql", JSON, ("origin", "http://localhost:3000")), 403),  # opened under the other name
        (head("POST", "/graphql", JSON, ("origin", "null")), 403),
        (head("POST", "/graphql", JSON, ("origin", "")), 403),
        (head("POST", "/graphql", JSON, ("origin", f"http://{OURS}"), ("origin", "null")), 403),
        (head("POST", "/graphql", JSON, ("origin", f"http://{OURS}.elsewhere.example")), 403),
        (head("POST", "/graphql", JSON, ("origin", f"file://{OURS}")), 403),
        (head("POST", "/graphql", JSON, *link("cross-site", dest="empty", mode="cors")), 403),
        (head("POST", "/report_asset_materialization/authors", ("origin", "null")), 403),
        (head("POST", "/report_asset_materialization/authors", *link("cross-site")), 403),
        (head("OPTIONS", "/graphql", ("origin", "https://elsewhere.example")), 403),
        (head("GET", "/runs", *link("cross-site", dest="iframe")), 403),
        (head("GET", "/logs/x/1.out", *link("cross-site", dest="script", mode="no-cors")), 403),
        (head("GET", "/graphql", *link("cross-site")), 403),
        # Questions in an address, and types that any form may send.
        (head("GET", "/graphql?query=mutation{x}"), 405),
        (head("GET", "/graphql/?query=mutation{x}"), 405),
        (head("GET", "/prefix/graphql?%71uery=mutation{x}"), 405),
        (head("HEAD", "/graphql?query=x"), 405),
        (head("POST", "/graphql?query=mutation{x}"), 415),
        (head("POST", "/graphql", ("content-type", "text/plain; application/json")), 415),
        (head("POST", "/graphql", ("content-type", "application/graphql")), 415),
        (head("POST", "/graphql", JSON, ("content-type", "text/plain")), 415),
    ],
    ids=str,
)
def test_all_others_are_refused(asked: Head, status: int) -> None:
    refused = refusal(asked)
    assert refused is not None
    assert refused.status == status


def test_a_host_of_the_settings_is_let_in_with_its_own_pages_alone() -> None:
    asked = ("POST", "/graphql", JSON)
    hosts = {"dagster.example.org"}
    there = "dagster.example.org:8443"
    assert refusal(head(*asked, ("origin", f"https://{there}"), host=there), hosts) is None
    assert refusal(head(*asked, ("origin", "https://elsewhere.example"), host=there), hosts) is not None
    assert refusal(head(*asked, host="x.dagster.example.org"), hosts) is not None


_WORDS = st.sampled_from(
    [*LOOPBACK, OURS, "elsewhere.example", "http://", "https://", "null", "@", ":3000", ".", "", "#"]
)
_TEXTS = st.lists(_WORDS, max_size=4).map("".join) | st.text(max_size=20)


@given(host=_TEXTS, origin=_TEXTS, method=st.sampled_from(["GET", "POST", "PUT", "OPTIONS"]), path=_TEXTS)
def test_no_other_origin_and_no_other_host_gets_in(host: str, origin: str, method: str, path: str) -> None:
    asked = head(method, f"/{path}", ("origin", origin), JSON, host=host)
    if refusal(asked) is None:
        name = host.strip().lower()
        assert name.removesuffix(":" + name.rpartition(":")[2]) in LOOPBACK or name in LOOPBACK
        assert origin.strip().lower() in (f"http://{name}", f"https://{name}")


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Asks Dagster's own application over an empty workspace, served behind the guard."""
    with (
        dg.instance_for_test() as instance,
        WorkspaceProcessContext(instance, EmptyWorkspaceTarget(), version="tried") as context,
        socket.socket() as listener,
    ):
        app = create_app_from_workspace_process_context(context)
        app.add_middleware(Guard)
        listener.bind(("127.0.0.1", 0))
        listener.listen()  # who asks before the server's thread runs waits for it
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=30) as client:
            yield client
        server.should_exit = True
        thread.join(30)


def own_page(client: httpx.Client) -> dict[str, str]:
    return {"origin": str(client.base_url).rstrip("/")}


def test_dagster_answers_its_own_page_and_is_framed_by_nobody(client: httpx.Client) -> None:
    reply = client.post("/graphql", json={"query": "{ version }"}, headers=own_page(client))
    assert reply.json()["data"] == {"version": "tried"}
    assert reply.headers["x-frame-options"] == "DENY"
    assert client.get("/").headers["x-frame-options"] == "DENY"


def test_a_refusal_says_in_one_line_what_to_do(client: httpx.Client) -> None:
    reply = client.get("/", headers={"host": "rebound.example"})
    assert reply.status_code == 403
    assert "SUMMARIZER_UI_HOSTS" in reply.text
    assert reply.text.count("\n") == 1


UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "bm90IGEgc2VjcmV0IGtleQ==",
    "sec-websocket-protocol": "graphql-ws",
}


def test_a_websocket_opens_for_its_own_page_alone(client: httpx.Client) -> None:
    def status(**headers: str) -> int:
        with client.stream("GET", "/graphql", headers={**UPGRADE, **headers}) as reply:
            return reply.status_code

    assert status(**own_page(client)) == 101
    assert [status(origin=it) for it in ("http://elsewhere.example", "null")] == [403, 403]
    assert status(host="rebound.example") == 403

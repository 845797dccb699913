"""The login in front of Dagster's UI: a real nginx with deploy/proxy's configuration, and what gets past it."""

import importlib
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from deploy.celery.hosts import not_root
from deploy.celery.proxy import program
from testing.dagster_dev import wait_until

proving = importlib.import_module("deploy.proxy.try")  # the name is a keyword
MUTATION = "mutation%7Bterminate%7D"
OTHER_SITE = {"sec-fetch-site": "cross-site"}
LOGIN = proving._OPERATOR


@dataclass
class House:
    """A door, and what came through it."""

    url: str
    client: httpx.Client
    came: list[str] = field(default_factory=list)

    def status(self, method: str, path: str, headers: dict[str, str]) -> int:
        return self.client.request(method, self.url + path, auth=LOGIN, headers=headers).status_code


@pytest.fixture(scope="module")
def house(tmp_path_factory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("proxy")
    came: list[str] = []

    class Dagster(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            came.append(f"{self.command} {self.path}")
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_HEAD = do_GET  # noqa: N815 - the base class's names

        def log_message(self, *_: object) -> None:
            pass

    operators, readers = proving.free_ports(2)
    with ThreadingHTTPServer(("127.0.0.1", 0), Dagster) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        behind = server.server_address[1]
        proving.lay_out(folder, {"3000": behind, "3001": behind, "8443": operators, "8444": readers})
        command = [*not_root(), program(), "-p", str(folder), "-c", "nginx.conf", "-g", "daemon off;"]
        trust = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
        with subprocess.Popen(command) as nginx, httpx.Client(verify=trust) as client:
            try:
                wait_until((folder / "nginx.pid").exists, "nginx is up", patience_s=30, every_s=0.05)
                yield House(f"https://localhost:{operators}", client, came)
            finally:
                nginx.terminate()
                server.shutdown()


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", f"/graphql?query={MUTATION}", {}),  # the address of an image, of a browser that says nothing of it
        ("GET", f"/graphql?query=&query={MUTATION}", {}),
        ("GET", f"/graphql?%71uery={MUTATION}", {}),
        ("GET", f"//%67raphql?query={MUTATION}", {}),
        ("HEAD", f"/graphql?query={MUTATION}", {}),
        ("GET", f"/graphql?query={MUTATION}", OTHER_SITE | {"sec-fetch-dest": "document"}),  # a link
        ("GET", "/server_info", OTHER_SITE | {"sec-fetch-dest": "image"}),
        ("GET", "/server_info", {"sec-fetch-site": "same-site", "sec-fetch-dest": "script"}),
        ("GET", "/runs", OTHER_SITE | {"sec-fetch-dest": "iframe"}),
        ("POST", "/graphql", OTHER_SITE | {"sec-fetch-dest": "empty"}),
        ("POST", "/graphql", {"origin": "https://elsewhere.example"}),
        ("POST", "/graphql", {"origin": "null"}),
    ],
)
def test_what_another_sites_page_has_a_browser_send_does_not_get_past_the_door(house, method, path, headers):
    house.came.clear()
    assert house.status(method, path, headers) == 403
    assert house.came == []


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/graphql", {"sec-fetch-site": "same-origin", "sec-fetch-dest": "empty", "origin": "{url}"}),
        ("POST", "/graphql?op=x", {"sec-fetch-site": "same-origin", "sec-fetch-dest": "empty", "origin": "{url}"}),
        ("GET", "/graphql", {"sec-fetch-site": "same-origin", "sec-fetch-dest": "websocket", "origin": "{url}"}),
        ("GET", "/runs?q=x", OTHER_SITE | {"sec-fetch-dest": "document"}),  # a link of another page is followed
        ("GET", "/runs", {"sec-fetch-site": "none", "sec-fetch-dest": "document"}),  # typed
        ("GET", "/server_info", {}),  # a program
    ],
)
def test_what_the_ui_and_those_who_open_it_send_gets_through(house, method, path, headers):
    house.came.clear()
    told = {name: value.replace("{url}", house.url) for name, value in headers.items()}
    assert house.status(method, path, told) == 200
    assert house.came == [f"{method} {path}"]

"""Runs nginx.conf as it stands beside this file, on free ports, and proves what it promises.

    python deploy/proxy/try.py

It needs nginx, openssl and Chromium (`apt install nginx-light openssl chromium`) and the project's development tools.
Two real webservers, one of them `--read-only`, stand behind a real nginx; everything lies in a passing folder. Without
a password, or with a wrong one, nothing is told; with one the UI works, its websocket too; another site's page reaches
nothing; readers cannot launch. Prints one line each, and ends with status 1 if one of them does not hold.
"""
# ruff: noqa: INP001, S603, S607, T201 - a script that runs programs and prints

import argparse
import base64
import os
import re
import secrets
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

if __name__ == "__main__":  # before what takes long to import
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()

import httpx
from playwright.sync_api import sync_playwright

_HERE = Path(__file__).parent
_PROJECT = _HERE.parents[1]
_OPERATOR, _READER = ("olga", secrets.token_urlsafe(12)), ("rita", secrets.token_urlsafe(12))
_LAUNCH = """
mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on UnauthorizedError { message } ... on LaunchBackfillSuccess { backfillId }
  }
}
"""
_PARAMS = {"assetSelection": [{"path": ["authors"]}], "partitionNames": ["0000"]}
_ASSETS = {"query": "{ assetNodes { assetKey { path } } }"}


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + 120
    while not condition():
        if time.monotonic() > until:
            raise SystemExit(f"waited in vain until {what}")
        time.sleep(0.5)


@contextmanager
def running(command: list[str], log: Path, environment: Mapping[str, str] | None = None) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=log.parent, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)


def answers(url: str) -> bool:
    try:
        return bool(httpx.post(f"{url}/graphql", json=_ASSETS, timeout=30).json()["data"]["assetNodes"])
    except httpx.TransportError:
        return False  # not up yet


def lay_out(folder: Path, ports: Mapping[str, int]) -> None:
    """nginx.conf with free ports, a certificate of a day, and the two files of passwords."""
    configuration = (_HERE / "nginx.conf").read_text(encoding="utf-8")
    for usual, port in ports.items():
        configuration, times = re.subn(rf"\b{usual}\b(?=[ ;][^\n#]*\n|;)", str(port), configuration)
        if not times:
            raise SystemExit(f"nginx.conf names no port {usual}")
    (folder / "nginx.conf").write_text(configuration, encoding="utf-8")
    (folder / "tmp").mkdir()
    certificate = ["-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    certificate += ["-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", "key.pem", "-out", "certificate.pem"]
    subprocess.run(["openssl", "req", "-x509", *certificate, *files], cwd=folder, check=True, capture_output=True)
    for file, (name, password) in {"operators.htpasswd": _OPERATOR, "readers.htpasswd": _READER}.items():
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", "-stdin"], input=password, text=True, check=True, capture_output=True
        )
        (folder / file).write_text(f"{name}:{hashed.stdout.strip()}\n", encoding="utf-8")
        (folder / file).chmod(0o644)  # nginx's workers read them under a name of their own


@contextmanager
def house(folder: Path) -> Iterator[tuple[str, str]]:
    """Both webservers and nginx in front; the URLs of the operators and of the readers."""
    full, read_only, operators, readers = free_ports(4)
    home = folder / "dagster"
    home.mkdir()
    shutil.copy(_PROJECT / "summarizer_assets" / "dagster.yaml", home)
    environment = {**os.environ, "DAGSTER_HOME": str(home), "SUMMARIZER_ROOT": str(folder / "data")}
    webserver = [sys.executable, "-m", "summarizer_assets", "webserver", "-w", str(_PROJECT / "workspace.yaml")]
    lay_out(folder, {"3000": full, "3001": read_only, "8443": operators, "8444": readers})
    nginx = [shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-c", "nginx.conf", "-g", "daemon off;"]
    with ExitStack() as stack:
        stack.enter_context(running(nginx, folder / "nginx.log"))
        # One after the other: two that meet in an empty folder both make Dagster's tables, and one fails.
        for name, port, more in (("full", full, []), ("read-only", read_only, ["--read-only"])):
            command = [*webserver, "-h", "127.0.0.1", "-p", str(port), *more]
            stack.enter_context(running(command, folder / f"{name}.log", environment))
            wait_for(partial(answers, f"http://127.0.0.1:{port}"), f"the {name} webserver answers")
        yield f"https://localhost:{operators}", f"https://localhost:{readers}"


def status(client: httpx.Client, url: str, login: tuple[str, str] | None, origin: str | None = None) -> int:
    headers = {"origin": origin} if origin else {}
    return client.post(f"{url}/graphql", json=_ASSETS, auth=login, headers=headers).status_code


def launched(client: httpx.Client, url: str, login: tuple[str, str]) -> dict[str, Any]:
    body = {"query": _LAUNCH, "variables": {"params": _PARAMS}}
    reply = client.post(f"{url}/graphql", json=body, auth=login)
    return dict(reply.json()["data"]["launchPartitionBackfill"])


def upgraded(trust: ssl.SSLContext, url: str, login: tuple[str, str] | None) -> str:
    """The first line that answers a handshake of the UI's websocket."""
    host, port = "localhost", int(url.rpartition(":")[2])
    lines = ["GET /graphql HTTP/1.1", f"Host: {host}:{port}", "Upgrade: websocket", "Connection: Upgrade"]
    lines += ["Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}"]
    lines += ["Sec-WebSocket-Protocol: graphql-ws", f"Origin: {url}"]
    if login:
        lines.append(f"Authorization: Basic {base64.b64encode(':'.join(login).encode()).decode()}")
    with (
        socket.create_connection((host, port), timeout=30) as plain,
        trust.wrap_socket(plain, server_hostname=host) as secure,
    ):
        secure.sendall("\r\n".join([*lines, "", ""]).encode())
        return secure.recv(4096).decode(errors="replace").splitlines()[0]


def seen(url: str, login: tuple[str, str]) -> int:
    """Have Chromium log in and show an asset's page; returns how many frames its websocket brought."""
    frames: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = chromium.new_context(
            http_credentials={"username": login[0], "password": login[1]}, ignore_https_errors=True
        )
        page = context.new_page()
        page.on("websocket", lambda opened: opened.on("framereceived", lambda frame: frames.append(str(frame))))
        page.goto(f"{url}/assets/authors", timeout=60_000)
        page.get_by_text("Every author of the source").first.wait_for(timeout=60_000)
        page.wait_for_timeout(2000)
        chromium.close()
    return len(frames)


def reached_by_a_page_elsewhere(url: str, login: tuple[str, str]) -> list[int]:
    """Have Chromium, logged in, open a page of another site that asks for things here; returns what it was told."""
    asked = f"{url}/graphql?query=mutation%7B__typename%7D"
    page_elsewhere = f"""
    <img src="{asked}"> <iframe src="{url}/runs"></iframe> <script src="{url}/server_info"></script>
    <script>
      fetch("{asked}", {{mode: "no-cors", credentials: "include"}});
      fetch("{url}/graphql", {{method: "POST", mode: "no-cors", credentials: "include", body: "x"}});
    </script>"""
    told: list[int] = []

    class Elsewhere(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page_elsewhere.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        context = chromium.new_context(
            http_credentials={"username": login[0], "password": login[1]}, ignore_https_errors=True
        )
        context.new_page().goto(f"{url}/runs", timeout=60_000)  # now the browser knows the login
        page = context.new_page()
        page.on("response", lambda response: told.append(response.status) if response.url.startswith(url) else None)
        page.goto(f"http://127.0.0.1:{server.server_address[1]}/", timeout=60_000)
        page.wait_for_timeout(2000)
        chromium.close()
        server.shutdown()
    return told


class Promises:
    """Each is told as it is found to hold or not."""

    def __init__(self) -> None:
        self.held = True

    def tell(self, promise: str, found: object, holds: bool) -> None:
        self.held = self.held and holds
        print(f"{'holds ' if holds else 'BROKEN'}  {promise}: {found}", flush=True)


def prove(promises: Promises, folder: Path, doors: Mapping[str, tuple[str, tuple[str, str]]]) -> None:
    trust = ssl.create_default_context(cafile=str(folder / "certificate.pem"))
    with httpx.Client(verify=trust, timeout=30) as client:
        for door, (url, login) in doors.items():
            [other] = [passwords for name, (_, passwords) in doors.items() if name != door]
            statuses = [status(client, url, wrong) for wrong in (None, (login[0], "wrong"), ("", ""), other)]
            promises.tell(f"{door}: nothing without their password", statuses, set(statuses) == {401})
            first = upgraded(trust, url, None)
            promises.tell(f"{door}: no websocket without it", first, " 401 " in f"{first} ")
            statuses = [status(client, url, login), status(client, url, login, url)]
            promises.tell(f"{door}: in with it", statuses, set(statuses) == {200})
            refused = status(client, url, login, "https://elsewhere.example")
            promises.tell(f"{door}: not from another site's page", refused, refused == 403)  # noqa: PLR2004 - forbidden
            asked = client.get(f"{url}/graphql", params={"query": "mutation{__typename}"}, auth=login).status_code
            promises.tell(f"{door}: an address that is a command is refused", asked, asked == 403)  # noqa: PLR2004 - the same
            told = reached_by_a_page_elsewhere(url, login)
            promises.tell(f"{door}: what another site's page in Chromium fetches", told, set(told) == {403})
            first = upgraded(trust, url, login)
            promises.tell(f"{door}: the websocket opens", first, " 101 " in f"{first} ")
            frames = seen(url, login)
            promises.tell(f"{door}: the UI in Chromium, frames of its websocket", frames, frames > 0)
        answer = launched(client, *doors["readers"])
        promises.tell("readers cannot launch", answer, answer["__typename"] == "UnauthorizedError")
        answer = launched(client, *doors["operators"])
        promises.tell("operators can", answer, answer["__typename"] == "LaunchBackfillSuccess")
    log = (folder / "access.log").read_text(encoding="utf-8")
    promises.tell("no password is logged", "", not any(login[1] in log for _, login in doors.values()))


def main() -> int:
    promises = Promises()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # nginx's workers run under a name of their own
        with house(folder) as (operators, readers):
            prove(promises, folder, {"operators": (operators, _OPERATOR), "readers": (readers, _READER)})
    return 0 if promises.held else 1


if __name__ == "__main__":
    sys.exit(main())

"""A key is nowhere: not in what a run logs, stores, raises or shows, whatever a provider does with it.

Whole jobs run in a process of their own, on a real Dagster instance in a folder, every logger at its most talkative
and kept by Dagster too. Then every byte that they left is searched: files as they are, SQLite cell by cell, Parquet
decoded, compressed snapshots unpacked, standard output and error, exceptions with all their causes.
"""

import base64
import contextlib
import json
import os
import shutil
import socketserver
import sqlite3
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from testing.installation import Installation, write_authors
from testing.provider import answer

KEY = "canary-7f3d9b1e5a-Qx4Zt8Lm2Rv6"  # not of a form that a pattern could know
EXTRA = "extra-c0ffee77-Wd5Kp9Nb3Hs1"
PASSWORD = "hushhush-44ee1b-Yq7Gc2Fj6Tk0"
SHORTEST = 12  # characters of a secret that nothing may hold either
TITLE = "Zanzibarite"  # in the records that are sent, in no answer
INSTRUCTION = "Mention velocipedes where you can."

_CONFIGURATION = """
telemetry: {enabled: false}
nux: {enabled: false}
python_logs: {python_log_level: DEBUG, managed_python_loggers: [root]}
"""

#: Runs the job of bucket 0000 once for each set of settings, and prints errors as a person at a terminal gets them.
#: Its waits between two tries are the shortest that may be drawn.
_PROGRAM = """
import json, logging, random, sys, traceback
random.random = lambda: 0.01
logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
import dagster as dg
from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import SUMMARIZE
from summarizer_assets.settings import load_settings
with dg.DagsterInstance.get() as instance:
    for given in json.loads(sys.argv[1]):
        job = build_defs(load_settings(None, **given)).resolve_job_def(SUMMARIZE)
        try:
            job.execute_in_process(instance=instance, partition_key="0000")
        except Exception as error:
            shown = []
            while error is not None and error not in shown:  # dagster's may stand in a ring
                shown.append(error)
                traceback.print_exception(error)
                print(repr(error), vars(error), file=sys.stderr)
                error = error.__cause__ or error.__context__
"""

Speak = Callable[[str, str, bytes], bytes]  # the key as it was sent, all headers, the body -> bytes of the answer


def _response(status: str, body: str, *headers: str) -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", "Connection: close", *headers]
    return "\r\n".join([*head, "", body]).encode()


def _error(message: str, code: str | None = None) -> str:
    return json.dumps({"error": {"message": message, "type": code, "code": code, "param": message}})


def _completion(content: str, **other: object) -> str:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
    return json.dumps({"id": "c", "object": "chat.completion", "model": "test-model", "choices": [choice], **other})


#: What a provider may do with the key it was sent.
SPEAK: dict[str, Speak] = {
    "a refusal of the key": lambda key, head, body: _response(
        "401 Unauthorized",
        _error(f"Incorrect API key provided: {key}. Headers: {head}", key),
        f"x-request-id: {key}",
        f"www-authenticate: Bearer {key}",
    ),
    "a refusal of the request": lambda key, head, body: _response(
        f"400 {key}", _error(f"you sent {body.decode()} and {head}"), f"x-request-id: req/{key}/1"
    ),
    "an empty account": lambda key, head, body: _response(
        "429 Too Many Requests", _error(f"{key} has no quota", "insufficient_quota"), f"retry-after: {key}"
    ),
    "a page instead of JSON": lambda key, head, body: _response(
        "200 OK", f"<html>{key} {head}</html>", "content-type: text/html", f"set-cookie: key={key}"
    ),
    "an answer that is no JSON": lambda key, head, body: _response("200 OK", _completion(f'{{"summaries": [{key}')),
    "a fault with a page": lambda key, head, body: _response("500 Internal Server Error", f"<h1>{key}</h1>{head}"),
    "a broken status line": lambda key, head, body: f"HTTP/1.1 {key} {key}\r\n\r\n".encode(),
    "a broken header": lambda key, head, body: f"HTTP/1.1 200 OK\r\n{key}\r\n\r\n".encode(),
    "a broken chunk": lambda key, head, body: (
        f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{key}\r\n{key}\r\n".encode()
    ),
    "an unknown encoding": lambda key, head, body: _response("200 OK", key, f"content-encoding: {key}"),
    "a redirect": lambda key, head, body: _response("302 Found", "", f"location: http://127.0.0.1:9/?key={key}"),
}


@contextlib.contextmanager
def speaking(ways: Mapping[str, Speak]) -> Iterator[tuple[Callable[[str], str], dict[str, list[bytes]]]]:
    """A server that answers with whatever bytes, one way at each base URL; and the requests' bodies as they come."""
    names = list(ways)
    heard: dict[str, list[bytes]] = {name: [] for name in names}

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            head = b""
            while (line := self.rfile.readline()).strip():
                head += line
            request, *lines = head.decode().splitlines()
            name = names[int(request.split("/")[1])]
            fields = dict(line.split(": ", 1) for line in lines)
            body = self.rfile.read(int(fields.get("Content-Length", "0")))
            heard[name].append(body)
            with contextlib.suppress(ConnectionError):
                self.wfile.write(ways[name](fields["Authorization"].split()[-1], "; ".join(lines), body))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield lambda name: f"http://127.0.0.1:{server.server_address[1]}/{names.index(name)}/v1", heard
        server.shutdown()
        thread.join()


def run(folder: Path, *given: Mapping[str, object]) -> str:
    """Runs one after the other on an instance in `folder`; what they print lies there too, and errors are returned."""
    home = folder / "dagster"
    home.mkdir()
    (home / "dagster.yaml").write_text(_CONFIGURATION)
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, json.dumps(given)],
        env={**os.environ, "DAGSTER_HOME": str(home)},
        capture_output=True,
        check=False,
        timeout=300,
    )
    (folder / "stdout").write_bytes(done.stdout)
    (folder / "stderr").write_bytes(done.stderr)
    said = done.stderr.decode()
    assert done.returncode == 0, said
    return said


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Everything that lies in a folder, with where it lies, compressed things also unpacked."""
    for path in sorted(folder.rglob("*")):
        if not path.is_file():
            continue
        content = path.read_bytes()
        yield str(path), content
        if content.startswith(b"SQLite format 3\0"):
            yield from _cells(path)
        elif content.startswith(b"PAR1"):
            yield f"{path} (decoded)", pl.read_parquet(path).write_json().encode()


def _cells(path: Path) -> Iterator[tuple[str, bytes]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for cell in row:
                    raw = cell if isinstance(cell, bytes) else str(cell).encode()
                    yield f"{path} {table}", raw
                    if raw[:1] == b"x":
                        with contextlib.suppress(zlib.error):
                            yield f"{path} {table} (unpacked)", zlib.decompress(raw)


def holders(folder: Path, *secrets: str) -> dict[str, bytes]:
    """Where any of the secrets, or a piece of one, is found: the place, and what stands around it."""
    forms: set[bytes] = set()
    for secret in secrets:
        forms |= {
            secret.encode(),
            secret[::-1].encode(),
            base64.b64encode(secret.encode()).rstrip(b"="),
            secret.encode().hex().encode(),
            quote(secret, safe="").encode(),
        }
    traces = {form[at : at + SHORTEST] for form in forms for at in range(len(form) - SHORTEST + 1)}
    # Any SHORTEST characters in a row hold one of these whole, which are few to look for.
    half = SHORTEST // 2
    parts = {form[at : at + half + 1] for form in forms for at in range(0, len(form) - half, half)}
    found = {}
    for where, content in contents(folder):
        if not any(part in content for part in parts):
            continue
        for trace in traces:
            at = content.find(trace)
            if at >= 0:
                found[where] = content[max(0, at - 150) : at + 100]
                break
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Path:
    path = write_authors(tmp_path_factory.mktemp("source") / "authors.parquet", 1)  # each waits in vain
    titled = pl.element().struct.with_fields(title=pl.lit(f"{TITLE} and its uses"))
    pl.read_parquet(path).with_columns(pl.col("papers").list.eval(titled)).write_parquet(path)
    return path


@pytest.fixture(scope="module")
def authors(tmp_path_factory, source) -> Path:
    """The table of authors, to be copied."""
    root = tmp_path_factory.mktemp("ingested") / "root"
    Installation(root, source).ingest()
    return root / "authors"


def install(folder: Path, authors: Path, url: str, **settings: object) -> dict[str, object]:
    """The settings of a house whose authors are there."""
    shutil.copytree(authors, folder / "root" / "authors")
    return {
        "root": str(folder / "root"),
        "buckets": 1,
        "llm_base_url": url,
        "llm_model": "test-model",
        "llm_api_key": KEY,
        "instruction": INSTRUCTION,
        "group_size": 1,
        "max_in_flight": 1,
        "no_progress_s": 0.5,
        **settings,
    }


@pytest.mark.slow
def test_a_key_that_the_provider_echoes_is_nowhere_nor_a_password_nor_what_is_merged_into_requests(tmp_path, authors):
    where = tmp_path / "left"
    with speaking(SPEAK) as (url_of, heard):
        runs = [install(where / f"house-{number}", authors, url_of(name)) for number, name in enumerate(SPEAK)]
        extra = {"llm_extra_body": {"metadata": {"token": EXTRA}}}
        runs.append({**install(where / "extra", authors, url_of("a page instead of JSON")), **extra})
        runs.append({**runs[0], "state": f"postgresql://somebody:{PASSWORD}@127.0.0.1:9/state"})
        said = run(where, *runs)

    assert all(heard.values()), "the provider was not asked in every way"
    assert any(EXTRA.encode() in body for body in heard["a page instead of JSON"])
    assert "somebody:***@127.0.0.1" in said
    assert list(where.glob("dagster/storage/**/*.err")), "no compute log was kept"
    assert holders(where, KEY, EXTRA, PASSWORD) == {}


@pytest.mark.slow
def test_the_search_finds_what_is_there_and_prompts_are_logged_nowhere(tmp_path, authors):
    """The model's own answer is the one thing that is kept as it came: put there, a secret is found everywhere."""

    def telling(key: str, _: str, body: bytes) -> bytes:
        rows = json.loads(json.loads(answer(body))["choices"][0]["message"]["content"])["summaries"]
        told = [{**row, "summary": f"{row['summary']} The key is {key}."} for row in rows]
        return _response("200 OK", _completion(json.dumps({"summaries": told})))

    where = tmp_path / "left"
    with speaking({"telling": telling}) as (url_of, heard):
        run(where, install(where, authors, url_of("telling"), grounding=False))

    found = holders(where, KEY)
    assert any("author_summaries" in place and "(decoded)" in place for place in found)
    assert any("dagster" in place and ".db event_logs" in place for place in found)

    assert all(TITLE.encode() in body and INSTRUCTION.encode() in body for body in heard["telling"])
    prompts = [
        place
        for place, content in contents(where)
        if (TITLE.encode() in content or INSTRUCTION.encode() in content) and "/root/authors/" not in place
    ]
    assert prompts == []

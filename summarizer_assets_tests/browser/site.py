"""What `make ui` starts, on a free loopback port, with an instance and tables of its own, ended with its children."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import polars as pl

REPOSITORY = Path(__file__).parents[2]
_DEADLINE_S = 180.0

_ASSETS = "{ assetNodes { assetKey { path } partitionStats { numMaterialized numFailed numPartitions } } }"


@dataclass(frozen=True)
class Partitions:
    materialized: int
    failed: int
    total: int


@dataclass(frozen=True)
class Site:
    """One running installation."""

    url: str
    home: Path
    root: Path

    def graphql(self, query: str) -> dict[str, Any]:
        reply = httpx.post(f"{self.url}/graphql", json={"query": query}, timeout=30)
        reply.raise_for_status()
        return reply.json()["data"]

    def partitions(self) -> dict[str, Partitions]:
        """By asset, as the UI counts them."""
        found = {}
        for node in self.graphql(_ASSETS)["assetNodes"]:
            stats = node["partitionStats"]
            if stats is None:
                continue  # the maintenance has no partitions
            found[node["assetKey"]["path"][-1]] = Partitions(
                stats["numMaterialized"], stats["numFailed"], stats["numPartitions"]
            )
        return found

    def wait_for(self, asset: str, materialized: int) -> None:
        """Until so many partitions of `asset` are green."""
        eventually(lambda: self.partitions()[asset].materialized == materialized, self.partitions)

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_delta(str(self.root / name))


def eventually(condition: Callable[[], bool], state: Callable[[], object]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"still not so: {state()}"
        time.sleep(0.5)


@contextmanager
def dagster_dev(folder: Path, settings: Mapping[str, str], *, at_once: int = 2) -> Iterator[Site]:
    """Serve what `summarizer ui` serves, with `settings` on top of an environment that holds none of ours.

    `at_once`: so many runs; the others wait in the queue.
    """
    home, root = folder / "dagster", folder / "data"
    _configure(home, at_once)
    environment = _environment() | {"DAGSTER_HOME": str(home), "SUMMARIZER_ROOT": str(root), **settings}
    with _serving(folder, environment, home, root) as site:
        yield site


@contextmanager
def ui_after_the_demo(folder: Path, *, at_once: int) -> Iterator[Site]:
    """Run the demo, and serve what `summarizer ui` shows of a folder where nothing else was done."""
    root = folder / "demo"
    _configure(root / "dagster", at_once)
    subprocess.run(
        [sys.executable, "-m", "summarizer_assets", "demo"],
        cwd=folder,
        env=_environment(),
        check=True,
        capture_output=True,
        timeout=_DEADLINE_S,
    )
    with _serving(folder, _environment(), root / "dagster", root) as site:
        yield site


@contextmanager
def dg_dev(folder: Path, example: Path) -> Iterator[Site]:
    """Serve a copy of the project `example` as its people do, by `dg dev`."""
    project = folder / example.name
    shutil.copytree(example, project)
    home = folder / "dagster"
    _configure(home, at_once=2)
    environment = _environment() | {"DAGSTER_HOME": str(home), "PYTHONPATH": f"{project / 'src'}:{REPOSITORY}"}
    command = [str(Path(sys.executable).with_name("dg")), "dev", "--log-level", "warning"]
    with _serving(project, environment, home, project / "data", command) as site:
        yield site


def _environment() -> dict[str, str]:
    ours = ("SUMMARIZER_", "DAGSTER_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def _configure(home: Path, at_once: int) -> None:
    home.mkdir(parents=True)
    instance = (REPOSITORY / "summarizer_assets" / "dagster.yaml").read_text()
    assert "max_concurrent_runs: 2" in instance
    (home / "dagster.yaml").write_text(instance.replace("max_concurrent_runs: 2", f"max_concurrent_runs: {at_once}"))


@contextmanager
def _serving(
    folder: Path,
    environment: Mapping[str, str],
    home: Path,
    root: Path,
    command: Sequence[str] = (sys.executable, "-m", "summarizer_assets", "ui"),
) -> Iterator[Site]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder / "ui.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    site = Site(f"http://127.0.0.1:{port}", home, root)
    try:
        eventually(lambda: _serves(site, server), lambda: log.read_text()[-3000:])
        yield site
    finally:
        left = _end(server)
    assert not left, f"processes of the UI outlived it: {left}"


def _serves(site: Site, server: "subprocess.Popen[bytes]") -> bool:
    assert server.poll() is None, "the UI ended"
    try:
        return len(site.partitions()) > 0
    except httpx.TransportError:
        return False


def _end(server: "subprocess.Popen[bytes]") -> list[int]:
    """Ask it to end, once, wait for its children; what remains is killed and named."""
    deadline = time.monotonic() + 180
    server.terminate()
    while (left := _session(server.pid)) and time.monotonic() < deadline:
        server.poll()  # reaps the leader, which would stay in the list as a zombie
        time.sleep(0.2)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    server.wait(30)
    return left


def _session(leader: int) -> list[int]:
    """The living processes of the session that `leader` opened."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended while we looked
        state, session = fields[0], int(fields[3])
        if session == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found

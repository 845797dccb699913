"""A real cluster: RabbitMQ, Postgres, an object store, two Celery workers, one of which is killed; a login in front."""

import json
import ssl
import subprocess
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import asdict, dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import polars as pl
import pytest

from benchmarks.cluster import faults as cluster_faults
from benchmarks.cluster.same import tables_of
from benchmarks.cluster.world import running, settings_of, within
from deploy.celery import hosts
from deploy.celery.cluster import Cluster
from deploy.celery.layout import Layout
from testing.installation import Installation, write_authors

BUCKETS, AUTHORS, DOOR = 4, 160, 18443
_LAUNCH = """
mutation { launchPartitionBackfill(backfillParams: {assetSelection: [{path: ["authors"]}], partitionNames: ["0000"]}) {
  __typename } }
"""


@dataclass(frozen=True)
class Trial:
    """What was seen of the cluster while it ran, and its folder, which is left when it was ended."""

    found: dict[str, Any]
    replies: dict[str, tuple[int, str]]
    listening: dict[int, set[str]]
    frames: dict[str, pl.DataFrame]
    layout: Layout


@pytest.fixture(scope="module")
def trial(tmp_path_factory) -> Trial:
    folder = tmp_path_factory.mktemp("cluster")
    source = write_authors(folder / "authors.parquet", AUTHORS)
    layout = Layout(home=folder / "home", namespaces=hosts.possible(), door=DOOR)
    own = settings_of(source, layout, buckets=BUCKETS, **cluster_faults.SETTINGS)
    (folder / "frames").mkdir()
    with running(layout, own, print) as cluster:
        replies, listening = knock(cluster), listeners(cluster)
        more = ["--only", "worker", "--done-first", "0", "--frames", str(folder / "frames")]
        found = within(cluster, "benchmarks.cluster.faults", *more)
    frames = {path.stem: pl.read_parquet(path) for path in (folder / "frames").glob("*.parquet")}
    return Trial(found, replies, listening, frames, layout)


def knock(cluster: Cluster) -> dict[str, tuple[int, str]]:
    """What the two doors say, with and without a login."""
    passwords = cluster.layout.passwords()
    operator, reader = ("operator", passwords["operator"]), ("reader", passwords["reader"])
    look = {"query": "{ version }"}
    return {
        "no login": ask(DOOR, look, None),
        "wrong door": ask(DOOR, look, reader),
        "operator": ask(DOOR, look, operator),
        "reader": ask(DOOR + 1, look, reader),
        "reader launches": ask(DOOR + 1, {"query": _LAUNCH}, reader),
        "operator launches by an address": ask(DOOR, None, operator, f"?{urlencode({'query': _LAUNCH})}"),
    }


def listeners(cluster: Cluster) -> dict[int, set[str]]:
    """The addresses on which somebody listens on the head, by port."""
    command = [*cluster.on_head, "ss", "--listening", "--tcp", "--numeric", "--no-header"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found: dict[int, set[str]] = {}
    for line in told.splitlines():
        address, _, port = line.split()[3].rpartition(":")
        found.setdefault(int(port), set()).add(address)
    return found


def is_loopback(address: str) -> bool:
    found = ip_address(address.strip("[]").replace("::ffff:", ""))  # Erlang's is one of version 4 within version 6
    return found.is_loopback


def ask(port: int, body: dict[str, str] | None, login: tuple[str, str] | None, question: str = "") -> tuple[int, str]:
    headers = {"Content-Type": "application/json"}
    if login:
        headers["Authorization"] = f"Basic {b64encode(':'.join(login).encode()).decode()}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"https://localhost:{port}/graphql{question}", data, headers)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE  # its own certificate
    try:
        with urllib.request.urlopen(request, context=trust, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_worker_killed_in_the_middle_of_its_bucket_costs_nobody_a_summary_and_nothing_is_done_by_hand(trial):
    assert cluster_faults.broken_promises(trial.found) == []
    assert trial.found["authors"] == AUTHORS
    assert trial.found["at_work"] == 2
    assert trial.found["in_flight"] == cluster_faults.IN_FLIGHT_AUTHORS  # of the one that was killed
    assert trial.found["runs"] == {"SUCCESS": BUCKETS, "FAILURE": 1}  # the killed one's
    assert trial.found["launched_by_the_sensor"] == 1


def test_the_tables_are_those_that_one_machine_makes(trial, tmp_path):
    source = write_authors(tmp_path / "authors.parquet", AUTHORS)
    one = Installation(tmp_path / "root", source, buckets=BUCKETS, group_size=cluster_faults.SETTINGS["group_size"])
    one.ingest()
    assert all(run.success for run in one.summarize())
    ours = tables_of(one.summarizer)
    assert trial.frames.keys() == ours.keys()
    # After the kill the rest was grouped anew, and what a request took is shared out among its authors.
    shared_out = ["prompt_tokens", "completion_tokens", "cost_usd"]
    for name, frame in ours.items():
        assert trial.frames[name].drop(shared_out, strict=False).equals(frame.drop(shared_out, strict=False)), name
    assert ours["author_summaries"].height == AUTHORS


def test_nobody_gets_past_the_login_and_readers_launch_nothing(trial):
    assert {who: status for who, (status, _) in trial.replies.items()} == {
        "no login": 401,
        "wrong door": 401,
        "operator": 200,
        "reader": 200,
        "reader launches": 200,
        "operator launches by an address": 403,
    }
    assert "UnauthorizedError" in trial.replies["reader launches"][1]


def test_nothing_of_it_listens_but_on_loopback_and_to_its_workers(trial):
    layout = trial.layout
    ports = set(asdict(layout.ports).values()) - {layout.ports.operators_door}
    ports |= {layout.inner_door, layout.inner_door + 1}
    assert trial.listening.keys() >= ports
    if layout.namespaces:  # else it shares the address with a machine's other programs
        ports = set(trial.listening)
    addresses = {address for port in ports for address in trial.listening[port]}
    assert {address for address in addresses if not is_loopback(address)} == {layout.address} - {"127.0.0.1"}


def test_no_password_is_in_a_log_or_a_configuration_that_others_may_read(trial):
    secrets = set(trial.layout.passwords().values())
    assert len(secrets) == 6
    looked_at = 0
    for path in trial.layout.home.rglob("*"):
        if path.is_file() and path.stat().st_mode & 0o044 and "postgres" not in path.parts:
            looked_at += 1
            content = path.read_text(errors="replace")
            assert not [secret for secret in secrets if secret in content], path
    assert looked_at > 20


def test_its_end_leaves_the_tables_and_no_process(trial):
    kept = [path.name for path in (trial.layout.home / "store").iterdir()]
    assert any("author_summaries" in name and name.endswith(".parquet") for name in kept)
    said = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(trial.layout.home) not in said
    assert not Path("/run/netns", trial.layout.namespace("head")).exists()

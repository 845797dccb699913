"""Where everything of a cluster on one machine is: folders, addresses, ports, passwords, and the variables of it all.

With namespaces there are hosts of their own: `head`, which serves, and a host a worker. Without, all is on loopback.
"""

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dotenv import dotenv_values

from deploy.celery.errors import ClusterError

CHECKOUT = Path(__file__).resolve().parents[2]
HEAD = "head"
_HEAD_ADDRESS = "10.77.0.1"
BUCKET = "summaries"
#: Of Dagster's storage, which sets none: a cut-off host must notice within a lease, not when the kernel gives up
#: a quarter of an hour later.
_PATIENCE = "connect_timeout=10&keepalives_idle=10&keepalives_interval=5&keepalives_count=3&tcp_user_timeout=20000"
_REMOTE = "s3://"  # the one kind of address that sources and roots may have, but for folders
_PASSWORDS = ("postgres", "rabbitmq", "store_key", "store_secret", "operator", "reader")


@dataclass(frozen=True)
class Ports:
    """Of the servers, on the head. In a namespace nothing else is there; on loopback a user's own servers may be."""

    postgres: int = 15432
    rabbitmq: int = 15672
    rabbitmq_peers: int = 15673
    epmd: int = 14369
    store: int = 19000
    code: int = 14000
    webserver: int = 3000
    readers: int = 3001
    operators_door: int = 8443  # the readers' is the next one


@dataclass(frozen=True)
class Layout:
    """One cluster.

    Attributes:
        home: its folder.
        workers: how many.
        slots: runs at once of each worker.
        namespaces: whether head and workers are hosts of their own.
        shared_journal: whether answers are first written where all hosts can read them, or on each host's own disk.
        door: the port of the operators' page on this machine's loopback; the readers' is the next one.
    """

    home: Path
    workers: int = 2
    slots: int = 1
    namespaces: bool = True
    shared_journal: bool = True
    door: int = 8443

    @property
    def ports(self) -> Ports:
        return Ports()

    @property
    def address(self) -> str:
        """Of the head, as its workers see it."""
        return _HEAD_ADDRESS if self.namespaces else "127.0.0.1"

    @property
    def inner_door(self) -> int:
        """Where nginx itself has the operators' page: in a namespace a door of this machine leads there."""
        return self.ports.operators_door if self.namespaces else self.door

    @property
    def worker_names(self) -> list[str]:
        return [f"worker{number}" for number in range(1, self.workers + 1)]

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def namespace(self, host: str) -> str:
        """Two clusters on one machine do not meet."""
        return f"summarizer-{hashlib.sha256(str(self.home).encode()).hexdigest()[:6]}-{host}"

    def journal(self, host: str) -> Path:
        return self.home / "journal" if self.shared_journal else self.home / "hosts" / host / "journal"

    def journal_setting(self, host: str, own: Mapping[str, str] | None = None) -> dict[str, str]:
        """Where a host's runs write answers first; empty where the caller said it, or the package knows it.

        A folder that the caller names may hold answers of earlier runs, which nobody pays for again. So may the one
        that belongs to a root of the caller's, which all processes of this machine find by themselves.
        """
        known = "SUMMARIZER_JOURNAL_DIR" in given(own) or (self.shared_journal and not brings_store(own))
        return {} if known else {"SUMMARIZER_JOURNAL_DIR": str(self.journal(host))}

    def passwords(self) -> Mapping[str, str]:
        """See `_PASSWORDS`. Made at the first use, and kept."""
        path = self.home / "passwords.json"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(json.dumps({name: secrets.token_hex(12) for name in _PASSWORDS}))
        found: dict[str, str] = json.loads(path.read_text())
        return found

    def postgres_url(self, database: str) -> str:
        """Of a database; how long a connection waits is its user's own matter, as of the state store's."""
        address = f"{self.address}:{self.ports.postgres}"
        return f"postgresql://dagster:{self.passwords()['postgres']}@{address}/{database}"

    def environment(self, own: Mapping[str, str] | None = None) -> dict[str, str]:
        """Of every process of the cluster: `own` and the caller's settings win over what comes with the cluster.

        So that `SUMMARIZER_ROOT` with `AWS_*`, or `SUMMARIZER_STATE`, may name a store and a database of the caller's.
        """
        passwords, ports, told = self.passwords(), self.ports, given(own)
        ours = {
            "SUMMARIZER_STATE": self.postgres_url("state"),
            "SUMMARIZER_LOST_AFTER_S": "300",
            **self.journal_setting(HEAD, own),
        }
        store = {
            "SUMMARIZER_ROOT": f"s3://{BUCKET}/tables",
            "AWS_ACCESS_KEY_ID": passwords["store_key"],
            "AWS_SECRET_ACCESS_KEY": passwords["store_secret"],
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://{self.address}:{ports.store}",
            "AWS_ALLOW_HTTP": "true",
        }
        fixed = {
            "DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_POSTGRES_URL": f"{self.postgres_url('dagster')}?{_PATIENCE}",
            "DAGSTER_CELERY_BROKER": f"pyamqp://summarizer:{passwords['rabbitmq']}@{self.address}:{ports.rabbitmq}//",
            "DAGSTER_MAX_RUNS": str(self.workers * (self.slots + 1)),
            "DAGSTER_CODE_PORT": str(ports.code),
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(Path(__file__).parent / "worker"), os.environ.get("PYTHONPATH", "")])
            ),
            "PYTHONUNBUFFERED": "1",
        }
        return {**os.environ, **ours, **told, **(store if brings_store(own) else {}), **fixed}

    def save(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "layout.json").write_text(json.dumps({**asdict(self), "home": str(self.home)}))


def given(own: Mapping[str, str] | None = None) -> dict[str, str]:
    """The caller's settings: the checkout's `.env`, the environment, `own`; the later ones win."""
    read = {name: value for name, value in dotenv_values(CHECKOUT / ".env").items() if value is not None}
    settings = {name: value for name, value in os.environ.items() if name.startswith(("SUMMARIZER_", "AWS_"))}
    return {**read, **settings, **(own or {})}


def brings_store(own: Mapping[str, str] | None = None) -> bool:
    """Whether the tables lie in the store that comes with the cluster: no root is set."""
    return "SUMMARIZER_ROOT" not in given(own)


def outside(own: Mapping[str, str] | None = None) -> list[str]:
    """The settings that name something beyond this machine, which hosts of their own do not reach."""
    told = given(own)
    found = {
        "SUMMARIZER_LLM_BASE_URL": told.get("SUMMARIZER_LLM_BASE_URL", "embedded") != "embedded",
        "SUMMARIZER_ROOT": _REMOTE in told.get("SUMMARIZER_ROOT", ""),
        "SUMMARIZER_SOURCE": _REMOTE in told.get("SUMMARIZER_SOURCE", ""),
        "SUMMARIZER_STATE": told.get("SUMMARIZER_STATE", "").startswith("postgres"),
    }
    return [name for name, beyond in found.items() if beyond]


def require_one_store(own: Mapping[str, str] | None = None) -> None:
    """One set of `AWS_*` variables cannot name two stores.

    Raises:
        ClusterError: the source lies in a store of the caller's, the tables would lie in the cluster's.
    """
    source = given(own).get("SUMMARIZER_SOURCE", "")
    if source.startswith(_REMOTE) and brings_store(own):
        raise ClusterError(
            f"SUMMARIZER_SOURCE={source} lies in a store of yours, but SUMMARIZER_ROOT is not set: then the tables lie "
            "in the store that comes with the cluster, and its AWS_* take the place of yours. Set SUMMARIZER_ROOT, to "
            "s3://… in your store or to a folder"
        )


def saved(home: Path) -> Layout:
    """The cluster that was started in this folder.

    Raises:
        ClusterError: none was.
    """
    path = home / "layout.json"
    if not path.exists():
        raise ClusterError(f"no cluster was started in {home}: {path.name} is not there; start one: make cluster")
    told = json.loads(path.read_text())
    return Layout(**{**told, "home": Path(told["home"])})

"""The cluster's Postgres: Dagster's runs and events in one database, claims, limits and money in another."""

import os
import subprocess
from datetime import datetime
from pathlib import Path

from deploy.celery import hosts
from deploy.celery.errors import ClusterError
from deploy.celery.layout import HEAD, Layout

_VERSIONS = Path("/usr/lib/postgresql")
_SETTINGS = """
unix_socket_directories = ''
max_connections = 200
# A worker that vanished within a transaction must not hold its locks for the kernel's two hours.
tcp_keepalives_idle = 10
tcp_keepalives_interval = 5
tcp_keepalives_count = 3
idle_in_transaction_session_timeout = 60s
"""


def programs() -> Path:
    """The folder of the newest version's programs.

    Raises:
        ClusterError: it is not installed.
    """
    versions = sorted(_VERSIONS.glob("*/bin/postgres"), key=lambda path: int(path.parents[1].name))
    if not versions:
        raise ClusterError("PostgreSQL is not installed; `make cluster` does that, or: apt install postgresql")
    return versions[-1].parent


def command(layout: Layout) -> list[str]:
    """Of the server. Its address is told at each start: a folder outlives the network it was made in."""
    place = {"listen_addresses": layout.address, "port": layout.ports.postgres}
    options = [word for name, value in place.items() for word in ("-c", f"{name}={value}")]
    return [str(programs() / "postgres"), "-D", str(layout.home / "postgres"), *options]


def make(layout: Layout) -> None:
    """Its folder, where there is none.

    Raises:
        ClusterError: it cannot be made.
    """
    data = layout.home / "postgres"
    if (data / "PG_VERSION").exists():
        return
    secret = layout.home / "postgres.password"
    secret.touch(mode=0o600)
    secret.write_text(layout.passwords()["postgres"])
    initdb = [
        *hosts.not_root(),
        str(programs() / "initdb"),
        "-D",
        str(data),
        "-U",
        "dagster",
        "-E",
        "UTF8",
        "--locale=C",
    ]
    login = ["--auth=scram-sha-256", f"--pwfile={secret}"]
    done = subprocess.run([*initdb, *login], capture_output=True, text=True, check=False)
    secret.unlink()
    if done.returncode:
        raise ClusterError(f"PostgreSQL cannot make its folder {data}: {done.stderr.strip()}")
    with (data / "postgresql.conf").open("a") as file:
        file.write(_SETTINGS)
    with (data / "pg_hba.conf").open("a") as file:
        file.write("host all dagster 10.77.0.0/16 scram-sha-256\n")


def ready(layout: Layout) -> bool:
    """Whether it takes connections; after a crash its port is open while it still puts its files in order."""
    asked = [*hosts.on(layout, HEAD), str(programs() / "pg_isready"), *_where(layout), "-q"]
    return subprocess.run(asked, env=_environment(), check=False).returncode == 0


def make_databases(layout: Layout) -> None:
    found = _ask(layout, "postgres", "SELECT datname FROM pg_database").split()
    for name in {"dagster", "state"} - set(found):
        _ask(layout, "postgres", f"CREATE DATABASE {name}")


def daemon_lives(layout: Layout, since: datetime) -> bool:
    """Whether Dagster's daemon has told Dagster so since then."""
    table = _ask(layout, "dagster", "SELECT count(*) FROM pg_tables WHERE tablename = 'daemon_heartbeats'")
    if table == "0":  # Dagster makes its tables when it first needs them
        return False
    newer = f"SELECT count(*) FROM daemon_heartbeats WHERE timestamp > '{since.isoformat()}'::timestamptz"
    return _ask(layout, "dagster", newer) != "0"


def _ask(layout: Layout, database: str, query: str) -> str:
    """Its answer.

    Raises:
        ClusterError: it refuses, or is not there.
    """
    psql = [*hosts.on(layout, HEAD), str(programs() / "psql"), *_where(layout), "-d", database, "-XAtc", query]
    secret = {"PGPASSWORD": layout.passwords()["postgres"]}  # a command's own words can be seen by every user
    done = subprocess.run(psql, env=_environment() | secret, capture_output=True, text=True, check=False)
    if done.returncode:
        log = layout.logs / "postgres.log"
        raise ClusterError(f"Postgres of {layout.home} does not do {query!r}: {done.stderr.strip()}; see {log}")
    return done.stdout.strip()


def _where(layout: Layout) -> list[str]:
    return ["-h", layout.address, "-p", str(layout.ports.postgres), "-U", "dagster"]


def _environment() -> dict[str, str]:
    """Without the caller's variables for a Postgres of theirs (PGSSLMODE and the like)."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}

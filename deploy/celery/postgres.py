"""The cluster's Postgres: Dagster's runs and events in one database, claims, limits and money in another."""

import subprocess
from pathlib import Path

from deploy.celery import hosts
from deploy.celery.errors import ClusterError
from deploy.celery.layout import HEAD, Layout

_VERSIONS = Path("/usr/lib/postgresql")
_SETTINGS = """
listen_addresses = '{address}'
port = {port}
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


def make(layout: Layout) -> None:
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
        file.write(_SETTINGS.format(address=layout.address, port=layout.ports.postgres))
    with (data / "pg_hba.conf").open("a") as file:
        file.write("host all dagster 10.77.0.0/16 scram-sha-256\n")


def make_databases(layout: Layout) -> None:
    psql = [*hosts.on(layout, HEAD), str(programs() / "psql"), layout.postgres_url("postgres"), "-Atc"]
    found = subprocess.run(
        [*psql, "SELECT datname FROM pg_database"], capture_output=True, text=True, check=True
    ).stdout
    for name in {"dagster", "state"} - set(found.split()):
        subprocess.run([*psql, f"CREATE DATABASE {name}"], capture_output=True, check=True)

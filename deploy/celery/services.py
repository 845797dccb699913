"""The programs of a cluster, in the order in which they are started; supervisord keeps each of them running.

supervisord, for it is what small installations use where there is no systemd to ask: it restarts what died, ends all
that it started, and is one package from PyPI, kept up since 2004.
"""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from deploy.celery import postgres
from deploy.celery.hosts import as_machine, not_root, on
from deploy.celery.layout import CHECKOUT, HEAD, Layout

_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class Stage(IntEnum):
    """Programs of one answer before those of the next are started."""

    STORES = 1
    BROKER = 2
    CODE = 3
    DAGSTER = 4
    WORKERS = 5


@dataclass(frozen=True)
class Program:
    """`stop_s`: how long it may take to end."""

    name: str
    stage: Stage
    command: list[str]
    port: int | None = None
    stop_s: int = 20
    stop_signal: str = "TERM"
    environment: Mapping[str, str] = field(default_factory=dict)


def programs(layout: Layout, *, own_store: bool) -> list[Program]:
    """All of them.

    Args:
        layout: of the cluster.
        own_store: whether the tables lie in the store that comes with it.
    """
    ports, home, head = layout.ports, layout.home, [*on(layout, HEAD), *not_root()]
    python = [sys.executable, "-m"]
    location = ["-m", "summarizer_assets.definitions", "--location-name", "summarizer_assets"]
    location += ["--working-directory", str(CHECKOUT)]
    workspace = ["-w", str(home / "workspace.yaml")]
    web = [*head, *python, "dagster_webserver", *workspace, "-h", "127.0.0.1"]
    proxy = ["nginx", "-p", str(home / "proxy"), "-c", "nginx.conf", "-g", "daemon off;"]
    found = [
        Program(
            "postgres",
            Stage.STORES,
            [*head, str(postgres.programs() / "postgres"), "-D", str(home / "postgres")],
            ports.postgres,
            stop_signal="INT",  # it ends with its clients connected
        ),
        Program("epmd", Stage.STORES, [*head, "epmd", "-port", str(ports.epmd), "-address", "127.0.0.1"]),
        Program("rabbitmq", Stage.BROKER, [*head, _RABBITMQ], ports.rabbitmq, 60, environment=_rabbitmq(layout)),
        Program(
            "code",
            Stage.CODE,
            [*head, *python, "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(ports.code), *location],
            ports.code,
        ),
        Program("daemon", Stage.DAGSTER, [*head, *python, "dagster._daemon", "run", *workspace]),
        Program("webserver", Stage.DAGSTER, [*web, "-p", str(ports.webserver)], ports.webserver),
        Program("readers", Stage.DAGSTER, [*web, "-p", str(ports.readers), "--read-only"], ports.readers),
        Program("proxy", Stage.DAGSTER, [*head, *proxy], ports.operators_door),
    ]
    if own_store:
        store = ["deploy.celery.object_store", "--address", layout.address, "--port", str(ports.store)]
        folder = ["--folder", str(home / "store")]
        found.insert(0, Program("store", Stage.STORES, [*head, *python, *store, *folder], ports.store, stop_s=120))
    if layout.namespaces:  # else nginx itself listens on this machine's loopback
        for door, (name, port) in enumerate((("operators", ports.operators_door), ("readers", ports.readers_door))):
            listen = f"TCP-LISTEN:{layout.door + door},bind=127.0.0.1,reuseaddr,fork"
            inside = " ".join(
                [*on(layout, HEAD), "socat", "STDIO", rf"TCP\:127.0.0.1\:{port}"]
            )  # to socat a colon ends a word
            found.append(Program(f"door-{name}", Stage.DAGSTER, ["socat", listen, f"EXEC:{inside}"]))
    for worker in layout.worker_names:
        celery = [*python, "celery", "-A", "summarizer_worker", "worker", "-Q", "dagster", "-n", f"{worker}@%h"]
        options = ["--concurrency", str(layout.slots), "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        where = {"SUMMARIZER_JOURNAL_DIR": str(layout.journal(worker))}
        found.append(
            Program(
                worker, Stage.WORKERS, [*as_machine(layout, worker), *celery, *options], stop_s=120, environment=where
            )
        )
    return found


def configuration(layout: Layout, of: list[Program]) -> str:
    """supervisord's, without a secret: those are in the environment it is started with."""
    home, logs = layout.home, layout.logs
    lines = [
        "[supervisord]",
        f"directory={CHECKOUT}",
        f"logfile={logs / 'supervisord.log'}",
        f"pidfile={home / 'supervisord.pid'}",
        f"childlogdir={logs}",
        "[unix_http_server]",
        f"file={home / 'supervisor.sock'}",
        "chmod=0600",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        "[supervisorctl]",
        f"serverurl=unix://{home / 'supervisor.sock'}",
    ]
    for program in of:
        variables = ",".join(f'{name}="{value}"' for name, value in program.environment.items())
        lines += [
            f"[program:{program.name}]",
            f"command={shlex.join(program.command).replace('%', '%%')}",
            *([f"environment={variables}"] if variables else []),
            "autostart=false",  # by stages, once what it needs answers; from then on it is kept running
            "autorestart=true",
            "startsecs=1",
            "startretries=1000",
            f"stopsignal={program.stop_signal}",
            f"stopasgroup={'false' if program.name == 'postgres' else 'true'}",
            "killasgroup=true",
            f"stopwaitsecs={program.stop_s}",
            f"stdout_logfile={logs / program.name}.log",
            "redirect_stderr=true",
            "stdout_logfile_maxbytes=20MB",
            "stdout_logfile_backups=2",
        ]
    return "\n".join(lines) + "\n"


def _rabbitmq(layout: Layout) -> dict[str, str]:
    home = layout.home / "rabbitmq"
    return {
        "HOME": str(home),  # of Erlang's cookie
        "ERL_EPMD_PORT": str(layout.ports.epmd),
        "RABBITMQ_NODENAME": "summarizer@localhost",
        "RABBITMQ_DIST_PORT": str(layout.ports.rabbitmq_peers),
        "RABBITMQ_MNESIA_BASE": str(home / "db"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # the system's own broker has its settings there
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_LOGS": "-",
    }

"""The programs of a cluster, in the order in which they are started; supervisord keeps each of them running.

supervisord, for it is what small installations use where there is no systemd to ask: it restarts what died, ends all
that it started, and is one package from PyPI, kept up since 2004.
"""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from deploy.celery import postgres, proxy
from deploy.celery.hosts import as_machine, not_root, on
from deploy.celery.layout import CHECKOUT, HEAD, Layout, brings_store

_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"


class Stage(IntEnum):
    """Programs of one answer before those of the next are started; the rest needs nothing of each other."""

    STORES = 1
    BROKER = 2
    CODE = 3
    REST = 4


@dataclass(frozen=True)
class Program:
    """One of a cluster's.

    Attributes:
        port: by which it is known to answer, at `address`.
        on_machine: whether that is this machine's address, and not the head's.
        says: what it writes when it is ready, where it has no port.
        stop_s: how long it may take to end.
    """

    name: str
    stage: Stage
    command: list[str]
    port: int = 0
    address: str = "127.0.0.1"
    on_machine: bool = False
    says: str = ""
    stop_s: int = 20
    stop_signal: str = "TERM"
    environment: Mapping[str, str] = field(default_factory=dict)


def programs(layout: Layout, own: Mapping[str, str] | None = None) -> list[Program]:
    """All of them.

    Args:
        layout: of the cluster.
        own: settings beside those of the caller's environment.
    """
    ports, home, head = layout.ports, layout.home, [*on(layout, HEAD), *not_root()]
    python = [sys.executable, "-m"]
    location = ["-m", "summarizer_assets.definitions", "--location-name", "summarizer_assets"]
    location += ["--working-directory", str(CHECKOUT)]
    workspace = ["-w", str(home / "workspace.yaml")]
    web = [*head, *python, "summarizer_assets", "webserver", *workspace, "-h", "127.0.0.1"]
    found = [
        Program(
            "postgres",
            Stage.STORES,
            [*head, *postgres.command(layout)],
            ports.postgres,
            layout.address,
            stop_signal="INT",  # it ends with its clients connected
        ),
        Program("epmd", Stage.STORES, [*head, "epmd", "-port", str(ports.epmd), "-address", "127.0.0.1"], ports.epmd),
        Program(
            "rabbitmq",
            Stage.BROKER,
            [*head, _RABBITMQ],
            ports.rabbitmq,
            layout.address,
            stop_s=60,
            environment=_rabbitmq(layout),
        ),
        Program(
            "code",
            Stage.CODE,
            [*head, *python, "dagster", "api", "grpc", "-h", "127.0.0.1", "-p", str(ports.code), *location],
            ports.code,
        ),
        Program("daemon", Stage.REST, [*head, *python, "dagster._daemon", "run", *workspace]),
        Program("webserver", Stage.REST, [*web, "-p", str(ports.webserver)], ports.webserver),
        Program("readers", Stage.REST, [*web, "-p", str(ports.readers), "--read-only"], ports.readers),
        Program("proxy", Stage.REST, [*head, *proxy.command(layout)], layout.inner_door),
    ]
    if brings_store(own):
        store = ["deploy.celery.object_store", "--address", layout.address, "--port", str(ports.store)]
        folder = ["--folder", str(home / "store")]
        command = [*head, *python, *store, *folder]
        found.insert(0, Program("store", Stage.STORES, command, ports.store, layout.address, stop_s=120))
    if layout.namespaces:  # else nginx itself listens on this machine's loopback
        for number, name in enumerate(("operators", "readers")):
            outer, inner = layout.door + number, layout.inner_door + number
            listen = f"TCP-LISTEN:{outer},bind=127.0.0.1,reuseaddr,fork"
            to = rf"TCP\:127.0.0.1\:{inner}"  # to socat a colon ends a word
            command = ["socat", listen, f"EXEC:{' '.join([*on(layout, HEAD), 'socat', 'STDIO', to])}"]
            found.append(Program(f"door-{name}", Stage.REST, command, outer, on_machine=True))
    for worker in layout.worker_names:
        celery = [*python, "celery", "-A", "summarizer_worker", "worker", "-Q", "dagster", "-n", f"{worker}@%h"]
        options = ["--concurrency", str(layout.slots), "--without-gossip", "--without-mingle", "--loglevel", "INFO"]
        found.append(
            Program(
                worker,
                Stage.REST,
                [*as_machine(layout, worker), *celery, *options],
                says=" ready.",
                stop_s=120,
                environment=layout.journal_setting(worker, own),
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
        # By itself it is open to everybody; it is for brokers that are one, and for their tools.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "RABBITMQ_MNESIA_BASE": str(home / "db"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",  # the system's own broker has its settings there
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_LOG_BASE": str(home / "log"),  # it makes a file there all the same; the system's is not ours to write
    }

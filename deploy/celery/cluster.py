"""Starts and ends all of a cluster on one machine."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy.celery import hosts, postgres
from deploy.celery.errors import ClusterError
from deploy.celery.layout import CHECKOUT, HEAD, Layout, brings_store
from deploy.celery.services import Program, Stage, configuration, programs

_HERE = Path(__file__).parent
_PROXY = CHECKOUT / "deploy" / "proxy" / "nginx.conf"
_START_PATIENCE_S = 180


class Cluster:
    """What `start` made, to be looked at and ended.

    Args:
        layout: where it is.
        own: settings (`SUMMARIZER_…`) beside those of the caller's environment.
    """

    def __init__(self, layout: Layout, own: Mapping[str, str] | None = None) -> None:
        self.layout = layout
        self._own = dict(own or {})
        self._programs = programs(layout, own_store=brings_store(own))

    def start(self, tell: Callable[[str], None]) -> None:
        """All programs, one stage after the other; what was stored by an earlier start is there.

        Raises:
            ClusterError: a program is missing, or does not answer.
            hosts.HostError: a namespace cannot be made.
        """
        layout = self.layout
        _require("rabbitmq-server", "epmd", "nginx", "openssl", *(["ip", "socat"] if layout.namespaces else []))
        if self.running():
            raise ClusterError(f"a cluster runs in {layout.home}; end it first: make cluster-stop")
        for folder in (layout.logs, layout.dagster_home, layout.home / "store", layout.journal(HEAD)):
            folder.mkdir(parents=True, exist_ok=True)
        layout.save()
        hosts.make(layout)
        if not layout.namespaces:
            self._require_ports()
        self._write_configurations()
        postgres.make(layout)
        self._supervise()
        for stage in Stage:
            some = [program for program in self._programs if program.stage == stage]
            tell(f"starting {', '.join(program.name for program in some)}")
            self.control("start", *(program.name for program in some))
            for program in some:
                self.wait_for(program)
            if stage is Stage.STORES:
                postgres.make_databases(layout)

    def stop(self) -> None:
        """Runs store what was answered, then everything ends; what is stored stays."""
        if self.running():
            self.control("stop", *self.layout.worker_names)  # they still need the rest to end their runs well
            self.control("stop", "daemon", "code", "webserver", "readers")  # and these their Postgres
            self.control("stop", "all")
            self.control("shutdown")
            _wait(lambda: not self.running(), "supervisord ends", 60)
        if self.layout.namespaces:
            hosts.remove(self.layout)

    def running(self) -> bool:
        """Whether supervisord answers."""
        return self.supervisorctl("pid").returncode == 0

    def status(self) -> str:
        """A line a program."""
        return self.supervisorctl("status").stdout

    def pid(self, program: str) -> int:
        """Of the program's first process, which leads its group; 0: it is not running."""
        told = self.supervisorctl("pid", program).stdout.strip()
        return int(told) if told.isdigit() else 0

    def control(self, *command: str) -> None:
        done = self.supervisorctl(*command)
        if "ERROR" in done.stdout and "already started" not in done.stdout and "not running" not in done.stdout:
            raise ClusterError(f"supervisorctl {' '.join(command)}: {done.stdout.strip()}; see {self.layout.logs}")

    def supervisorctl(self, *command: str) -> "subprocess.CompletedProcess[str]":
        control = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(self.layout.home / "supervisord.conf")]
        return subprocess.run([*control, *command], capture_output=True, text=True, check=False)

    def environment(self) -> dict[str, str]:
        return self.layout.environment(self._own)

    @property
    def on_head(self) -> list[str]:
        """What a command is put behind to run on the head."""
        return hosts.on(self.layout, HEAD)

    def run(self, command: Sequence[str]) -> int:
        """A command on the head, with the cluster's environment; its status."""
        line = [*self.on_head, *command]
        return subprocess.run(line, env=self.environment(), check=False).returncode

    def wait_for(self, program: Program) -> None:
        """Until it answers, where it has a port, or has run for a moment."""
        _wait(lambda: self._up(program), f"{program.name} answers", _START_PATIENCE_S, self.layout.logs)

    def _up(self, program: Program) -> bool:
        if program.port is None:
            return "RUNNING" in self.supervisorctl("status", program.name).stdout
        where = self.layout.address if program.name in {"store", "rabbitmq", "postgres"} else "127.0.0.1"
        probe = f"import socket; socket.create_connection(({where!r}, {program.port}), 3).close()"
        command = [*self.on_head, sys.executable, "-S", "-c", probe]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _write_configurations(self) -> None:
        layout = self.layout
        shutil.copy(_HERE / "dagster.yaml", layout.dagster_home / "dagster.yaml")
        shutil.copy(_HERE / "workspace.yaml", layout.home / "workspace.yaml")
        broker = layout.home / "rabbitmq"
        broker.mkdir(exist_ok=True)
        own = broker / "rabbitmq.conf"
        own.touch(mode=0o600)
        user = f"default_user = summarizer\ndefault_pass = {layout.passwords()['rabbitmq']}\n"
        listen = f"listeners.tcp.1 = {layout.address}:{layout.ports.rabbitmq}\n"
        own.write_text((_HERE / "rabbitmq.conf").read_text() + listen + user)
        _make_proxy(layout)
        (layout.home / "supervisord.conf").write_text(configuration(layout, self._programs))

    def _require_ports(self) -> None:
        wanted = [program.port for program in self._programs if program.port and program.name != "proxy"]
        taken = [port for port in [*wanted, self.layout.door, self.layout.door + 1] if not _free(port)]
        if taken:
            raise ClusterError(
                f"other programs listen on the ports {taken} of this machine; end them, or run as root: then the "
                "cluster has hosts of its own"
            )

    def _supervise(self) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.layout.home / "supervisord.conf")]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"supervisord does not start: {done.stdout}{done.stderr}")
        _wait(self.running, "supervisord answers", 30)


def _make_proxy(layout: Layout) -> None:
    """Nginx with the configuration of deploy/proxy: a certificate of its own, and the two logins."""
    folder = layout.home / "proxy"
    (folder / "tmp").mkdir(parents=True, exist_ok=True)
    text = _PROXY.read_text()
    if not layout.namespaces:
        text = text.replace("listen 8443", f"listen 127.0.0.1:{layout.door}")
        text = text.replace("listen 8444", f"listen 127.0.0.1:{layout.door + 1}")
    (folder / "nginx.conf").write_text(text)
    if not (folder / "certificate.pem").exists():
        request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "825", "-subj", "/CN=localhost"]
        names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "certificate.pem")]
        subprocess.run([*request, *names, *files], capture_output=True, check=True)
    for door, login in (("operators", "operator"), ("readers", "reader")):
        command = ["openssl", "passwd", "-apr1", "-stdin"]
        secret = layout.passwords()[login]
        hashed = subprocess.run(command, input=secret, capture_output=True, text=True, check=True).stdout.strip()
        (folder / f"{door}.htpasswd").write_text(f"{login}:{hashed}\n")


def _require(*commands: str) -> None:
    beside = "/usr/sbin:/usr/lib/rabbitmq/bin"
    missing = [name for name in commands if not (shutil.which(name) or shutil.which(name, path=beside))]
    if missing:
        raise ClusterError(
            f"not installed: {', '.join(missing)}; `make cluster` installs all of it, or: "
            "apt install rabbitmq-server postgresql nginx-light openssl iproute2 socat"
        )


def _wait(condition: Callable[[], bool], what: str, patience_s: float, logs: Path | None = None) -> None:
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            raise ClusterError(f"waited {patience_s:.0f} s in vain until {what}" + (f"; see {logs}" if logs else ""))
        time.sleep(0.3)


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return probe.connect_ex(("127.0.0.1", port)) != 0

"""Starts and ends all of a cluster on one machine."""

import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from deploy.celery import hosts, leftovers, postgres, proxy
from deploy.celery.errors import ClusterError
from deploy.celery.layout import HEAD, Layout, require_one_store
from deploy.celery.services import Program, Stage, configuration, programs

_HERE = Path(__file__).parent
_START_PATIENCE_S = 180
#: What supervisorctl calls an error, and is none: it is as it was to be.
_SOME_DO_NOT_RUN = 3  # supervisorctl's status then
_LAST_WORDS = 40
_AS_WANTED = ("ERROR (already started)", "ERROR (not running)")


class Cluster:
    """What `start` made, to be looked at and ended.

    Args:
        layout: where it is.
        own: settings (`SUMMARIZER_…`) beside those of the caller's environment.
    """

    def __init__(self, layout: Layout, own: Mapping[str, str] | None = None) -> None:
        self.layout = layout
        self._own = dict(own or {})
        self._programs = programs(layout, own)

    def start(self, tell: Callable[[str], None]) -> None:
        """All programs, one stage after the other; what was stored by an earlier start is there.

        If one of them does not come up, those that did are ended again.

        Raises:
            ClusterError: a program is missing, or does not answer; or the settings name two stores.
            hosts.HostError: a namespace cannot be made.
        """
        layout = self.layout
        _require("rabbitmq-server", "epmd", "nginx", "openssl", *(["ip", "socat"] if layout.namespaces else []))
        require_one_store(self._own)
        if self.running():
            raise ClusterError(f"a cluster runs in {layout.home}; end it first: make cluster-stop")
        if left := leftovers.found(layout):
            raise ClusterError(
                f"programs of an earlier cluster in {layout.home} run without their supervisord, as {sorted(left)}; "
                "end them: make cluster-stop"
            )
        self._require_ports()
        for folder in (layout.logs, layout.dagster_home, layout.home / "store", layout.journal(HEAD)):
            folder.mkdir(parents=True, exist_ok=True)
        layout.save()
        with ExitStack() as if_it_fails:
            if_it_fails.callback(self.stop)
            if_it_fails.callback(tell, "that failed: ending what was started")
            self._start_all(tell)
            if_it_fails.pop_all()

    def _start_all(self, tell: Callable[[str], None]) -> None:
        hosts.make(self.layout)
        self._write_configurations()
        postgres.make(self.layout)
        self._supervise()
        for stage in Stage:
            some = [program for program in self._programs if program.stage == stage]
            tell(f"starting {', '.join(program.name for program in some)}")
            begun, logged = datetime.now(UTC), {program.name: self._log_bytes(program) for program in some}
            self.control("start", *(program.name for program in some))
            for program in some:
                up = self._probe(program, begun, logged[program.name])
                _wait(up, f"{program.name} is ready", _START_PATIENCE_S, self._log(program))
            if stage is Stage.STORES:
                postgres.make_databases(self.layout)

    def stop(self) -> list[str]:
        """Runs store what was answered, then everything ends; what is stored stays.

        Returns:
            The commands of programs that ran without a supervisord, and were ended too.
        """
        left: list[str] = []
        with ExitStack() as ends:  # from the last to the first, each whatever became of the one before
            if self.layout.namespaces:
                ends.callback(hosts.remove, self.layout)
            ends.callback(lambda: left.extend(leftovers.end(self.layout)))
            if self.running():
                ends.callback(_wait, lambda: not self.running(), "supervisord ends", 60)
                ends.callback(self.control, "shutdown")
                ends.callback(self.control, "stop", "all")
                ends.callback(self.control, "stop", "daemon", "code", "webserver", "readers")  # they need Postgres
                ends.callback(self.control, "stop", *self.layout.worker_names)  # and these all the rest, to end well
        return left

    def running(self) -> bool:
        """Whether supervisord answers."""
        return self.supervisorctl("pid").returncode == 0

    def status(self) -> tuple[str, bool]:
        """A line a program, and whether all of them run.

        Raises:
            ClusterError: nobody can tell.
        """
        done = self.supervisorctl("status")
        if done.returncode not in (0, _SOME_DO_NOT_RUN) or not done.stdout.strip():
            said = " ".join(f"{done.stdout} {done.stderr}".split()[-_LAST_WORDS:])
            raise ClusterError(
                f"what runs in {self.layout.home} cannot be told ({said or f'status {done.returncode}'}): start it by "
                "make cluster; ask with the environment that did, as in .venv/bin/python -m deploy.celery status"
            )
        return done.stdout, done.returncode == 0

    def pid(self, program: str) -> int:
        """Of the program's first process, which leads its group; 0: it is not running."""
        told = self.supervisorctl("pid", program).stdout.strip()
        return int(told) if told.isdigit() else 0

    def control(self, *command: str) -> None:
        """Have supervisord do something; a program that is already as it is to be is no error.

        Raises:
            ClusterError: it was not done, for one program at least.
        """
        done = self.supervisorctl(*command)
        told = f"{done.stdout}\n{done.stderr}".splitlines()
        wrong = [line for line in told if "ERROR" in line and not line.rstrip().endswith(_AS_WANTED)]
        if wrong or done.returncode:
            what = "; ".join(wrong or filter(None, map(str.strip, told)))
            raise ClusterError(f"supervisorctl {' '.join(command)}: {what}; see {self.layout.logs}")

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
        """A command on the head, with the cluster's environment; its status.

        Raises:
            ClusterError: there is no such command.
        """
        if not command or shutil.which(command[0]) is None:
            told = f"{command[0]} is no program that can be found" if command else "no command is given"
            raise ClusterError(f"{told}; for example: python -m deploy.celery run summarizer report")
        line = [*self.on_head, *command]
        return subprocess.run(line, env=self.environment(), check=False).returncode

    def _probe(self, program: Program, begun: datetime, logged: int) -> Callable[[], bool]:
        """What tells whether a program does its work; that its process runs says little of one that dies in a circle.

        Args:
            program: one that was started.
            begun: when that was.
            logged: the length of its log then.
        """
        if program.name == "postgres":
            return lambda: postgres.ready(self.layout)
        if program.name == "daemon":
            return lambda: postgres.daemon_lives(self.layout, begun)
        if program.says:
            return lambda: program.says in self._log(program).read_bytes()[logged:].decode(errors="replace")
        probe = f"import socket; socket.create_connection(({program.address!r}, {program.port}), 3).close()"
        command = [*([] if program.on_machine else self.on_head), sys.executable, "-S", "-c", probe]
        return lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0

    def _log(self, program: Program) -> Path:
        return self.layout.logs / f"{program.name}.log"

    def _log_bytes(self, program: Program) -> int:
        log = self._log(program)
        return log.stat().st_size if log.exists() else 0

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
        proxy.make(layout)
        (layout.home / "supervisord.conf").write_text(configuration(layout, self._programs))

    def _require_ports(self) -> None:
        """Those that are to be open on this machine: the two doors, and on loopback all."""
        layout = self.layout
        wanted = [program.port for program in self._programs if program.port and program.on_machine]
        if not layout.namespaces:
            wanted = [program.port for program in self._programs if program.port]
            wanted += [layout.door + 1, layout.ports.rabbitmq_peers]
        double = [port for port, times in Counter(wanted).items() if times > 1]
        if double or max(wanted) >= 2**16:
            why = f"the cluster itself uses {double}" if double else "the highest there is is 65535"
            raise ClusterError(f"--port {layout.door}: that and the next cannot be the doors, {why}; choose another")
        taken = [port for port in wanted if not _free(port)]
        if taken:
            raise ClusterError(
                f"other programs listen on the ports {taken} of this machine; end them"
                + (", or choose other doors: --port" if {layout.door, layout.door + 1} & set(taken) else "")
                + ("" if layout.namespaces else "; or run as root: then the cluster has hosts of its own")
            )

    def _supervise(self) -> None:
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.layout.home / "supervisord.conf")]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise ClusterError(f"supervisord does not start: {done.stdout}{done.stderr}")
        _wait(self.running, "supervisord answers", 30)


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
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:  # taken, on this address or on all of them
            return False
        return True

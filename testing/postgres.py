"""A Postgres server of its own, thrown away afterwards: the system's programs, on loopback and on a socket.

It refuses to run as root, so there it runs as the user that its Debian package made.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

#: A test's data need not outlive a power cut.
_QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "16MB"}
_PATIENCE_S = 30
_USER = "postgres"


@dataclass(slots=True)
class Server:
    """A server that runs. `url` is that of its superuser, over TCP; `socket_url` over the socket."""

    folder: Path
    address: str
    port: int
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return self.url_of(_USER)

    @property
    def socket_url(self) -> str:
        return f"postgresql://{_USER}@/{_USER}?host={self.folder}&port={self.port}"

    def url_of(self, user: str, database: str = _USER) -> str:
        return f"postgresql://{user}@{self.address}:{self.port}/{database}"

    def kill(self) -> None:
        """End it and its children, each the leader of a group of its own, with no chance to tidy up."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        self.process.kill()
        for child in children:
            with suppress(ProcessLookupError):  # it saw that the first is gone
                os.kill(int(child), signal.SIGKILL)
        self.process.wait()

    def start(self) -> None:
        """Start it again on the data it left."""
        self.process = _run(self.folder, self.address, self.port)


def program(name: str) -> str:
    """The newest installed Postgres's own; Debian keeps them apart by version, outside of the path.

    Raises:
        FileNotFoundError: there is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    where = str(found[-1]) if found else shutil.which(name)
    if where is None:
        raise FileNotFoundError(f"no {name}: the tests of the shared state need Postgres; run: make cluster-packages")
    return where


@contextmanager
def postgres(
    settings: Mapping[str, str] | None = None,
    *,
    address: str = "127.0.0.1",
    port: int | None = None,
    certificate: tuple[Path, Path] | None = None,
    rules: Sequence[str] = ("local all all trust", "host all all 127.0.0.1/32 trust"),
) -> Iterator[Server]:
    """Serve an empty cluster until the block ends.

    Args:
        settings: of `postgresql.conf`.
        address: to listen on.
        port: a free one by default.
        certificate: to speak TLS with, to who wants it; and its key.
        rules: of `pg_hba.conf`, who may connect how.
    """
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        _hand_over(folder)
        data = folder / "data"
        chosen = ["-D", str(data), "-U", _USER, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        subprocess.run([*_as_its_user(), program("initdb"), *chosen], check=True, stdout=subprocess.DEVNULL, cwd=folder)
        port = port or _free_port(address)
        own = {**_QUICK, **(_tls(folder, *certificate) if certificate else {}), **(settings or {})}
        lines = [f"{name} = '{value}'\n" for name, value in own.items()]
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(lines)
        (data / "pg_hba.conf").write_text("".join(f"{rule}\n" for rule in rules))
        server = Server(folder, address, port, _run(folder, address, port))
        try:
            yield server
        finally:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGQUIT)  # at once, asking no client to end
                server.process.wait()
    finally:
        shutil.rmtree(folder)


def _tls(folder: Path, certificate: Path, key: Path) -> dict[str, str]:
    settings = {"ssl": "on"}
    for name, path in (("ssl_cert_file", certificate), ("ssl_key_file", key)):
        settings[name] = str(folder / name)
        shutil.copyfile(path, folder / name)
        _hand_over(folder / name)
    return settings


def _hand_over(path: Path) -> None:
    """Make a file or folder the server's own, readable by nobody else: it takes no key that others can read."""
    path.chmod(0o700 if path.is_dir() else 0o600)
    if os.getuid() == 0:
        shutil.chown(path, _USER, _USER)


def _run(folder: Path, address: str, port: int) -> subprocess.Popen[bytes]:
    data, log = folder / "data", folder / "log"
    place = {"listen_addresses": address, "port": port, "unix_socket_directories": folder}
    options = [part for name, value in place.items() for part in ("-c", f"{name}={value}")]
    ready = data / "postmaster.pid"
    ready.unlink(missing_ok=True)  # of one that was killed
    with log.open("ab") as file:
        process = subprocess.Popen(
            [*_as_its_user(), program("postgres"), "-D", data, *options],
            stdout=file,
            stderr=file,
            cwd=folder,
            process_group=0,
        )
    until = time.monotonic() + _PATIENCE_S
    while not ready.exists() or "ready" not in ready.read_text():
        if process.poll() is not None or time.monotonic() > until:
            process.kill()
            process.wait()
            raise RuntimeError(f"Postgres does not start on {address}:{port}: {log.read_text()}")
        time.sleep(0.01)
    return process


def _as_its_user() -> list[str]:
    return ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--init-groups", "--"] if os.getuid() == 0 else []


def _free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
    return port

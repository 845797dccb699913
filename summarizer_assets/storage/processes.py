"""Which process is which, so that a claim of one that is gone is known as such at once."""

import socket
from pathlib import Path

from summarizer_assets.core.lost_runs import Whereabouts


def this_boot() -> str | None:
    """This kernel since it was started; None where the system does not tell."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else None


def this_host() -> str:
    """This kernel and process namespace: where a process number means the same process."""
    boot, namespace = this_boot(), Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    if boot is not None and namespace.exists():
        parts += [boot, str(namespace.readlink())]
    return "/".join(parts)


def process_name(pid: int) -> str:
    """A process by number and start time, since numbers are used again; start `gone` when there is none."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # the latter: it ended between being opened and read
        # Without /proc only the lease tells: then every process looks alike.
        return f"{pid}@gone" if Path("/proc/self").exists() else f"{pid}@"
    dead = fields[0] in {"Z", "X"}  # killed, not yet collected by its parent
    return f"{pid}@gone" if dead else f"{pid}@{fields[19]}"


def whereabouts(host: str, process: str) -> Whereabouts:
    """What can be known here of a process, by the names it gave its host and itself."""
    if host != this_host() or process.endswith("@"):
        return "elsewhere"
    return "gone" if is_gone(host, process) else "here"


def is_gone(host: str, process: str) -> bool:
    """Whether a process, by the names it gave its host and itself, is known here to have ended."""
    return host == this_host() and process != process_name(int(process.partition("@")[0]))

"""Identification of processes, so that a claim of a dead process is recognised at once."""

import socket
from pathlib import Path

from summarizer_assets.core.lost_runs import Whereabouts


def this_boot() -> str | None:
    """The id of this boot of the kernel; None if the system does not provide it."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return boot.read_text().strip() if boot.exists() else None


def this_host() -> str:
    """The id of this kernel and process namespace, within which a process id is unambiguous."""
    boot, namespace = this_boot(), Path("/proc/self/ns/pid")
    parts = [socket.gethostname()]
    if boot is not None and namespace.exists():
        parts += [boot, str(namespace.readlink())]
    return "/".join(parts)


def process_name(pid: int) -> str:
    """A process's id and start time, because ids are reused; the start is `gone` if there is no such process."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):  # the latter: the process ended between open and read
        # Without /proc processes cannot be told apart, and only the lease decides.
        return f"{pid}@gone" if Path("/proc/self").exists() else f"{pid}@"
    dead = fields[0] in {"Z", "X"}  # killed, but not yet reaped by its parent
    return f"{pid}@gone" if dead else f"{pid}@{fields[19]}"


def whereabouts(host: str, process: str) -> Whereabouts:
    """Whether a process, given by `this_host` and `process_name`, is here and alive, gone, or elsewhere."""
    if host != this_host() or process.endswith("@"):
        return "elsewhere"
    return "gone" if is_gone(host, process) else "here"


def is_gone(host: str, process: str) -> bool:
    """Whether a process, given by `this_host` and `process_name`, is known to have ended."""
    return host == this_host() and process != process_name(int(process.partition("@")[0]))

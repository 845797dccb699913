"""The hosts of a cluster on one machine: a network namespace each, wired to the head, with nothing beyond.

A worker's host has an address, a name and process numbers of its own, so that for the rest it is another machine: only
its silence tells that it died.
"""

import os
import shutil
import subprocess

from deploy.celery.errors import HostError
from deploy.celery.layout import HEAD, Layout


def possible() -> bool:
    """Whether this user may make namespaces here: tried, not guessed."""
    if shutil.which("ip") is None or shutil.which("nsenter") is None:
        return False
    probe = "summarizer-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, check=False).returncode == 0
    wired = made and subprocess.run(["ip", "-n", probe, "link", "set", "lo", "up"], check=False).returncode == 0
    subprocess.run(["ip", "netns", "del", probe], capture_output=True, check=False)
    return wired


def make(layout: Layout) -> None:
    """The head and a host a worker, or nothing where the cluster is on loopback."""
    if not layout.namespaces:
        return
    remove(layout)
    head = layout.namespace(HEAD)
    _ip("netns", "add", head)
    _ip("-n", head, "link", "set", "lo", "up")
    _ip("-n", head, "addr", "add", f"{layout.address}/32", "dev", "lo")
    for number, worker in enumerate(layout.worker_names, start=1):
        name, near, far = layout.namespace(worker), f"10.77.{number}.1", f"10.77.{number}.2"
        _ip("netns", "add", name)
        _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", head, "link", "add", worker, "type", "veth", "peer", "name", "eth0", "netns", name)
        _ip("-n", head, "addr", "add", f"{near}/24", "dev", worker)
        _ip("-n", head, "link", "set", worker, "up")
        _ip("-n", name, "addr", "add", f"{far}/24", "dev", "eth0")
        _ip("-n", name, "link", "set", "eth0", "up")
        _ip("-n", name, "route", "add", "default", "via", near)


def remove(layout: Layout) -> None:
    """Those of this cluster, and every process left in them."""
    found = subprocess.run(["ip", "netns", "list"], capture_output=True, text=True, check=False).stdout
    mine = layout.namespace("")
    for name in (line.split()[0] for line in found.splitlines() if line.startswith(mine)):
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True, check=False).stdout.split()
        if pids:
            subprocess.run(["kill", "-KILL", *pids], capture_output=True, check=False)
        _ip("netns", "del", name)


def cut(layout: Layout, worker: str) -> None:
    """Pull the worker's network cable: what it sends goes nowhere, and nobody tells it."""
    _require_hosts(layout)
    _ip("-n", layout.namespace(HEAD), "link", "set", worker, "down")


def join(layout: Layout, worker: str) -> None:
    """Put the cable back."""
    _require_hosts(layout)
    _ip("-n", layout.namespace(HEAD), "link", "set", worker, "up")


def not_root() -> list[str]:
    """What a command is put behind to have no more rights than the owner of its files, when root starts it.

    In a user namespace of its own it is somebody else, so that Postgres, which refuses root, takes it too; and no
    folder on the way needs to be open to another user.
    """
    return ["unshare", "--user", "--map-user=1000", "--map-group=1000"] if os.geteuid() == 0 else []


def on(layout: Layout, host: str) -> list[str]:
    """What a command is put behind to run on a host."""
    return ["nsenter", f"--net=/run/netns/{layout.namespace(host)}"] if layout.namespaces else []


def as_machine(layout: Layout, host: str) -> list[str]:
    """Like `on`, with a name and process numbers of its own too: when its first process ends, all of it ends."""
    if not layout.namespaces:
        return []
    inside = ["sh", "-c", f'hostname {host} && exec "$@"', host]
    own = ["unshare", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [*on(layout, host), *own, *inside]


def _require_hosts(layout: Layout) -> None:
    if not layout.namespaces:
        raise HostError(
            f"the workers of the cluster in {layout.home} share this machine's network, and have no cable; start it as "
            "root, with `--network namespaces`: then each has a host of its own"
        )


def _ip(*arguments: str) -> None:
    done: subprocess.CompletedProcess[str] = subprocess.run(
        ["ip", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise HostError(
            f"ip {' '.join(arguments)}: {done.stderr.strip()}; run as root, or without hosts of their own: "
            "`python -m deploy.celery start --network loopback`"
        )

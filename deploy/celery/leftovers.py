"""A cluster's processes as the system knows them, for the day when its supervisord is gone."""

import os
import signal
import time
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path

from deploy.celery.layout import Layout

#: What the rest needs to end well, by words of their commands.
_STORES = ("postgres", "beam.smp", "rabbit", "erl_", "inet_gethost", "epmd", "deploy.celery.object_store")
_ENDING_S = 1  # of what was told already
_PATIENCE_S = 120


def found(layout: Layout) -> dict[int, str]:
    """The command of each, by its number; neither this process nor what started it.

    They are known by a variable that each was started with; nginx, which writes over its own, by its folder.
    """
    variable = f"DAGSTER_HOME={layout.dagster_home}".encode()
    proxy = f"nginx -p {layout.home / 'proxy'} "
    ours, mine = {}, _and_above(os.getpid())
    for folder in Path("/proc").glob("[0-9]*"):
        # It ended meanwhile, or is another user's, and none of a cluster of this one.
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            known = proxy in command or variable in (folder / "environ").read_bytes().split(b"\0")
            if known and command and int(folder.name) not in mine:
                ours[int(folder.name)] = command
    return ours


def end(layout: Layout, patience_s: float = _PATIENCE_S) -> list[str]:
    """End all: first what works, so that it can store what it has; in the end by force. Returns their commands."""
    _wait(layout, (), _ENDING_S)
    ended = list(found(layout).values())
    for but in (_STORES, ()):
        _signal(_those(layout, but), signal.SIGTERM)
        _wait(layout, but, patience_s)
    _signal(_those(layout), signal.SIGKILL)
    return ended


def _those(layout: Layout, but: Sequence[str] = ()) -> list[int]:
    """The numbers of all, but of those with one of these words."""
    return [number for number, command in found(layout).items() if not any(word in command for word in but)]


def _wait(layout: Layout, but: Sequence[str], patience_s: float) -> None:
    until = time.monotonic() + patience_s
    while _those(layout, but) and time.monotonic() < until:
        time.sleep(0.1)


def _signal(numbers: Collection[int], what: signal.Signals) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):  # another one's end was its own
            os.kill(number, what)


def _and_above(number: int) -> set[int]:
    """A process, what started it, what started that …"""
    chain = set()
    while number:
        chain.add(number)
        fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        number = int(fields[1])
    return chain

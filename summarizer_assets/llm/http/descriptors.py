"""Room for the connections of a run among the files that a process may have open."""

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_FOR_OTHERS: Final = 256  # tables, journals, the state store, and what other runs of this process open meanwhile
_OPEN_NOW: Final = Path("/proc/self/fd")
_USUAL: Final = 64  # where nobody tells what is open


@dataclass(frozen=True, slots=True)
class Room:
    """`in_flight` requests have a connection each; `told`: how that differs from what was wanted, for a person."""

    in_flight: int
    told: str = ""


def room_for(in_flight: int) -> Room:
    """Raise the process's limit of open files as far as the system allows, or lower the requests in flight."""
    if sys.platform == "win32":
        return Room(in_flight)
    import resource  # noqa: PLC0415 - not on Windows

    others = _open_now() + _FOR_OTHERS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= in_flight + others:
        return Room(in_flight)
    wanted = in_flight + others
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(OSError, ValueError):  # a system may allow less than it says: see what there is
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
    now, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if now >= wanted:
        return Room(
            in_flight,
            f"this process may have {now:,} files open instead of {soft:,}: each request in flight takes one.",
        )
    lowered = max(1, now - others)
    return Room(
        lowered,
        f"SUMMARIZER_MAX_IN_FLIGHT={in_flight} is lowered to {lowered}: this process may have {now:,} files open, of "
        f"which each request in flight takes one. Raise the limit (ulimit -n {wanted}, or LimitNOFILE={wanted} in a "
        "service of systemd) or lower the setting.",
    )


def _open_now() -> int:
    return sum(1 for _ in _OPEN_NOW.iterdir()) if _OPEN_NOW.is_dir() else _USUAL

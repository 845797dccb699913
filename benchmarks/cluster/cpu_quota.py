"""A bound on the CPU of a group of processes: a control group of the kernel's, in its first or second form."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FIRST, _SECOND = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
_PERIOD_US = 100_000


@contextmanager
def cpu_quota(name: str, cores: float, pids: list[int]) -> Iterator[Path]:
    """These processes, and those that they start, have `cores` between them while the block lasts.

    Raises:
        OSError: this user may not, or there is no such control here.
    """
    quota = int(cores * _PERIOD_US)
    first = (_FIRST / "cgroup.procs").exists()
    home = _FIRST if first else _SECOND
    group = home / name
    group.mkdir(exist_ok=True)
    if first:
        (group / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
        (group / "cpu.cfs_quota_us").write_text(str(quota))
    else:
        (group / "cpu.max").write_text(f"{quota} {_PERIOD_US}")
    for pid in pids:
        (group / "cgroup.procs").write_text(str(pid))
    try:
        yield group
    finally:
        for pid in (group / "cgroup.procs").read_text().split():
            try:
                (home / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue  # it ended meanwhile
        group.rmdir()


def throttled(group: Path) -> dict[str, int]:
    """`nr_periods` and `nr_throttled` among what the kernel counts for the group: how often the bound held it back."""
    lines = (group / "cpu.stat").read_text().split("\n")
    return {key: int(value) for key, value in (line.split() for line in lines if line)}

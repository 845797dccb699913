"""Real disks that are small or read-only. To mount them takes a namespace of mounts of one's own: see `own_mounts`."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILLER = "filler"


def own_mounts(*command: str) -> list[str]:
    """`command` as one whose mounts nobody else sees, and which are gone when it ends, however it ends."""
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    return ["unshare", "--mount", *rights, *command]


class Disk:
    """A disk of its own, as large as said."""

    def __init__(self, folder: Path, kilobytes: int) -> None:
        self.folder = folder
        self.folder.mkdir()
        _mount("-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder))

    def fill(self) -> None:
        """Take all that is free."""
        with (self.folder / _FILLER).open("ab", buffering=0) as file:
            try:
                while file.write(bytes(4096)):
                    pass
            except OSError:
                return

    def free(self) -> None:
        (self.folder / _FILLER).unlink()

    def enlarge(self, kilobytes: int) -> None:
        _mount("-o", f"remount,size={kilobytes}k", str(self.folder))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody, root neither, writes below `folder`."""
    _mount("--bind", str(folder), str(folder))
    try:
        _mount("-o", "remount,bind,ro", str(folder))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)

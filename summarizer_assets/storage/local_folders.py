"""Folders on a local disk that belong to one of several roots: journals on a shared disk, homes of remote roots.

They are named by the root's id. One that an older version named by the root's text is kept, and the id made a link to
it: so what lies in it is found by either version, and by a run that is at work in it.
"""

import contextlib
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path


def folder_of(base: Path, root_id: str | None, older: Sequence[str]) -> Path:
    """The folder in `base` of the root with this id (None: it has none yet).

    Args:
        base: holds the folders of several roots.
        root_id: see `storage.roots`.
        older: texts by which older versions named it; the first is where a root without an id has its own.
    """
    named = [base / blake2b(text.encode(), digest_size=6).hexdigest() for text in older]
    if root_id is None:
        return named[0]
    mine = base / root_id
    if not mine.exists():
        found = next((folder for folder in named if folder.is_dir() and not _is_taken(folder)), None)
        if found is not None:
            with contextlib.suppress(FileExistsError):  # another run did it at the same moment
                mine.symlink_to(found.name)
    return mine


def _is_taken(folder: Path) -> bool:
    """By another root, which was moved away from where this one is now."""
    return any(entry.is_symlink() and entry.readlink().name == folder.name for entry in folder.parent.iterdir())

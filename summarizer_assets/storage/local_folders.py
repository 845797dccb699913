"""Local folders that each belong to one root: journals on a shared disk, and local data of remote roots.

A folder is named by the root's id. A folder that an older version named by the root's address is kept, and the id
becomes a link to it, so that both versions, and a run that works in it, find its content.
"""

import contextlib
from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path


def folder_of(base: Path, root_id: str | None, older: Sequence[str]) -> Path:
    """The folder of a root in `base`.

    Args:
        base: the folder that contains the folders of several roots.
        root_id: see `storage.roots`; None if the root has no id yet.
        older: names that older versions used; a root without an id uses the first.
    """
    named = [base / blake2b(text.encode(), digest_size=6).hexdigest() for text in older]
    if root_id is None:
        return named[0]
    mine = base / root_id
    if not mine.exists():
        found = next((folder for folder in named if folder.is_dir() and not _is_taken(folder)), None)
        if found is not None:
            with contextlib.suppress(FileExistsError):  # another run created the link at the same moment
                mine.symlink_to(found.name)
    return mine


def _is_taken(folder: Path) -> bool:
    """Whether the folder belongs to another root, which was moved away from this root's place."""
    return any(entry.is_symlink() and entry.readlink().name == folder.name for entry in folder.parent.iterdir())

"""Fsync of commits on a local disk, so that they survive a crash of the machine; delta-rs does not sync its files.

Nothing is needed on an object store, which acknowledges a put only once it is durable.
"""

import os
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

from summarizer_assets.core.delta_log import FOLDER, added_files, entry_name


def sync_commits(uri: str, after: int, table: DeltaTable) -> int:
    """Sync the commits after version `after`, up to that of `table`, to disk; return the number of files synced.

    Commits of other writers in between are included, because a log with a gap before our entry is unusable. Data files
    are synced first, then log entries, then folders. Files that were compacted or vacuumed meanwhile are skipped.

    Raises:
        OSError: the sync failed; the commits may not survive a crash of the machine.
    """
    if "://" in uri:
        return 0
    root = Path(uri)
    entries = [root / FOLDER / entry_name(version) for version in range(after + 1, table.version() + 1)]
    added = [root / path for entry in entries for path in _added(entry)]
    files = [file for file in [*added, *entries] if _sync(file)]
    folders = {file.parent for file in files}
    if after < 0 or any(folder != root / FOLDER for folder in folders):
        folders.add(root)  # a bucket's folder may be new
    for folder in sorted(folders, reverse=True):
        _sync(folder)
    return len(files)


def _added(entry: Path) -> list[str]:
    try:
        return [unquote(path) for path in added_files(entry.read_bytes())]
    except FileNotFoundError:  # expired, and removed by another writer's commit
        return []


def _sync(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return True

"""A commit on a local disk outlives the machine's crash: delta-rs leaves its files to the operating system's cache.

An object store answers a put when it is durable; there is nothing to do.
"""

import json
import os
from pathlib import Path
from urllib.parse import unquote

from deltalake import DeltaTable

_LOG = "_delta_log"


def sync_commits(uri: str, after: int, table: DeltaTable) -> int:
    """Have the commits later than version `after`, up to that of `table`, on the disk; the number of files synced.

    Those of other writers in between, too: a log that breaks off before our entry does not hold ours. Data files go
    first, the log's entries after them, folders last. What was compacted or vacuumed away meanwhile is passed over.

    Raises:
        OSError: the disk refused; what was committed may not outlive a crash of the machine.
    """
    if "://" in uri:
        return 0
    root = Path(uri)
    entries = [root / _LOG / f"{version:020d}.json" for version in range(after + 1, table.version() + 1)]
    added = [root / path for entry in entries for path in _added(entry)]
    files = [file for file in [*added, *entries] if _sync(file)]
    folders = {file.parent for file in files}
    if after < 0 or any(folder != root / _LOG for folder in folders):
        folders.add(root)  # a bucket's folder may be new
    for folder in sorted(folders, reverse=True):
        _sync(folder)
    return len(files)


def _added(entry: Path) -> list[str]:
    try:
        lines = entry.read_bytes().splitlines()  # a text would be cut at U+2028 too, which statistics may hold
    except FileNotFoundError:  # expired, and cleaned by another's commit
        return []
    return [unquote(action["add"]["path"]) for action in map(json.loads, lines) if "add" in action]


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

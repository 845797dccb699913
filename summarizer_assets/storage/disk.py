"""Local disks that take no more: noticed before a run pays for its first answer, told with what to do about it."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from summarizer_assets.storage.errors import JournalError, TableError

#: How the system, SQLite and the Delta engine say it; the engine's errors carry no number.
_FULL = ("no space left", "quota exceeded", "file too large", "disk is full")
_READ_ONLY = ("read-only", "readonly", "permission denied", "not permitted", "unable to open database")
_PROBE = bytes(64 * 1024)  # less than this is no room for a batch of answers either


def remedy(error: object) -> str:
    """What a person can do about an error of a disk; the text of `error` says which it is."""
    text = str(error).lower()
    if any(sign in text for sign in _FULL):
        return "free space on that disk and run again: what was stored before is kept and asked for only once"
    if any(sign in text for sign in _READ_ONLY):
        return "make it writable for this user (is it mounted read-only?) and run again"
    return "check the disk and run again"


def prove_writable(bucket: str, uris: Iterable[str], journal: Path) -> None:
    """Write a little where a run of the bucket will write: to its local tables, and to its journal. Leaves nothing.

    Raises:
        TableError: a table's folder, its log's or the bucket's takes nothing.
        JournalError: the journal's folder takes nothing.
    """
    for uri in uris:
        if "://" in uri:
            continue
        for folder in (Path(uri), Path(uri) / "_delta_log", Path(uri) / f"bucket={bucket}"):
            try:
                _write_in(folder)
            except OSError as error:
                raise TableError(
                    f"{uri}: {folder} cannot be written to ({error}), so nobody was asked; {remedy(error)}, or give "
                    "another SUMMARIZER_ROOT"
                ) from error
    try:
        _write_in(journal)
    except OSError as error:
        raise JournalError(
            f"the journal {journal} cannot be written to ({error}), so nobody was asked; {remedy(error)}, or set "
            "SUMMARIZER_JOURNAL_DIR to another local disk"
        ) from error


def _write_in(folder: Path) -> None:
    """In the folder, or where it will be made. The file has no name, so that not even a crash leaves it."""
    while not folder.exists():
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        left = memoryview(_PROBE)
        while left:
            left = left[file.write(left) :]

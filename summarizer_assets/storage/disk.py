"""Checks for full or unwritable local disks, made before a run pays for its first answer."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from summarizer_assets.core.delta_log import FOLDER
from summarizer_assets.storage.errors import JournalError, TableError

#: Messages of the system, SQLite and the Delta engine for a full disk; the engine's errors carry no number.
_FULL = ("no space left", "quota exceeded", "file too large", "disk is full")
_READ_ONLY = ("read-only", "readonly", "permission denied", "not permitted", "unable to open database")
_PROBE = bytes(64 * 1024)  # a disk without room for this has none for a batch of answers


def remedy(error: object) -> str:
    """The remedy for a disk error, chosen by the text of `error`."""
    text = str(error).lower()
    if any(sign in text for sign in _FULL):
        return "free space on that disk and run again: what was stored before is kept and asked for only once"
    if any(sign in text for sign in _READ_ONLY):
        return "make it writable for this user (is it mounted read-only?) and run again"
    return "check the disk and run again"


def prove_writable(bucket: str, uris: Iterable[str], journal: Path) -> None:
    """Write a probe of 64 kB wherever a run of the bucket will write: local tables and journal. Leaves no file.

    Raises:
        TableError: the folder of a table, of its log or of the bucket is not writable.
        JournalError: the journal's folder is not writable.
    """
    for uri in uris:
        if "://" in uri:
            continue
        for folder in (Path(uri), Path(uri) / FOLDER, Path(uri) / f"bucket={bucket}"):
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
    """Write in the folder, or in the parent that will contain it, a file without a name, which no crash can leave."""
    while not folder.exists():
        folder = folder.parent
    with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
        left = memoryview(_PROBE)
        while left:
            left = left[file.write(left) :]

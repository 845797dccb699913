"""Integrity check of our tables' logs when they are opened, before anything is read, written or paid for.

`core.delta_log` says what may be wrong. An object store never holds a partial object, so only local logs are checked.
"""

import re
from pathlib import Path

from summarizer_assets.core.delta_log import FOLDER, checkpoint_name, entry_name, is_panic, loss, refused_feature
from summarizer_assets.storage.delta.protocol import unknown_feature
from summarizer_assets.storage.errors import LogDamaged, TableError, cause_of

#: The engine's messages for a log that it cannot parse, as opposed to one that it cannot reach.
_DAMAGE = re.compile(
    r"json error|parquet error|arrow error|checkpoint|contiguous|no table metadata or protocol|executor has crashed"
)
_BACKUP = f"put {FOLDER} back from a backup"
_NEW_ROOT = "without one, give another SUMMARIZER_ROOT and start anew"
#: Messages for a file that cannot be reached; it is not damaged, whatever its name.
_OUT_OF_REACH = re.compile(r"permission denied|too many open files|input/output error|operation not permitted")


def check_entries(uri: str, version: int) -> None:
    """Check each entry of a local log from `version` back to the last checkpoint: well under 100 small files.

    Raises:
        LogDamaged: an entry is empty, or names fewer files than its commit wrote.
        TableError: an entry cannot be read.
    """
    if "://" in uri:
        return
    log = Path(uri) / FOLDER
    for number in range(version, -1, -1):
        if (log / checkpoint_name(number)).exists():
            return
        try:
            content = (log / entry_name(number)).read_bytes()
        except FileNotFoundError:  # contained in a checkpoint of another kind, or expired meanwhile
            return
        except OSError as error:
            raise TableError(f"{uri}: the table's log cannot be read: {error}; check your rights to it") from error
        lost = loss(content, {"add", "remove"})
        if lost is not None:
            remedy = (
                "put it back from a backup, or delete it, the last entry: what it held is taken from the journal or "
                "asked for again"
                if number == version
                else f"put it back from a backup; {_NEW_ROOT}"
            )
            raise LogDamaged(
                f"{log / entry_name(number)}: the table's log is damaged: {lost}; nothing is done with the table. "
                f"Remedy: {remedy}"
            )


def check_absence(uri: str) -> None:
    """Check that the missing table at `uri` is not one that lost its log, whose rows would be paid for again.

    Raises:
        LogDamaged: data files exist there.
    """
    if "://" in uri:
        return
    found = next(Path(uri).rglob("*.parquet"), None)
    # A table that another run is creating has its log before its first data file.
    if found is not None and not any((Path(uri) / FOLDER).glob("*.json")):
        raise LogDamaged(
            f"{uri}: the table's log is gone, its data files are there ({found.name}); {_BACKUP}, or move the folder "
            "away to have all that it held made, and paid for, again"
        )


def cannot_open(uri: str, error: BaseException) -> TableError:
    """Translate an error of the engine to the one to raise, without its backtrace."""
    cause = cause_of(error)
    said = cause.lower()
    unknown = refused_feature(cause)
    if unknown is not None:
        return unknown_feature(uri, unknown)
    if not is_panic(error) and (_OUT_OF_REACH.search(said) or not _DAMAGE.search(said)):
        return TableError(f"{uri}: the Delta table cannot be opened: {cause}")
    remedy = f"{_BACKUP}; {_NEW_ROOT}"
    if "://" not in uri and (Path(uri) / FOLDER / entry_name(0)).exists():
        remedy = (
            f"{_BACKUP}; where a checkpoint is what is damaged, deleting it and `_last_checkpoint` is enough, for the "
            f"log's entries reach back to the first; {_NEW_ROOT}"
        )
    return LogDamaged(f"{uri}: the table's log is damaged: {cause}; nothing is done with the table. Remedy: {remedy}")

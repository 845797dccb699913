"""Integrity check of our tables' logs when they are opened, before anything is read, written or paid for.

Why (measured with deltalake 1.6): an empty log entry, as a crashed machine may leave it, is read as an empty commit, so
its rows vanish silently; so do the last actions of an entry that was cut off between two lines. An entry cut off within
a line, a gap, or a checkpoint that is not Parquet is an error or even a panic. An object store never holds a partial
object, so only local logs are checked.
"""

import json
import re
from pathlib import Path

from summarizer_assets.storage.delta.protocol import unknown_feature
from summarizer_assets.storage.errors import LogDamaged, TableError, cause_of

_LOG = "_delta_log"
#: The engine's messages for a log that it cannot parse, as opposed to one that it cannot reach.
_DAMAGE = re.compile(
    r"json error|parquet error|arrow error|checkpoint|contiguous|no table metadata or protocol|executor has crashed"
)
_BACKUP = f"put {_LOG} back from a backup"
_NEW_ROOT = "without one, give another SUMMARIZER_ROOT and start anew"
#: Messages for a file that cannot be reached; it is not damaged, whatever its name.
_OUT_OF_REACH = re.compile(r"permission denied|too many open files|input/output error|operation not permitted")
#: The engine's messages for a table feature that it does not support.
_FEATURE = re.compile(r"[Ff]eature '?(\w[\w-]*)'? is not supported|catalog-managed")
#: The commit metrics that count the added and removed files which the entry must name; we use no other operations.
_COUNTED = {
    "WRITE": ("num_added_files", "num_removed_files"),
    "MERGE": ("num_target_files_added", "num_target_files_removed"),
    "OPTIMIZE": ("numFilesAdded", "numFilesRemoved"),
}
#: Prefixes of an action's lines; files of a change data feed, if somebody enabled it, count as added.
_LINES = {"add": (b'{"add":', b'{"cdc":'), "remove": (b'{"remove":',)}


def check_entries(uri: str, version: int) -> None:
    """Check each entry of a local log from `version` back to the last checkpoint: well under 100 small files.

    Raises:
        LogDamaged: an entry is empty, or names fewer files than its commit wrote.
        TableError: an entry cannot be read.
    """
    if "://" in uri:
        return
    log = Path(uri) / _LOG
    for number in range(version, -1, -1):
        if (log / f"{number:020d}.checkpoint.parquet").exists():
            return
        try:
            content = (log / f"{number:020d}.json").read_bytes()
        except FileNotFoundError:  # contained in a checkpoint of another kind, or expired meanwhile
            return
        except OSError as error:
            raise TableError(f"{uri}: the table's log cannot be read: {error}; check your rights to it") from error
        lost = _lost(content)
        if lost is not None:
            remedy = (
                "put it back from a backup, or delete it, the last entry: what it held is taken from the journal or "
                "asked for again"
                if number == version
                else f"put it back from a backup; {_NEW_ROOT}"
            )
            raise LogDamaged(
                f"{log / f'{number:020d}.json'}: the table's log is damaged: {lost}; nothing is done with the table. "
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
    if found is not None and not any((Path(uri) / _LOG).glob("*.json")):
        raise LogDamaged(
            f"{uri}: the table's log is gone, its data files are there ({found.name}); {_BACKUP}, or move the folder "
            "away to have all that it held made, and paid for, again"
        )


def is_panic(error: BaseException) -> bool:
    """Whether the engine panicked: its class is not an `Exception` and cannot be imported."""
    return type(error).__name__ == "PanicException"


def cannot_open(uri: str, error: BaseException) -> TableError:
    """Translate an error of the engine to the one to raise, without its backtrace."""
    cause = cause_of(error)
    said = cause.lower()
    unknown = _FEATURE.search(cause)
    if unknown is not None:
        return unknown_feature(uri, unknown[1] or "catalogManaged")
    if not is_panic(error) and (_OUT_OF_REACH.search(said) or not _DAMAGE.search(said)):
        return TableError(f"{uri}: the Delta table cannot be opened: {cause}")
    remedy = f"{_BACKUP}; {_NEW_ROOT}"
    if "://" not in uri and (Path(uri) / _LOG / f"{0:020d}.json").exists():
        remedy = (
            f"{_BACKUP}; where a checkpoint is what is damaged, deleting it and `_last_checkpoint` is enough, for the "
            f"log's entries reach back to the first; {_NEW_ROOT}"
        )
    return LogDamaged(f"{uri}: the table's log is damaged: {cause}; nothing is done with the table. Remedy: {remedy}")


def _lost(content: bytes) -> str | None:
    """What a log entry lacks; None if nothing is visible."""
    if not content.strip(b"\0\r\n "):
        return "this entry is empty, the rows of its commit would be missing without a word"
    first, *others = content.splitlines()
    for action, wanted in _counted(first).items():
        found = sum(line.startswith(_LINES[action]) for line in others)
        if found < wanted:
            return f"this entry is cut off, its commit wrote {wanted} actions `{action}` and it holds {found}"
    return None


def _counted(line: bytes) -> dict[str, int]:
    """Files that a commit added and removed according to its metrics, which delta-rs writes into the first line."""
    try:
        commit = json.loads(line)["commitInfo"]
        added, removed = _COUNTED[commit["operation"]]
        return {"add": int(commit["operationMetrics"][added]), "remove": int(commit["operationMetrics"][removed])}
    except (ValueError, KeyError, TypeError):  # another operation, or another writer
        return {}

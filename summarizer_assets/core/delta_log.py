"""Parsing of a Delta table's log: versions and checkpoints by file name, entries by their text, the engine's messages.

Why entries are checked (measured with deltalake 1.6): an empty entry, as a crashed machine or a broken copy leaves it,
is read as an empty commit, so its rows vanish silently; so do the last actions of an entry that was cut off between two
lines. An entry cut off within a line, a gap, or a checkpoint that is not Parquet is an error or even a panic that does
not name the file.
"""

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

FOLDER: Final = "_delta_log"
VECTORS: Final = "deletionVectors"
MAPPING_MODE: Final = "delta.columnMapping.mode"
#: Table features under which each file can be read as it is.
OF_PLAIN_FILES: Final = frozenset(
    {"typeWidening", "typeWidening-preview", "vacuumProtocolCheck", "variantShredding", "variantShredding-preview"}
)
_ENTRY: Final = re.compile(r"(\d{20})\.json")
_CHECKPOINT: Final = re.compile(
    r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})\.parquet|\.parquet|\.[0-9a-f-]{36}\.(?:json|parquet))"
)
#: The commit metrics of delta-rs that count the files which the entry must name. Other writers have other metrics.
_COUNTED: Final = {
    "WRITE": {"add": "num_added_files", "remove": "num_removed_files"},
    "MERGE": {"add": "num_target_files_added", "remove": "num_target_files_removed"},
    "OPTIMIZE": {"add": "numFilesAdded", "remove": "numFilesRemoved"},
    "DELETE": {"add": "num_added_files"},
    "UPDATE": {"add": "num_added_files"},
}
#: Prefixes of an action's lines; files of a change data feed, if somebody enabled it, count as added.
_LINES: Final = {"add": (b'{"add":', b'{"cdc":'), "remove": (b'{"remove":',)}
_REFUSED: Final = re.compile(r"feature '?(\w[\w-]*)'? is not supported|catalog-managed", re.IGNORECASE)


def entry_name(version: int) -> str:
    return f"{version:020d}.json"


def checkpoint_name(version: int) -> str:
    """The name of a checkpoint in one file, as delta-rs writes it."""
    return f"{version:020d}.checkpoint.parquet"


def version_of(name: str) -> int | None:
    """The version whose entry is the file `name`; None if it is no entry."""
    match = _ENTRY.fullmatch(name)
    return None if match is None else int(match[1])


def checkpoints(names: Iterable[str]) -> Iterator[int]:
    """Versions with a complete checkpoint: if it has several parts, all must exist."""
    parts = dict[tuple[int, int], int]()
    for match in filter(None, map(_CHECKPOINT.fullmatch, names)):
        if match[3] is None:
            yield int(match[1])
            continue
        key = int(match[1]), int(match[3])
        parts[key] = parts.get(key, 0) + 1
        if parts[key] == key[1]:
            yield key[0]


def added_files(entry: bytes) -> list[str]:
    """The paths of the data files that an entry adds, as the log writes them: percent-encoded.

    Raises:
        ValueError: a line is no JSON.
    """
    lines = entry.splitlines()  # str.splitlines would also split at U+2028
    return [action["add"]["path"] for action in map(json.loads, lines) if "add" in action]


def removed_files(entry: bytes, since: float) -> list[tuple[int, str]]:
    """Time (ms) and path of each data file whose rows an entry changed or removed at `since` (ms) or later.

    Raises:
        ValueError: a line is no JSON.
    """
    removed = [json.loads(line)["remove"] for line in entry.splitlines() if line.startswith(_LINES["remove"])]
    return [
        (at, action["path"])
        for action in removed
        if action.get("dataChange", True) and (at := action.get("deletionTimestamp") or 0) >= since
    ]


def loss(entry: bytes, actions: Collection[str]) -> str | None:
    """What a readable entry lacks of the `actions` (`add`, `remove`) that it counts; None if nothing is visible."""
    if not entry.strip(b"\0\r\n "):
        return "this entry is empty, the rows of its commit would be missing"
    first, *others = entry.splitlines()
    for action, wanted in _counted(first).items():
        found = sum(line.startswith(_LINES[action]) for line in others)
        if action in actions and found < wanted:
            did = "added" if action == "add" else "removed"
            return f"this entry is cut off: its commit {did} {wanted} files and it names {found}"
    return None


def broken_line(entry: bytes) -> str | None:
    """Why an entry cannot be parsed; None if each of its lines is JSON."""
    for number, line in enumerate(entry.splitlines(), 1):
        try:
            json.loads(line.strip() or b"{}")
        except ValueError:
            return f"line {number} is no JSON: it is cut off or overwritten"
    return None


def refused_feature(error: str) -> str | None:
    """The table feature that the engine does not support, from its message; None if it reports another error."""
    refused = _REFUSED.search(error)
    return None if refused is None else refused[1] or "catalogManaged"


def is_panic(error: BaseException) -> bool:
    """Whether an engine panicked: its class is not an `Exception` and cannot be imported."""
    return type(error).__name__ == "PanicException"


def _counted(line: bytes) -> dict[str, int]:
    """Files that a commit added and removed according to its metrics, which delta-rs writes into the first line."""
    try:
        commit = json.loads(line)["commitInfo"]
        metrics = commit["operationMetrics"]
        return {action: int(metrics[name]) for action, name in _COUNTED[commit["operation"]].items()}
    except (ValueError, KeyError, TypeError):  # another operation, or another writer
        return {}

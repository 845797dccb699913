"""Integrity checks of a Delta source's log: damaged entries are named before a row is read.

Why (measured with deltalake 1.6): an empty entry, as a crashed machine or a broken copy leaves it, is read as an empty
commit, so its rows vanish silently; so do the last actions of an entry that was cut off between two lines. An entry cut
off within a line, or a gap, is an error that does not name the file.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.fs as pafs

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.stores import filesystem

_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(
    r"(\d{20})\.checkpoint(?:\.(\d{10})\.(\d{10})\.parquet|\.parquet|\.[0-9a-f-]{36}\.(?:json|parquet))"
)
_S3 = "s3://"
_REMEDY = (
    "put it back from a backup or from the store's older versions of it; without one, write the table anew, as it is "
    "read where it is whole (RESTORE TABLE … TO VERSION AS OF, or a CREATE TABLE … AS SELECT of the rows you have)"
)


@dataclass(frozen=True)
class _Log:
    """Contents of `_delta_log`: sizes of the entries by version, and the version of the newest complete checkpoint."""

    folder: str
    entries: dict[int, int]
    checkpoint: int

    def name(self, version: int) -> str:
        return f"{self.folder}/{version:020d}.json"


def check_entries(uri: str, options: dict[str, str] | None, version: int) -> None:
    """Check the entries after the last checkpoint up to the opened `version` by their sizes, in one listing.

    Local entries are also read; an object store never holds a partial object.

    Raises:
        SourceError: an entry is empty or missing, or names fewer files than its commit wrote.
    """
    store, root = filesystem(uri, options)
    log = _listed(store, f"{root}/_delta_log")
    for number in range(log.checkpoint + 1, version + 1):
        size = log.entries.get(number)
        if size is None:
            raise _damaged(uri, log.name(number), "this entry is missing, later ones are there")
        if size == 0:
            raise _damaged(uri, log.name(number), "this entry is empty, the rows of its commit would be missing")
        lost = None if uri.startswith(_S3) else _lost(_read(store, log.name(number)))
        if lost is not None:
            raise _damaged(uri, log.name(number), lost)


def find_damage(uri: str, options: dict[str, str] | None) -> SourceError | None:
    """The damage in a log that could not be opened; None if its entries show none."""
    store, root = filesystem(uri, options)
    log = _listed(store, f"{root}/_delta_log")
    newest = max(log.entries, default=log.checkpoint)
    for number in range(log.checkpoint + 1, newest + 1):
        size = log.entries.get(number)
        if size is None:
            what = "this entry is missing, later ones are there"
            if number == 0:
                what = "the log's first entry is missing, and there is no whole checkpoint to begin with"
            return _damaged(uri, log.name(number), what)
        broken = "this entry is empty" if size == 0 else _broken(_read(store, log.name(number)))
        if broken is not None:
            return _damaged(uri, log.name(number), broken)
    return None


def first_line(error: BaseException) -> str:
    """The error's first line, without the backtraces and thread names that the engines add."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _damaged(uri: str, entry: str, what: str) -> SourceError:
    return SourceError(f"{uri}: the Delta table's log is damaged: {entry}: {what}; nothing was read. Remedy: {_REMEDY}")


def _listed(store: pafs.FileSystem, folder: str) -> _Log:
    try:
        found = store.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
    except (OSError, pa.ArrowException) as error:
        raise SourceError(f"{folder}: cannot be listed: {first_line(error)}; check your rights to it") from error
    sizes = {info.base_name: info.size for info in found if info.type == pafs.FileType.File}
    entries = {int(match[1]): size for name, size in sizes.items() if (match := _ENTRY.fullmatch(name))}
    return _Log(folder, entries, max(_checkpoints(name for name, size in sizes.items() if size), default=-1))


def _checkpoints(names: Iterable[str]) -> Iterator[int]:
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


def _read(store: pafs.FileSystem, path: str) -> bytes:
    with store.open_input_stream(path) as stream:
        return bytes(stream.read())


def _broken(content: bytes) -> str | None:
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            json.loads(line)
        except ValueError:
            return f"line {number} is no JSON: it is cut off or overwritten"
    return None


def _lost(content: bytes) -> str | None:
    """What an entry lacks of the files that delta-rs counts in its first line; None if nothing.

    Other writers count other things there, so their entries are not checked.
    """
    first, *others = content.splitlines() or [b""]
    try:
        wanted = int(json.loads(first)["commitInfo"]["operationMetrics"]["num_added_files"])
    except (ValueError, KeyError, TypeError):
        return None
    found = sum(line.startswith((b'{"add":', b'{"cdc":')) for line in others)  # change data files count as added
    if found < wanted:
        return f"this entry is cut off: its commit added {wanted} files and it names {found}"
    return None

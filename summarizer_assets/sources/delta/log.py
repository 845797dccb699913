"""Integrity checks of a Delta source's log: damaged entries are named before a row is read. Why: `core.delta_log`."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.fs as pafs

from summarizer_assets.core import delta_log
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.stores import filesystem

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
        return f"{self.folder}/{delta_log.entry_name(version)}"


def check_entries(uri: str, options: dict[str, str] | None, version: int) -> None:
    """Check the entries after the last checkpoint up to the opened `version` by their sizes, in one listing.

    Local entries are also read; an object store never holds a partial object.

    Raises:
        SourceError: an entry is empty or missing, or names fewer files than its commit wrote.
    """
    store, root = filesystem(uri, options)
    log = _listed(store, f"{root}/{delta_log.FOLDER}")
    for number in range(log.checkpoint + 1, version + 1):
        size = log.entries.get(number)
        if size is None:
            raise _damaged(uri, log.name(number), "this entry is missing, later ones are there")
        if size and uri.startswith(_S3):
            continue
        lost = delta_log.loss(_read(store, log.name(number)), {"add"})
        if lost is not None:
            raise _damaged(uri, log.name(number), lost)


def find_damage(uri: str, options: dict[str, str] | None) -> SourceError | None:
    """The damage in a log that could not be opened; None if its entries show none."""
    store, root = filesystem(uri, options)
    log = _listed(store, f"{root}/{delta_log.FOLDER}")
    newest = max(log.entries, default=log.checkpoint)
    for number in range(log.checkpoint + 1, newest + 1):
        size = log.entries.get(number)
        if size is None:
            what = "this entry is missing, later ones are there"
            if number == 0:
                what = "the log's first entry is missing, and there is no whole checkpoint to begin with"
            return _damaged(uri, log.name(number), what)
        broken = "this entry is empty" if size == 0 else delta_log.broken_line(_read(store, log.name(number)))
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
    entries = {number: size for name, size in sizes.items() if (number := delta_log.version_of(name)) is not None}
    return _Log(folder, entries, max(delta_log.checkpoints(name for name in sizes if sizes[name]), default=-1))


def _read(store: pafs.FileSystem, path: str) -> bytes:
    with store.open_input_stream(path) as stream:
        return bytes(stream.read())

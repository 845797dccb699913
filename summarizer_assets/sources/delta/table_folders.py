"""Detection of table folders (Delta, Hudi, Iceberg): reading their data files directly would show removed rows."""

import re
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.fs as pafs

from summarizer_assets.core.delta_log import FOLDER
from summarizer_assets.sources.errors import SourceError

_DELTA, _HUDI, _ICEBERG = FOLDER, ".hoodie", "metadata"
_KINDS = {_DELTA: "a Delta", _HUDI: "a Hudi", _ICEBERG: "an Iceberg"}
_OF_ICEBERG = re.compile(r".*\.metadata\.json(\.gz)?|version-hint\.text")
_REMEDIES = {
    "a Delta": "give the table's folder itself",
    "a Hudi": "export the rows you want to Parquet, as in spark.read.format('hudi').load(…).write.parquet(…)",
    "an Iceberg": "export the rows you want to Parquet, as in spark.table(…).write.parquet(…)",
}


def table_at(store: pafs.FileSystem, folder: str) -> str | None:
    """The kind of table in the folder (`a Delta`, `a Hudi`, `an Iceberg`); None if it is not a table."""
    marks = store.get_file_info([f"{folder}/{_DELTA}", f"{folder}/{_HUDI}"])
    for mark, info in zip((_DELTA, _HUDI), marks, strict=True):
        if info.type == pafs.FileType.Directory:
            return _KINDS[mark]
    try:
        inside = store.get_file_info(pafs.FileSelector(f"{folder}/{_ICEBERG}", allow_not_found=True))
    except (NotADirectoryError, pa.ArrowException):
        return None
    return _KINDS[_ICEBERG] if any(_OF_ICEBERG.fullmatch(info.base_name) for info in inside) else None


def refuse_tables(uri: str, store: pafs.FileSystem, files: Iterable[str], entries: Iterable[str]) -> None:
    """Refuse plain files that belong to a table.

    Args:
        uri: the source's address.
        store: the file system of the files.
        files: paths of the files.
        entries: all paths beneath the address, hidden ones included.

    Raises:
        SourceError: a file lies in a table, or a table lies beside the files.
    """
    for entry in entries:
        parts = entry.split("/")
        for mark, kind in _KINDS.items():
            if mark in parts[:-1] and (mark != _ICEBERG or _OF_ICEBERG.fullmatch(parts[-1])):
                raise _refusal(uri, kind, "/".join(parts[: parts.index(mark)]))
    folders = {folder: None for path in sorted(files) for folder in _above(path)}
    for folder in folders:
        found = table_at(store, folder)
        if found is not None:
            raise _refusal(uri, found, folder)


def refused_table(uri: str, kind: str) -> SourceError:
    """The error for an address that is itself a table of an unsupported kind."""
    return _refusal(uri, kind, uri)


def _above(path: str) -> list[str]:
    parts = path.split("/")[:-1]
    return ["/".join(parts[:end]) for end in range(len(parts), 0, -1) if any(parts[:end])]


def _refusal(uri: str, kind: str, folder: str) -> SourceError:
    where = "is" if folder == uri else f"is, or holds, files of the folder {folder}, which is"
    return SourceError(
        f"{uri}: {where} {kind} table: of its data files only some are in the table as it is now, so they are not read "
        f"by themselves; {_REMEDIES[kind]}"
    )

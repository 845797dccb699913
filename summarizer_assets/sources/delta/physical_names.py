"""Column-mapping check: whether a table's files name their columns as the log says.

delta-rs finds columns only by their physical names and silently returns nulls for those it does not find. So before a
column-mapped table is read, the footer of each file is compared with the log, at every depth.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from summarizer_assets.core.delta_log import MAPPING_MODE
from summarizer_assets.sources.delta.files import address
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.stores import filesystem

_AT_ONCE = 16  # footers read in parallel; on an object store each takes two requests
_ID = b"PARQUET:field_id"
_NUMBER, _NAME = "delta.columnMapping.id", "delta.columnMapping.physicalName"

#: A field of a struct as described in a table's log.
Told = Mapping[str, Any]


def mode_of(table: DeltaTable) -> str:
    """The column mapping mode: `none`, `name` or `id`."""
    return str(table.metadata().configuration.get(MAPPING_MODE, "none"))


def has_physical_names(table: DeltaTable) -> bool:
    return mode_of(table) != "none" or _NAME in table.schema().to_json()


def check_files(table: DeltaTable, uri: str, options: dict[str, str] | None, columns: Sequence[str]) -> None:
    """Compare all files of the snapshot with the log.

    Raises:
        SourceError: `columns`, or fields in them, exist in a file but would be read as nulls.
    """
    mode, skipped = mode_of(table), set(table.metadata().partition_columns)
    told = [
        field
        for field in json.loads(table.schema().to_json())["fields"]
        if field["name"] in columns and field["name"] not in skipped
    ]
    if not told:
        return

    def problem(path: str) -> str | None:
        store, place = filesystem(path, options)
        return _mismatch(told, pq.read_schema(place, filesystem=store), mode)

    paths = [address(uri, path) for path in pl.DataFrame(table.get_add_actions())["path"]]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for path, found in zip(paths, pool.map(problem, paths), strict=True):
            if found is not None:
                pool.shutdown(wait=False, cancel_futures=True)
                raise SourceError(
                    f"{path}: {found} (column mapping mode {mode!r} of {uri}): it would be read as nulls; write the "
                    "table anew with its columns under their own names, as in CREATE TABLE … AS SELECT, or export it "
                    "to Parquet"
                )


def _mismatch(told: Iterable[Told], present: Iterable[pa.Field], mode: str, inside: str = "") -> str | None:
    """What differs between the fields of a struct in the log and in a file; None if nothing."""
    by_name = {field.name: field for field in present}
    by_number = {int(field.metadata[_ID]): field.name for field in present if _ID in (field.metadata or {})}
    found = 0
    for field in told:
        logical = f"{inside}{field['name']}"
        name = field["name"] if mode == "none" else field["metadata"].get(_NAME, field["name"])
        number = None if mode == "none" else field["metadata"].get(_NUMBER)
        other = name if number is None else by_number.get(number, name)
        if other != name:
            return f"column {logical!r} has the name {other!r} in the file, and {name!r} by the table's log"
        if name not in by_name:
            continue  # added to the table after the file was written
        found += 1
        if mode == "id" and number not in by_number:
            return f"column {logical!r} is to be found by its field id {number}, which the file does not tell"
        parts = _fields(field["type"])
        if parts is not None:
            deeper = _mismatch(parts, _children(by_name[name].type), mode, f"{logical}.")
            if deeper is not None:
                return deeper
    if found == 0:
        names = ", ".join(repr(name) for name in list(by_name)[:5])
        return f"none of the columns of {inside.rstrip('.') or 'the table'} is in the file, which holds {names}"
    return None


def _fields(kind: Any) -> list[Told] | None:  # noqa: ANN401 - a type in JSON is a text or an object
    """The fields of a struct, or of the structs in a list."""
    while isinstance(kind, dict) and kind["type"] == "array":
        kind = kind["elementType"]
    return list(kind["fields"]) if isinstance(kind, dict) and kind["type"] == "struct" else None


def _children(kind: pa.DataType) -> list[pa.Field]:
    while pa.types.is_list(kind) or pa.types.is_large_list(kind):
        kind = kind.value_type
    return list(kind) if pa.types.is_struct(kind) else []

"""Checkpoints of hand-made tables: in one file, or by the second specification with sidecars."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from summarizer_assets_tests.sources.delta.databricks_tables import Action, Writer, named_uuid

_STRING_MAP = pa.map_(pa.string(), pa.string())
_VECTOR = pa.struct(
    [
        ("storageType", pa.string()),
        ("pathOrInlineDv", pa.string()),
        ("offset", pa.int32()),
        ("sizeInBytes", pa.int32()),
        ("cardinality", pa.int64()),
    ]
)
_ADD = pa.struct(
    [
        ("path", pa.string()),
        ("partitionValues", _STRING_MAP),
        ("size", pa.int64()),
        ("modificationTime", pa.int64()),
        ("dataChange", pa.bool_()),
        ("stats", pa.string()),
        ("tags", _STRING_MAP),
        ("deletionVector", _VECTOR),
    ]
)
_REMOVE = pa.struct(
    [
        ("path", pa.string()),
        ("partitionValues", _STRING_MAP),
        ("size", pa.int64()),
        ("deletionTimestamp", pa.int64()),
        ("dataChange", pa.bool_()),
        ("extendedFileMetadata", pa.bool_()),
        ("deletionVector", _VECTOR),
    ]
)
_STRINGS = pa.list_(pa.string())
_FORMAT = pa.struct([("provider", pa.string()), ("options", _STRING_MAP)])
_TOP = pa.schema(
    [
        (
            "protocol",
            pa.struct(
                [
                    ("minReaderVersion", pa.int32()),
                    ("minWriterVersion", pa.int32()),
                    ("readerFeatures", _STRINGS),
                    ("writerFeatures", _STRINGS),
                ]
            ),
        ),
        (
            "metaData",
            pa.struct(
                [
                    ("id", pa.string()),
                    ("format", _FORMAT),
                    ("schemaString", pa.string()),
                    ("partitionColumns", _STRINGS),
                    ("configuration", _STRING_MAP),
                    ("createdTime", pa.int64()),
                ]
            ),
        ),
        ("checkpointMetadata", pa.struct([("version", pa.int64()), ("tags", _STRING_MAP)])),
        (
            "sidecar",
            pa.struct(
                [
                    ("path", pa.string()),
                    ("sizeInBytes", pa.int64()),
                    ("modificationTime", pa.int64()),
                    ("tags", _STRING_MAP),
                ]
            ),
        ),
        ("add", _ADD),
        ("remove", _REMOVE),
    ]
)


def v2_checkpoint(writer: Writer, files: Sequence[Sequence[Action]], kind: Literal["json", "parquet"]) -> None:
    """A checkpoint of the newest version, its files in a sidecar for each group of `files`; older entries go."""
    version = writer.version
    sidecars = []
    (writer.log / "_sidecars").mkdir()
    for number, group in enumerate(files):
        name = f"{named_uuid(f'sidecar-{number}')}.parquet"
        path = writer.log / "_sidecars" / name
        _write_actions(path, pa.schema([_TOP.field("add"), _TOP.field("remove")]), group)
        sidecars.append({"sidecar": {"path": name, "sizeInBytes": path.stat().st_size, "modificationTime": 0}})
    actions = [{"checkpointMetadata": {"version": version}}, writer.protocol(), writer.metadata(), *sidecars]
    main = writer.log / f"{version:020d}.checkpoint.{named_uuid('checkpoint')}.{kind}"
    if kind == "json":
        main.write_text("\n".join(json.dumps(action) for action in actions) + "\n")
    else:
        _write_actions(main, _TOP, actions)
    _last(writer, main, len(actions))


def classic_checkpoint(writer: Writer, files: Sequence[Action]) -> Path:
    """A checkpoint of the newest version in one file, as all readers know it; older entries go."""
    main = writer.log / f"{writer.version:020d}.checkpoint.parquet"
    schema = pa.schema([_TOP.field(name) for name in ("protocol", "metaData", "add", "remove")])
    actions = [writer.protocol(), writer.metadata(), *files]
    _write_actions(main, schema, actions)
    _last(writer, main, len(actions))
    return main


def _write_actions(path: Path, schema: pa.Schema, actions: Sequence[Action]) -> None:
    rows = [{key: _as_pairs(value) for key, value in action.items()} for action in actions]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def _as_pairs(action: Action) -> Action:
    maps = ("partitionValues", "configuration", "options")
    return {
        key: list(value.items()) if key in maps else _as_pairs(value) if key == "format" else value
        for key, value in action.items()
    }


def _last(writer: Writer, main: Path, size: int) -> None:
    told = {"version": writer.version, "size": size, "sizeInBytes": main.stat().st_size, "numOfAddFiles": 1}
    (writer.log / "_last_checkpoint").write_text(json.dumps(told))
    for version in range(writer.version + 1):
        writer.entry(version).unlink()

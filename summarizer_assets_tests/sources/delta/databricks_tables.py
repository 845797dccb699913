"""Delta tables as Databricks writes them, made by hand from the protocol's own rules: no library writes what it reads.

Schemas are pyarrow's, of plain texts, numbers, lists and structs. With column mapping every field of a struct, at every
depth, has an id and a physical name, and the Parquet files know nothing but those.
"""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

Mode = Literal["none", "name", "id"]
Action = dict[str, Any]

_NAMESPACE = uuid.UUID("5fba94ed-9794-4965-ba6e-6ee3c0d22af9")
_TYPES = {
    pa.string(): "string",
    pa.int64(): "long",
    pa.int32(): "integer",
    pa.bool_(): "boolean",
    pa.float64(): "double",
}


def named_uuid(name: str) -> uuid.UUID:
    """The same for ever: tests read the same bytes."""
    return uuid.uuid5(_NAMESPACE, name)


@dataclass
class Writer:
    """Makes one table, commit by commit.

    Attributes:
        folder: of the table.
        schema: the logical one, with the partition columns.
        mapping: how columns are found in the files.
        partition_by: columns that the files do not hold.
        reader_features: None: the oldest protocol that the mapping allows.
        names_in_files: physical names in the files, as all writers have them; False: others, found by their id alone,
            as in files that another table format wrote.
    """

    folder: Path
    schema: pa.Schema
    mapping: Mode = "none"
    partition_by: Sequence[str] = ()
    reader_features: Sequence[str] | None = None
    writer_features: Sequence[str] = ()
    names_in_files: bool = True
    configuration: Mapping[str, str] = field(default_factory=dict)
    version: int = -1

    def __post_init__(self) -> None:
        numbers = count(1)
        self._fields = [self._told(one, numbers) for one in self.schema]
        self._last_id = next(numbers) - 1
        self.log.mkdir(parents=True)

    @property
    def log(self) -> Path:
        return self.folder / "_delta_log"

    def entry(self, version: int) -> Path:
        return self.log / f"{version:020d}.json"

    def commit(self, *actions: Action) -> Path:
        """The next entry of the log; the first one brings protocol and schema with it."""
        self.version += 1
        first = [self.protocol(), self.metadata()] if self.version == 0 else []
        info = {"commitInfo": {"timestamp": self.version, "operation": "WRITE", "operationParameters": {}}}
        lines = [json.dumps(action) for action in [info, *first, *actions]]
        self.entry(self.version).write_text("\n".join(lines) + "\n")
        return self.entry(self.version)

    def protocol(self) -> Action:
        if self.reader_features is None:
            versions = (1, 2) if self.mapping == "none" else (2, 5)
            return {"protocol": {"minReaderVersion": versions[0], "minWriterVersion": versions[1]}}
        mapped = ["columnMapping"] if self.mapping != "none" else []
        readers = [*self.reader_features, *mapped]
        return {
            "protocol": {
                "minReaderVersion": 3,
                "minWriterVersion": 7,
                "readerFeatures": readers,
                "writerFeatures": [*readers, *self.writer_features],
            }
        }

    def metadata(self) -> Action:
        configuration = dict(self.configuration)
        if self.mapping != "none":
            configuration |= {
                "delta.columnMapping.mode": self.mapping,
                "delta.columnMapping.maxColumnId": str(self._last_id),
            }
        return {
            "metaData": {
                "id": str(named_uuid("table")),
                "format": {"provider": "parquet", "options": {}},
                "schemaString": json.dumps({"type": "struct", "fields": self._fields}),
                "partitionColumns": list(self.partition_by),
                "configuration": configuration,
                "createdTime": 0,
            }
        }

    def file(
        self, rows: Sequence[Mapping[str, Any]], partition: Mapping[str, str | None] | None = None, stats: bool = True
    ) -> Action:
        """Write a data file of `rows`; returns what adds it."""
        name = f"part-{len(list(self.folder.glob('*.parquet'))):05d}-{named_uuid(str(rows))}.c000.snappy.parquet"
        kept = [one for one in self.schema if one.name not in self.partition_by]
        told = [one for one in self._fields if one["name"] not in self.partition_by]
        physical = pa.schema([self._physical(one, fact) for one, fact in zip(kept, told, strict=True)])
        table = pa.Table.from_pylist([dict(row) for row in rows], schema=pa.schema(kept))
        pq.write_table(_cast(table, physical), self.folder / name)
        names = {one["name"]: self._name(one) for one in self._fields}
        statistics = json.dumps({"numRecords": len(rows)})
        return {
            "add": {
                "path": name,
                "partitionValues": {names[key]: value for key, value in (partition or {}).items()},
                "size": (self.folder / name).stat().st_size,
                "modificationTime": 0,
                "dataChange": True,
                **({"stats": statistics} if stats else {}),
            }
        }

    def _name(self, told: Action) -> str:
        return str(told["metadata"].get("delta.columnMapping.physicalName", told["name"]))

    def _told(self, one: pa.Field, numbers: Iterator[int]) -> Action:
        """A field as the log tells it."""
        metadata: dict[str, Any] = {}
        if self.mapping != "none":
            number = next(numbers)
            physical = f"col-{named_uuid(f'{one.name}-{number}')}"
            metadata = {"delta.columnMapping.id": number, "delta.columnMapping.physicalName": physical}
        kind = self._kind(one.type, numbers)
        return {"name": one.name, "type": kind, "nullable": True, "metadata": metadata}

    def _kind(self, kind: pa.DataType, numbers: Iterator[int]) -> Any:
        if pa.types.is_struct(kind):
            return {"type": "struct", "fields": [self._told(one, numbers) for one in kind]}
        if pa.types.is_list(kind):
            return {"type": "array", "elementType": self._kind(kind.value_type, numbers), "containsNull": True}
        return _TYPES[kind]

    def _physical(self, one: pa.Field, told: Action) -> pa.Field:
        """A field as the files have it."""
        kind = self._physical_kind(one.type, told["type"])
        if self.mapping == "none":
            return pa.field(one.name, kind)
        number = told["metadata"]["delta.columnMapping.id"]
        name = self._name(told) if self.names_in_files else f"other_{number}"
        return pa.field(name, kind, metadata={"PARQUET:field_id": str(number)})

    def _physical_kind(self, kind: pa.DataType, told: Any) -> pa.DataType:
        if pa.types.is_struct(kind):
            return pa.struct([self._physical(one, fact) for one, fact in zip(kind, told["fields"], strict=True)])
        if pa.types.is_list(kind):
            return pa.list_(pa.field("element", self._physical_kind(kind.value_type, told["elementType"])))
        return kind


def _cast(table: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [_renamed(table[number].combine_chunks(), one.type) for number, one in enumerate(schema)]
    return pa.Table.from_arrays(columns, schema=schema)


def _renamed(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same values under the names of `kind`, position by position: a cast would match them by name."""
    if pa.types.is_struct(kind):
        parts = [_renamed(part, one.type) for part, one in zip(array.flatten(), kind, strict=True)]
        return pa.StructArray.from_arrays(parts, fields=list(kind), mask=array.is_null())
    if pa.types.is_list(kind):
        values = _renamed(array.values, kind.value_type)
        return pa.ListArray.from_arrays(array.offsets, values, type=kind, mask=array.is_null())
    return array


def removed(add: Action, at: int = 1) -> Action:
    """What takes a file out of the table again."""
    told = {key: value for key, value in add["add"].items() if key in {"path", "partitionValues", "size"}}
    vector = {key: add["add"][key] for key in ("deletionVector",) if key in add["add"]}
    return {"remove": {**told, **vector, "deletionTimestamp": at, "dataChange": True, "extendedFileMetadata": True}}


def clustered_by(*physical: Sequence[str]) -> Action:
    """Liquid clustering: a feature of writers; readers need know nothing of it."""
    configuration = json.dumps(
        {"clusteringColumns": [list(path) for path in physical], "domainName": "delta.clustering"}
    )
    return {"domainMetadata": {"domain": "delta.clustering", "configuration": configuration, "removed": False}}

"""What others may put on our tables: each feature goes on working, or is refused by name before money is spent."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from deltalake import DeltaTable

from summarizer_assets.core.records import SUMMARIES
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.maintenance import maintain
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import ProtocolUnfit, TableError
from summarizer_assets_tests.sources.delta.databricks_vectors import deleted_inline
from testing.installation import Installation, write_authors

BUCKET = "0000"
MAPPED = {"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "16"}


def rows(*ids: int) -> pl.DataFrame:
    made = [{"author_id": str(one), "bucket": BUCKET, "summary": "s", "author_name": "n"} for one in ids]
    return pl.DataFrame(made, schema=SUMMARIES)


def actions(uri: str) -> list[dict[str, Any]]:
    entries = sorted((Path(uri) / "_delta_log").glob("*.json"))
    return [json.loads(line) for entry in entries for line in entry.read_text().splitlines()]


def commit(uri: str, *more: dict[str, Any]) -> None:
    """An entry of the log, as another tool leaves it."""
    told = [{"commitInfo": {"operation": "SET TBLPROPERTIES", "timestamp": 0}}, *more]
    path = Path(uri) / "_delta_log" / f"{DeltaTable(uri).version() + 1:020d}.json"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in told))


def put(
    uri: str,
    *,
    reader: tuple[str, ...] = (),
    writer: tuple[str, ...] = (),
    versions: tuple[int, int] = (3, 7),
    properties: dict[str, str] | None = None,
    column: Callable[[int, str], dict[str, Any]] = lambda *_: {},
) -> None:
    metadata = next(one["metaData"] for one in reversed(actions(uri)) if "metaData" in one)
    metadata["configuration"] |= properties or {}
    schema = json.loads(metadata["schemaString"])
    for index, field in enumerate(schema["fields"]):
        field["metadata"] |= column(index, field["name"])
    metadata["schemaString"] = json.dumps(schema)
    protocol: dict[str, Any] = {"minReaderVersion": versions[0], "minWriterVersion": versions[1]}
    if versions[0] == 3:
        protocol["readerFeatures"] = list(reader)
    if versions[1] == 7:
        protocol["writerFeatures"] = sorted({*reader, *writer})
    commit(uri, {"protocol": protocol}, {"metaData": metadata})


def mark_deleted(uri: str) -> None:
    """The first row of the first file, by a deletion vector."""
    add = next(one for one in actions(uri) if "add" in one)
    file = {name: add["add"][name] for name in ("path", "partitionValues", "size")}
    gone = {**file, "deletionTimestamp": 0, "dataChange": True, "extendedFileMetadata": True}
    commit(uri, {"remove": gone}, deleted_inline(add, [0]))


def physical(index: int, name: str) -> dict[str, Any]:
    return {"delta.columnMapping.id": index + 1, "delta.columnMapping.physicalName": name}


def on_summary(key: str, value: Any) -> Callable[[int, str], dict[str, Any]]:
    return lambda _, name: {key: value} if name == "summary" else {}


WORKS: dict[str, dict[str, Any]] = {
    "deletion vectors": {"reader": ("deletionVectors",), "properties": {"delta.enableDeletionVectors": "true"}},
    "column mapping that maps nothing": {"reader": ("columnMapping",)},
    "the versions for column mapping": {"versions": (2, 5)},
    "v2 checkpoints": {"reader": ("v2Checkpoint",), "properties": {"delta.checkpointPolicy": "v2"}},
    "times without zone": {"reader": ("timestampNtz",)},
    "variants": {"reader": ("variantType",)},
    "an invariant": {
        "versions": (1, 2),
        "column": on_summary("delta.invariants", json.dumps({"expression": {"expression": "summary != ''"}})),
    },
    "a constraint that holds": {
        "versions": (1, 7),
        "writer": ("checkConstraints",),
        "properties": {"delta.constraints.some": "summary != ''"},
    },
    "a change feed": {
        "versions": (1, 7),
        "writer": ("changeDataFeed",),
        "properties": {"delta.enableChangeDataFeed": "true"},
    },
    "generated columns, none of them": {"versions": (1, 7), "writer": ("generatedColumns",)},
    "appends only, as a feature": {"versions": (1, 7), "writer": ("appendOnly",)},
    "writer version 4": {"versions": (1, 4)},
    "no statistics": {"versions": (1, 2), "properties": {"delta.dataSkippingNumIndexedCols": "0"}},
    "random prefixes": {"versions": (1, 2), "properties": {"delta.randomizeFilePrefixes": "true"}},
    "a property of a company": {"versions": (1, 2), "properties": {"company.owner": "x"}},
}
READ_ONLY: dict[str, tuple[dict[str, Any], str]] = {
    "type widening": (
        {"reader": ("typeWidening",), "properties": {"delta.enableTypeWidening": "true"}},
        "typeWidening",
    ),
    "vacuum checks": ({"reader": ("vacuumProtocolCheck",)}, "vacuumProtocolCheck"),
    "shredded variants": ({"reader": ("variantShredding-preview",)}, "variantShredding-preview"),
    "appends only": ({"versions": (1, 2), "properties": {"delta.appendOnly": "true"}}, "delta.appendOnly"),
    "clustering": ({"versions": (1, 7), "writer": ("clustering", "domainMetadata")}, "clustering, domainMetadata"),
    "row tracking": ({"versions": (1, 7), "writer": ("rowTracking", "domainMetadata")}, "domainMetadata, rowTracking"),
    "times in commits": ({"versions": (1, 7), "writer": ("inCommitTimestamp",)}, "inCommitTimestamp"),
    "defaults": ({"versions": (1, 7), "writer": ("allowColumnDefaults",)}, "allowColumnDefaults"),
    "identity columns": ({"versions": (1, 7), "writer": ("identityColumns",)}, "identityColumns"),
    "writer version 6": ({"versions": (1, 6)}, "identityColumns"),
    "Iceberg's rules": ({"versions": (1, 7), "writer": ("icebergCompatV1",)}, "icebergCompatV1"),
    "a feature to come": ({"versions": (1, 7), "writer": ("tomorrow",)}, "tomorrow"),
    "a generated column": (
        {"versions": (1, 4), "column": on_summary("delta.generationExpression", "author_name")},
        "columns summary are generated",
    ),
}
UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "column mapping": ({"reader": ("columnMapping",), "properties": MAPPED, "column": physical}, "columnMapping"),
    "column mapping by version": ({"versions": (2, 5), "properties": MAPPED, "column": physical}, "columnMapping"),
    "a feature to come": ({"reader": ("tomorrow",)}, "tomorrow"),
    "a catalog's table": ({"reader": ("catalogManaged",), "writer": ("inCommitTimestamp",)}, "catalogManaged"),
}
CHANGES: list[tuple[Change, set[str]]] = [
    (Append(BUCKET, rows(4)), {"1", "2", "3", "4"}),
    (Compact(BUCKET), {"1", "2", "3", "4"}),
    (Merge(BUCKET, rows(4, 5), frozenset({"1"})), {"2", "3", "4", "5"}),
    (Overwrite(BUCKET, rows(7, 8)), {"7", "8"}),
]


@pytest.fixture
def table(tmp_path: Path) -> BucketedTable:
    made = BucketedTable(str(tmp_path / "author_summaries"), SUMMARIES, 1)
    writer = made.writer(BUCKET, None)
    writer.apply(Append(BUCKET, rows(1, 2)))
    writer.apply(Append(BUCKET, rows(3)))
    return made


def ids(table: BucketedTable) -> set[str]:
    return set(table.read([BUCKET]).collect()["author_id"])


def apply(table: BucketedTable, change: Change) -> None:
    table.writer(BUCKET, table.fence(BUCKET, table.open())).apply(change)


@pytest.mark.parametrize("case", WORKS)
def test_it_goes_on_working(table: BucketedTable, case: str) -> None:
    put(table.uri, **WORKS[case])
    table.require_writable()
    for change, expected in CHANGES:
        apply(table, change)
        assert ids(table) == expected
        assert sum(table.rows_by_bucket().values()) == len(expected)
    maintain(table)
    assert ids(table) == {"7", "8"}


@pytest.mark.parametrize("case", READ_ONLY)
def test_it_is_read_and_writing_is_refused_by_name_with_the_remedy(table: BucketedTable, case: str) -> None:
    spec, named = READ_ONLY[case]
    put(table.uri, **spec)
    assert ids(table) == {"1", "2", "3"}
    version = DeltaTable(table.uri).version()
    refused = [table.require_writable, table.ensure, lambda: maintain(table)]
    for act in [*refused, *(lambda change=change: apply(table, change) for change, _ in CHANGES)]:
        with pytest.raises(ProtocolUnfit) as caught:
            act()
        assert named in str(caught.value)
        assert "Remedy: " in str(caught.value)
        assert table.uri in str(caught.value)
    assert DeltaTable(table.uri).version() == version


@pytest.mark.parametrize("case", UNREADABLE)
def test_what_cannot_be_read_right_is_refused_by_name_with_the_remedy(table: BucketedTable, case: str) -> None:
    spec, named = UNREADABLE[case]
    put(table.uri, **spec)
    with pytest.raises(ProtocolUnfit) as caught:
        table.open()
    assert named in str(caught.value)
    assert "Remedy: " in str(caught.value)


@pytest.mark.parametrize("folder", ["plain", "with blanks"])
@pytest.mark.parametrize("features", [("deletionVectors",), ("deletionVectors", "v2Checkpoint")])
def test_a_row_marked_as_deleted_is_gone_for_us_too(tmp_path: Path, folder: str, features: tuple[str, ...]) -> None:
    for change, expected in CHANGES:
        made = BucketedTable(f"{tmp_path}/{folder}/{type(change).__name__}/author_summaries", SUMMARIES, 1)
        writer = made.writer(BUCKET, None)
        writer.apply(Append(BUCKET, rows(1, 2)))
        writer.apply(Append(BUCKET, rows(3)))
        put(made.uri, reader=features, properties={"delta.enableDeletionVectors": "true"})
        mark_deleted(made.uri)
        assert ids(made) == {"2", "3"}
        assert made.rows_by_bucket() == {BUCKET: 2}
        apply(made, change)
        left = (expected - {"1"}) & ({"2", "3"} | set("" if isinstance(change, Compact) else change.frame["author_id"]))
        assert ids(made) == left
        assert made.rows_by_bucket() == {BUCKET: len(left)}


def test_files_whose_rows_nobody_counted_are_counted(table: BucketedTable) -> None:
    add = next(one["add"] for one in actions(table.uri) if "add" in one)
    commit(table.uri, {"add": {name: value for name, value in add.items() if name != "stats"}})
    assert table.rows_by_bucket() == {BUCKET: 3}


def test_a_constraint_that_rows_break_is_named_with_the_remedy(table: BucketedTable) -> None:
    put(
        table.uri,
        versions=(1, 7),
        writer=("checkConstraints",),
        properties={"delta.constraints.short": "summary = 'x'"},
    )
    with pytest.raises(TableError, match=r"short: summary = 'x'.*DROP CONSTRAINT"):
        apply(table, Append(BUCKET, rows(4)))
    assert ids(table) == {"1", "2", "3"}


@pytest.mark.parametrize("name", ["author_summaries", "failed_authors"])
def test_a_run_asks_nobody_while_its_tables_cannot_be_written(tmp_path: Path, name: str) -> None:
    house = Installation(tmp_path / "root", write_authors(tmp_path / "authors.parquet", 5))
    house.ingest()
    put(f"{house.settings.root}/{name}", versions=(1, 7), writer=("rowTracking", "domainMetadata"))
    [run] = house.summarize()
    [failure] = [event for event in run.all_events if event.is_step_failure]
    assert "rowTracking; nobody was asked" in str(failure.step_failure_data.error)
    assert house.frame("summaries").is_empty()
    assert house.summarizer.ledger.totals()["requests"] == 0
    assert house.ingest().success


def test_an_ingest_into_such_a_table_is_refused_before_it_reads(tmp_path: Path) -> None:
    source = write_authors(tmp_path / "authors.parquet", 5)
    house = Installation(tmp_path / "root", source)
    house.ingest()
    put(f"{house.settings.root}/authors", versions=(1, 2), properties={"delta.appendOnly": "true"})
    with pytest.raises(dg.Failure, match=r"only takes appends.*SET TBLPROPERTIES"):
        house.ingest()

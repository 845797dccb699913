"""On real ephemeral Dagster instances and real tables; the stock handler's data losses as regression tests."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from summarizer_assets.fact_metadata import from_metadata
from summarizer_assets.io_manager import build_io_manager
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Overwrite
from summarizer_assets.storage.delta.stream import TableStream
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import StorageError
from testing.table_rows import SCHEMA, content, rows

# Dagster calls its backfill policies beta; the project's assets have them all the same.
pytestmark = pytest.mark.filterwarnings("ignore:Parameter `backfill_policy`")

KEYS = ["0000", "0001", "0002", "0003"]
ODD_KEYS = ["o'dd", 'a "b" %/ü=&', "'); DROP", "*"]

Changes = Callable[[Sequence[str]], Iterator[Change]]


@pytest.fixture
def table(tmp_path: Path) -> BucketedTable:
    return BucketedTable(str(tmp_path / "root/things"), SCHEMA, 16)


@pytest.fixture
def full(table: BucketedTable) -> BucketedTable:
    """The table with an author of its own in each of all buckets, odd ones too."""
    for key in KEYS + ODD_KEYS:
        table.writer(key, None).apply(Append(key, rows(key, [f"of {key}"])))
    return table


def things(
    table: BucketedTable, changes: Changes, keys: Sequence[str] = tuple(KEYS), **stream: Any
) -> dg.AssetsDefinition:
    """The asset whose stream is `changes` of the run's buckets."""

    @dg.asset(
        name="things",
        partitions_def=dg.StaticPartitionsDefinition(list(keys)),
        backfill_policy=dg.BackfillPolicy.single_run(),
        io_manager_key="delta",
        metadata={"partition_expr": "bucket"},
    )
    def build(context: dg.AssetExecutionContext) -> TableStream:
        snapshot = table.open()
        made = changes(list(context.partition_keys))
        return TableStream(made, lambda bucket: table.fence(bucket, snapshot), **stream)

    return build


def materialize(
    table: BucketedTable,
    assets: Sequence[dg.AssetsDefinition],
    partition: str | None = None,
    between: tuple[str, str] | None = None,
) -> dg.ExecuteInProcessResult:
    tags = {} if between is None else dict(zip(RANGE_TAGS, between, strict=True))
    manager = build_io_manager({dg.AssetKey("things"): table}, str(Path(table.uri).parent))
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            assets, partition_key=partition, tags=tags, resources={"delta": manager}, instance=instance
        )


RANGE_TAGS = ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")


def overwriting(keys: Sequence[str]) -> Iterator[Change]:
    for key in keys:
        yield Overwrite(key, rows(key, ["new"]))


def others_of(full: BucketedTable, *changed: str) -> set[tuple[str, str, str]]:
    return {row for row in content(full) if row[0] not in changed}


# Writing.


def test_a_stream_is_committed_while_it_is_still_being_produced(table: BucketedTable) -> None:
    seen = []

    def changes(keys: Sequence[str]) -> Iterator[Change]:
        for number in range(3):
            yield Append(keys[0], rows(keys[0], [str(number)]))
            seen.append(len(content(table)))

    assert materialize(table, [things(table, changes)], "0001").success
    assert seen == [1, 2, 3]


def test_tables_lie_right_under_the_root_and_nothing_else_does(table: BucketedTable) -> None:
    materialize(table, [things(table, overwriting)], "0001")
    assert [path.name for path in Path(table.uri).parent.iterdir()] == ["things"]


def test_a_range_over_part_of_the_table_overwrites_nothing_else(full: BucketedTable) -> None:
    before = others_of(full, "0001", "0002")
    assert materialize(full, [things(full, overwriting)], between=("0001", "0002")).success
    assert content(full) == before | {("0001", "new", "first"), ("0002", "new", "first")}


@pytest.mark.parametrize("key", [*KEYS[:1], *ODD_KEYS])
def test_a_single_partition_overwrites_nothing_else_whatever_its_key(full: BucketedTable, key: str) -> None:
    before = others_of(full, key)
    assert materialize(full, [things(full, overwriting, KEYS + ODD_KEYS)], key).success
    assert content(full) == before | {(key, "new", "first")}


@pytest.mark.parametrize("rivals", ["0000", "0001"], ids=["in another bucket", "in the same bucket"])
def test_another_run_that_creates_the_table_meanwhile_loses_nothing(table: BucketedTable, rivals: str) -> None:
    def changes(keys: Sequence[str]) -> Iterator[Change]:
        assert table.open() is None  # our snapshot: there is no table
        table.writer(rivals, None).apply(Append(rivals, rows(rivals, ["rival"])))
        yield from overwriting(keys)

    asset = things(table, changes)
    if rivals == "0001":
        with pytest.raises(dg.Failure, match="another run wrote to bucket 0001"):
            materialize(table, [asset], "0001")
        assert content(table) == {("0001", "rival", "first")}
    else:
        assert materialize(table, [asset], "0001").success
        assert content(table) == {("0000", "rival", "first"), ("0001", "new", "first")}


def test_a_stream_that_fails_keeps_what_was_committed_and_fails_the_run(full: BucketedTable) -> None:
    before = others_of(full, "0001")

    def changes(keys: Sequence[str]) -> Iterator[Change]:
        yield from overwriting(keys)
        raise KeyError("provider")

    with pytest.raises(KeyError, match="provider"):
        materialize(full, [things(full, changes)], "0001")
    assert content(full) == before | {("0001", "new", "first")}


def test_an_unchanged_stream_makes_no_table_and_no_version(table: BucketedTable) -> None:
    def nothing(_: Sequence[str]) -> Iterator[Change]:
        return iter(())

    assert materialize(table, [things(table, nothing)], "0001").success
    assert not Path(table.uri).exists()
    version = table.ensure().version()
    assert materialize(table, [things(table, nothing)], between=("0000", "0003")).success
    assert table.ensure().version() == version


def test_an_empty_overwrite_clears_its_bucket_only(full: BucketedTable) -> None:
    before = others_of(full, "0001")

    def clearing(keys: Sequence[str]) -> Iterator[Change]:
        yield Overwrite(keys[0], rows(keys[0], []))

    materialize(full, [things(full, clearing)], "0001")
    assert content(full) == before


@pytest.mark.parametrize(
    "change",
    [Overwrite("0002", rows("0002", ["new"])), Overwrite("0001", rows("0002", ["new"])), Compact("0002")],
    ids=["another bucket", "rows of another bucket", "another bucket's files"],
)
def test_a_change_outside_the_run_s_partitions_is_refused(full: BucketedTable, change: Change) -> None:
    before, version = content(full), full.ensure().version()
    with pytest.raises(dg.Failure, match="bucket 0002"):
        materialize(full, [things(full, lambda _: iter([change]))], "0001")
    assert (content(full), full.ensure().version()) == (before, version)


def test_the_run_says_what_was_written(table: BucketedTable) -> None:
    facts = {"calls": 7, "sample": "**a**\n\n**b**"}
    result = materialize(table, [things(table, overwriting, metadata=lambda: facts)], between=("0000", "0002"))
    metadata = result.asset_materializations_for_node("things")[0].metadata
    told = from_metadata(metadata)
    assert (told["commits"], told["rows_written"], told["calls"]) == (3, 3, 7)
    assert told["dagster/row_count"] == len(content(table))
    assert isinstance(metadata["sample"], dg.MarkdownMetadataValue)


# Refusals.


def test_what_is_no_stream_of_changes_is_refused_and_nothing_is_written(full: BucketedTable) -> None:
    before = content(full)

    @dg.asset(
        name="things",
        partitions_def=dg.StaticPartitionsDefinition(KEYS),
        io_manager_key="delta",
        metadata={"partition_expr": "bucket"},
    )
    def frame() -> pl.LazyFrame:
        return rows("0001", ["new"]).lazy()

    with pytest.raises(StorageError, match="return a TableStream"):
        materialize(full, [frame], "0001")
    assert content(full) == before


def test_an_asset_without_the_bucket_column_or_without_a_table_is_refused(table: BucketedTable) -> None:
    parts = dg.StaticPartitionsDefinition(KEYS)

    @dg.asset(name="things", partitions_def=parts, io_manager_key="delta", metadata={"partition_expr": "day"})
    def wrong_column() -> TableStream:
        return TableStream(overwriting(["0001"]), lambda _: None)

    @dg.asset(name="stranger", partitions_def=parts, io_manager_key="delta", metadata={"partition_expr": "bucket"})
    def stranger() -> TableStream:
        return TableStream(overwriting(["0001"]), lambda _: None)

    with pytest.raises(dg.Failure, match="partitioned by the column `bucket`"):
        materialize(table, [wrong_column], "0001")
    with pytest.raises(dg.Failure, match=r"asset stranger: .* stores things only"):
        materialize(table, [stranger], "0001")
    assert not Path(table.uri).exists()


# Reading.


def reader(
    found: list[pl.DataFrame], *, partitioned: bool, metadata: dict[str, Any] | None = None
) -> dg.AssetsDefinition:
    @dg.asset(
        ins={"things": dg.AssetIn(metadata=metadata)},
        partitions_def=dg.StaticPartitionsDefinition(KEYS) if partitioned else None,
        backfill_policy=dg.BackfillPolicy.single_run() if partitioned else None,
    )
    def report(things: pl.LazyFrame) -> None:
        assert isinstance(things, pl.LazyFrame)
        found.append(things.collect())

    return report


def source() -> dg.AssetSpec:
    spec = dg.AssetSpec(
        "things", partitions_def=dg.StaticPartitionsDefinition(KEYS), metadata={"partition_expr": "bucket"}
    )
    return spec.with_io_manager_key("delta")


@pytest.mark.parametrize(
    ("partition", "between", "keys"),
    [("0001", None, {"0001"}), (None, ("0001", "0002"), {"0001", "0002"}), (None, ("0000", "0003"), set(KEYS))],
    ids=["one bucket", "a range", "all"],
)
def test_an_input_is_a_lazy_frame_of_the_run_s_buckets(
    table: BucketedTable, partition: str | None, between: tuple[str, str] | None, keys: set[str]
) -> None:
    for key in KEYS:
        table.writer(key, None).apply(Append(key, rows(key, [f"of {key}"])))
    found: list[pl.DataFrame] = []
    materialize(table, [source(), reader(found, partitioned=True)], partition, between)
    assert found[0].schema == SCHEMA
    assert set(found[0]["bucket"]) == keys


def test_an_asset_without_partitions_gets_the_whole_table_and_may_ask_for_columns(full: BucketedTable) -> None:
    found: list[pl.DataFrame] = []
    materialize(full, [source(), reader(found, partitioned=False, metadata={"columns": ["author_id"]})])
    assert found[0].columns == ["author_id"]
    assert {author for (author,) in found[0].rows()} >= {f"of {key}" for key in KEYS}

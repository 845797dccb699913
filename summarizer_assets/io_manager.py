"""The Dagster IO manager for Delta: dagster-deltalake's client with our own type handlers.

The stock handlers replace a whole table if a predicate cannot be built, refuse partition ranges and generators, and
read column-mapped tables as nulls; ours commit a stream of bucket changes and read one or many buckets lazily. Besides
`ui`, this is the only module that imports private names of dagster.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import dagster as dg
import polars as pl
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.storage.db_io_manager import DbIOManager, DbTypeHandler, TableSlice
from dagster_deltalake.io_manager import DeltaLakeDbClient, TableConnection

from summarizer_assets.fact_metadata import to_metadata
from summarizer_assets.interrupts import on_interrupt
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.storage.delta.stream import TableStream, persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import StorageError


class _TablesAtRoot(DeltaLakeDbClient):
    """A client for tables at `<root>/<name>`, without the schema folder of the stock client."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")

    @contextmanager
    def connect(  # type: ignore[override] # static in the stock client, which reads the run's configuration
        self,
        context: dg.OutputContext | dg.InputContext,
        table_slice: TableSlice,
    ) -> Iterator[TableConnection]:
        """Credentials for object stores come from the environment."""
        yield TableConnection(f"{self._root}/{table_slice.table}", {}, None)

    @staticmethod
    def get_select_statement(table_slice: TableSlice) -> str:
        """The query that reads what was written, shown with each materialisation."""
        keys = ", ".join(f"'{key}'" for key in _buckets(table_slice))
        return f"SELECT * FROM {table_slice.table} WHERE bucket IN ({keys})"  # noqa: S608 - shown, never executed

    @staticmethod
    def get_table_name(table_slice: TableSlice) -> str:
        return table_slice.table


class _OfAssets(DbIOManager):
    """A manager that finds an asset's table by its whole key, whose last part need not be the table's name."""

    def __init__(self, names: Mapping[dg.AssetKey, str], **given: Any) -> None:  # noqa: ANN401 - the base's own
        super().__init__(**given)
        self._names = names

    def _get_table_slice(
        self, context: dg.OutputContext | dg.InputContext, output_context: dg.OutputContext
    ) -> TableSlice:
        found = super()._get_table_slice(context, output_context)
        key = context.asset_key
        return found._replace(table=self._names.get(key, key.to_user_string()))


def _buckets(table_slice: TableSlice) -> list[str]:
    dimensions = table_slice.partition_dimensions or []
    if len(dimensions) != 1 or dimensions[0].partition_expr != "bucket":
        raise StorageError(
            f"asset {table_slice.table}: this IO manager stores assets partitioned by the column `bucket`; "
            'give the asset these partitions and metadata={"partition_expr": "bucket"}'
        )
    return [str(key) for key in dimensions[0].partitions]


class _Handler:
    """Base of both handlers, with our tables by name."""

    def __init__(self, tables: Mapping[str, BucketedTable]) -> None:
        self._tables = tables

    def _table(self, table_slice: TableSlice) -> BucketedTable:
        if table_slice.table not in self._tables:
            raise StorageError(
                f"asset {table_slice.table}: this IO manager stores {', '.join(self._tables)} only; "
                "give the asset another io_manager_key"
            )
        return self._tables[table_slice.table]


class StreamHandler(_Handler, DbTypeHandler[TableStream]):
    """Commits each change of a stream as it is produced."""

    def __init__(self, tables: Mapping[str, BucketedTable], root: str) -> None:
        super().__init__(tables)
        self._root = root

    @fails_plainly
    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: TableStream, connection: TableConnection
    ) -> Mapping[str, Any]:
        table = self._table(table_slice)
        allowed = set(_buckets(table_slice))

        def only_ours() -> Iterator[Any]:
            for change in obj.changes:
                if change.bucket not in allowed:
                    raise StorageError(
                        f"{connection.table_uri}: a change of bucket {change.bucket} in a run of {sorted(allowed)}"
                    )
                yield change

        with on_interrupt(obj.interrupt):
            written = persist(table, replace(obj, changes=only_ours()))
        obj.ended()  # raises for a stopped stream: Dagster records no materialisation, and the partition fails
        facts = {
            **obj.metadata(),
            "commits": written.commits,
            "rows_written": written.rows,
            "root": self._root,
            "dagster/row_count": sum(table.rows_by_bucket().values()),
        }
        return to_metadata(table_slice.table, facts)

    def load_input(self, context: dg.InputContext, table_slice: TableSlice, connection: TableConnection) -> TableStream:
        raise StorageError(f"{connection.table_uri} is read as a frame: annotate the input as polars.LazyFrame")

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [TableStream]


class FrameHandler(_Handler, DbTypeHandler[pl.LazyFrame]):
    """Reads the run's buckets of an asset lazily, opening only their files."""

    def handle_output(
        self, context: dg.OutputContext, table_slice: TableSlice, obj: pl.LazyFrame, connection: TableConnection
    ) -> Mapping[str, Any]:
        raise StorageError(f"{connection.table_uri} is written as a stream of changes: return a TableStream")

    def load_input(
        self, context: dg.InputContext, table_slice: TableSlice, connection: TableConnection
    ) -> pl.LazyFrame:
        table = self._table(table_slice)
        keys = _buckets(table_slice) if table_slice.partition_dimensions else None
        frame = table.read(keys)
        return frame.select(table_slice.columns) if table_slice.columns else frame

    @property
    def supported_types(self) -> Sequence[type[object]]:
        return [pl.LazyFrame]


def build_io_manager(tables: Mapping[dg.AssetKey, BucketedTable], root: str) -> dg.IOManagerDefinition:
    """The IO manager of the tables under `root`, storing the assets whose keys are in `tables`.

    It is a ready object without configuration: the place of the tables is no choice for the launchpad, and Dagster
    would turn the configuration of the stock manager into a schema three times a run (0.04 CPU seconds).
    """
    names = {key: table.uri.rpartition("/")[2] for key, table in tables.items()}
    by_name = {names[key]: table for key, table in tables.items()}
    manager = _OfAssets(
        names,
        db_client=_TablesAtRoot(root),
        database="deltalake",
        type_handlers=[StreamHandler(by_name, root), FrameHandler(by_name)],
        default_load_type=pl.LazyFrame,
        io_manager_name="BucketIOManager",
    )
    # The empty schema refuses what somebody writes into a launchpad; without one Dagster takes anything and drops it.
    return dg.IOManagerDefinition(lambda _: manager, config_schema={}, description=f"Delta tables under {root}.")


def last_written(
    instance: dg.DagsterInstance, asset: dg.AssetKey, bucket: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The bucket's last materialisation as a check's target, without which Dagster counts the bucket as unchecked."""
    of_bucket = dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[bucket])
    for record in instance.fetch_materializations(of_bucket, limit=1).records:
        return AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
    return None

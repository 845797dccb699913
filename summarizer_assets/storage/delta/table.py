"""A bucketed Delta table: creation, opening, and reading by bucket; changes go only through a bucket's writer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import polars as pl
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from summarizer_assets.core.delta_log import is_panic
from summarizer_assets.core.records import ADDED, WITH_A_VALUE
from summarizer_assets.storage.delta import protocol
from summarizer_assets.storage.delta.commits import CREATE_ONCE, WRITER, commit_properties
from summarizer_assets.storage.delta.guards import check_columns
from summarizer_assets.storage.delta.log_check import cannot_open, check_absence, check_entries
from summarizer_assets.storage.delta.object_store import require_put_if_absent
from summarizer_assets.storage.delta.plain_strings import plain
from summarizer_assets.storage.delta.store_errors import store_errors
from summarizer_assets.storage.delta.writer import BucketWriter, app_id
from summarizer_assets.storage.disk import remedy
from summarizer_assets.storage.errors import BucketsDiffer, TableError, cause_of

_ROW = "row of its file"
BUCKETS_PROPERTY = "summarizer.buckets"
_CONFIGURATION = {
    "delta.checkpointInterval": "50",
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}


@dataclass(frozen=True)
class BucketedTable:
    """One Delta table with a fixed schema, partitioned by `bucket`, or unpartitioned if `buckets` is None."""

    uri: str
    schema: pl.Schema
    buckets: int | None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> str:
        return self.uri.rpartition("/")[0]

    def ensure(self) -> DeltaTable:
        """Open the table, creating it if it is missing; concurrent creators all get the table that was created first.

        Raises:
            BucketsDiffer: the table was created with another number of buckets.
            ProtocolUnfit: another tool changed it so that we cannot write to it.
            TableError: the location cannot be read or written, or holds a table with another schema.
        """
        require_put_if_absent(self.root, self.options)
        table = self.open()
        if table is None:
            self._create()
            table = self.open()
            if table is None:
                raise TableError(f"{self.uri}: created, yet not found; is the location the same for reads and writes?")
        protocol.require_writable(self.uri, table)
        return table

    def require_writable(self) -> None:
        """Raise ProtocolUnfit if the table exists and another tool changed it so that we cannot write to it."""
        table = self.open()
        if table is not None:
            protocol.require_writable(self.uri, table)

    def open(self, *, as_ours: bool = True) -> DeltaTable | None:
        """A new handle on the newest version, or None if there is no table.

        `as_ours`: also check the columns and the number of buckets.

        Raises:
            LogDamaged: the log cannot be trusted.
            ProtocolUnfit: another tool added a feature with which it cannot be read.
            TableError: it cannot be read, or has another schema.
        """
        try:
            with store_errors(self.uri, self.options, "the Delta table cannot be opened"):
                table = DeltaTable(self.uri, storage_options=dict(self.options))
        except TableNotFoundError:
            check_absence(self.uri)
            return None
        except (DeltaError, OSError, ValueError) as error:
            raise cannot_open(self.uri, error) from error
        except BaseException as error:
            if not is_panic(error):
                raise
            raise cannot_open(self.uri, error) from error
        check_entries(self.uri, table.version())
        protocol.require_readable(self.uri, table)
        if as_ours:
            self._check(table)
        return table

    def at(self, version: int) -> DeltaTable:
        """A handle on an older version.

        Raises:
            TableError: the log does not reach back that far.
        """
        try:
            with store_errors(self.uri, self.options, f"version {version} of the Delta table cannot be opened"):
                return DeltaTable(self.uri, version=version, storage_options=dict(self.options))
        except (DeltaError, OSError, ValueError) as error:
            raise TableError(
                f"{self.uri}: version {version} cannot be opened: {cause_of(error)}; the log keeps 30 days, files are "
                "kept for 7 after they were replaced; a backup of the table's folder may hold it"
            ) from error

    def read(self, keys: Sequence[str] | None = None, *, table: DeltaTable | None = None) -> pl.LazyFrame:
        """The rows of buckets `keys` (None: all) as a lazy frame that opens only their files; empty without a table."""
        table = table or self.open()
        if table is None:
            return pl.LazyFrame(schema=self.schema)
        frame = _scan(table, self.options).match_to_schema(
            self.schema,
            missing_columns={name: "insert" for name in self.schema.names() if name in ADDED},
            missing_struct_fields="insert",
            extra_columns="ignore",
        )
        if keys is None or (self.buckets is not None and len(set(keys)) >= self.buckets):
            return frame  # a filter with every key would only cost time
        return frame.filter(pl.col("bucket").is_in(list(keys)))

    def rows_by_bucket(self, table: DeltaTable | None = None) -> dict[str, int]:
        """The number of rows of each non-empty bucket by the log, in `table` or the newest version.

        If another tool wrote files without row counts, or deletion vectors, the rows are read and counted.
        """
        table = table or self.open()
        if table is None:
            return {}
        adds = _files(table)
        if adds.is_empty():
            return {}
        if "num_records" not in adds.columns or adds["num_records"].has_nulls() or protocol.removed_rows(table):
            return dict(self.read(table=table).group_by("bucket").agg(pl.len()).collect().iter_rows())
        counts = adds.group_by("partition.bucket").agg(pl.col("num_records").sum())
        return dict(counts.iter_rows())

    def bytes_of(self, buckets: Sequence[str]) -> int:
        """Total bytes of the current files of these buckets, from the log alone."""
        table = self.open()
        adds = pl.DataFrame() if table is None else _files(table)
        if adds.is_empty():
            return 0
        return int(adds.filter(pl.col("partition.bucket").is_in(list(buckets)))["size_bytes"].sum())

    def writer(self, bucket: str, fence: int | None) -> BucketWriter:
        """A writer for one bucket that commits only while `fence` is the bucket's last fence value."""
        if not bucket:
            raise TableError(f"{self.uri}: an empty text is no bucket; Delta would store it as null")
        return BucketWriter(self, bucket, fence)

    def made_at(self) -> datetime:
        """When the table was created (UTC).

        Raises:
            TableError: there is no table.
        """
        table = self.open()
        if table is None:
            raise TableError(f"{self.uri}: there is no such table yet")
        return datetime.fromtimestamp(table.metadata().created_time / 1000, UTC)

    def fence(self, bucket: str, table: DeltaTable | None) -> int | None:
        """The bucket's last fence value in the snapshot `table`, which must be the one the work is planned from."""
        return None if table is None else table.transaction_version(app_id(bucket))

    def replace_all(self, frame: pl.DataFrame) -> bool:
        """Replace the whole content of an unpartitioned table by `frame`; return False if it is equal already."""
        if self.buckets is not None:
            raise TableError(f"{self.uri} is partitioned by bucket: it is only ever replaced bucket by bucket")
        frame = frame.select(self.schema.names()).sort(self.schema.names())
        table = self.open()
        if table is None and frame.is_empty():
            return False
        if self._holds(frame, table):
            return False
        table = self.ensure()
        try:
            with store_errors(self.uri, self.options, "the table cannot be replaced"):
                write_deltalake(
                    table,
                    plain(frame),
                    mode="overwrite",
                    schema_mode="merge",
                    commit_properties=commit_properties(),
                    writer_properties=WRITER,
                )
        except (DeltaError, OSError) as error:
            if isinstance(error, CommitFailedError) and self._holds(frame):
                return True  # committed: the response was lost, and the retried put conflicted with our own entry
            raise TableError(f"{self.uri} cannot be replaced: {cause_of(error)}; {remedy(error)}") from error
        return True

    def _holds(self, frame: pl.DataFrame, table: DeltaTable | None = None) -> bool:
        """Whether the table's content equals `frame`, independent of order."""
        return self.read(table=table).collect().sort(self.schema.names()).equals(frame)

    def _create(self) -> None:
        configuration = dict(_CONFIGURATION)
        columns = {name: dtype for name, dtype in self.schema.items() if name not in WITH_A_VALUE}
        if self.buckets is not None:
            configuration[BUCKETS_PROPERTY] = str(self.buckets)
        try:
            if "://" not in self.uri:
                Path(self.uri).mkdir(parents=True, exist_ok=True)
            with store_errors(self.uri, self.options, "the Delta table cannot be created"):
                DeltaTable.create(
                    self.uri,
                    schema=pl.DataFrame(schema=columns).to_arrow().schema,
                    mode="error",
                    partition_by=["bucket"] if self.buckets is not None else None,
                    configuration=configuration,
                    storage_options=dict(self.options),
                    commit_properties=CREATE_ONCE,
                    raise_if_key_not_exists=False,  # delta-rs knows only its own keys, and ours is the bucket count
                )
        except (DeltaError, OSError) as error:
            if self.open() is None:  # no other writer created it, so this is a real failure
                raise TableError(
                    f"{self.uri}: the Delta table cannot be created: {cause_of(error)}; {remedy(error)}; "
                    "is SUMMARIZER_ROOT a folder (or s3://…) that this user may write to?"
                ) from error

    def _check(self, table: DeltaTable) -> None:
        if self.buckets is not None:
            made_with = table.metadata().configuration.get(BUCKETS_PROPERTY)
            if made_with != str(self.buckets):
                remedy = f"set SUMMARIZER_BUCKETS={made_with}, or " if made_with else ""
                raise BucketsDiffer(
                    f"{self.uri} was made with {made_with or 'no'} buckets, SUMMARIZER_BUCKETS asks for "
                    f"{self.buckets}; {remedy}give another SUMMARIZER_ROOT for new tables"
                )
        check_columns(self.uri, self.schema, table.schema())


def buckets_of_table(uri: str, options: Mapping[str, str]) -> int | None:
    """The number of buckets with which the table was made; None if there is no table, or it was made by other means.

    Raises:
        TableError: it cannot be read.
    """
    table = BucketedTable(uri, pl.Schema(), None, options).open(as_ours=False)
    made_with = None if table is None else table.metadata().configuration.get(BUCKETS_PROPERTY)
    return None if made_with is None else int(made_with)


def _files(table: DeltaTable) -> pl.DataFrame:
    """One row per file of the snapshot."""
    return pl.DataFrame(table.get_add_actions(flatten=True))


def _scan(table: DeltaTable, options: Mapping[str, str]) -> pl.LazyFrame:
    """Scan the table with polars; where polars would misread or refuse the table, scan its files one by one.

    polars treats file addresses, in which a blank of the root is `%20`, as paths, and then ignores deletion vectors; it
    also refuses tables for features that do not affect our columns.
    """
    files = [unquote(file) for file in table.file_uris()]
    if not files or not ("%" in table.table_uri or protocol.read_by_files(table)):
        return pl.scan_delta(table)
    removed = protocol.removed_rows(table)
    whole = [file for file in files if file.rpartition("/")[2] not in removed]
    parts = [_scan_files(whole, table, options)] if whole else []
    for file in files:
        rows = removed.get(file.rpartition("/")[2])
        if rows is not None:
            part = _scan_files([file], table, options).with_row_index(_ROW)
            parts.append(part.filter(~pl.col(_ROW).is_in(rows)).drop(_ROW))
    return pl.concat(parts, how="diagonal")


def _scan_files(files: list[str], table: DeltaTable, options: Mapping[str, str]) -> pl.LazyFrame:
    return pl.scan_parquet(
        files,
        schema=pl.Schema(table.schema()),
        hive_partitioning=True,
        hive_schema=dict.fromkeys(table.metadata().partition_columns, pl.String()),
        missing_columns="insert",
        cast_options=pl.ScanCastOptions(datetime_cast="nanosecond-downcast", missing_struct_fields="insert"),
        glob=False,
        storage_options=dict(options) or None,
    )

"""Bucketed Delta tables: create first, change only one bucket at a time, never what was not asked for.

Facts this rests on (measured with deltalake 1.6): an overwrite without predicate replaces the whole table, so
every overwrite here carries `bucket IN (…)`, and delta-rs rejects rows outside it; app transactions fence a
stale writer, they do not make a replay idempotent (and a compaction carries none); a MERGE inserts an author twice
when the frame holds it twice; a handle held over many commits slows down, so it is reopened.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from summarizer_assets.storage.errors import BucketsDiffer, FenceLost, TableError
from summarizer_assets.storage.guards import check_columns, wrong_rows

BUCKETS_PROPERTY = "summarizer.buckets"
_CONFIGURATION = {
    "delta.checkpointInterval": "50",
    "delta.logRetentionDuration": "interval 30 days",
    "delta.deletedFileRetentionDuration": "interval 7 days",
}
_WRITER = WriterProperties(compression="ZSTD", compression_level=3)
_COMMIT_RETRIES = 100  # with 15, two of 200 concurrent appends were lost
_CREATE_ONCE = CommitProperties(max_commit_retries=0)  # else a late creator makes the table again, as version 1
# delta-rs lets an append and a compaction fail when a merge or an overwrite of any other bucket came between. Each
# conflict is another run's success, so trying again needs no wait; with 5, six busy writers failed one another.
_CONFLICT_TRIES = 30
_REOPEN_AFTER = 100  # commits


@dataclass(frozen=True)
class Append:
    """Add rows that the bucket does not hold yet."""

    bucket: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Merge:
    """Put rows in the place of those with the same author id (or add them), and remove the authors `removed`."""

    bucket: str
    frame: pl.DataFrame
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Overwrite:
    """Put `frame` in the place of all that the bucket holds; an empty frame clears it."""

    bucket: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Compact:
    """Join the bucket's small files."""

    bucket: str


Change = Append | Merge | Overwrite | Compact


@dataclass(frozen=True)
class BucketedTable:
    """One Delta table of a fixed schema, partitioned by `bucket` (or, with `buckets=None`, not partitioned)."""

    uri: str
    schema: pl.Schema
    buckets: int | None
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def ensure(self) -> DeltaTable:
        """Open the table, creating it first when it is missing; racing creators all get the one that won.

        Raises:
            BucketsDiffer: the table was made with another number of buckets.
            TableError: the location cannot be read or written, or holds a table of another schema.
        """
        table = self.open()
        if table is None:
            self._create()
            table = self.open()
            if table is None:
                raise TableError(f"{self.uri}: created, yet not found; is the location the same for reads and writes?")
        return table

    def open(self) -> DeltaTable | None:
        """A fresh handle on the newest version, or None when there is no table."""
        try:
            table = DeltaTable(self.uri, storage_options=dict(self.options))
        except TableNotFoundError:
            return None
        except (DeltaError, OSError, ValueError) as error:
            raise TableError(f"{self.uri}: the Delta table cannot be opened: {error}") from error
        self._check(table)
        return table

    def read(self, keys: Sequence[str] | None = None, *, table: DeltaTable | None = None) -> pl.LazyFrame:
        """The rows of the buckets `keys` (None: all), lazily; only their files are opened. No table: no rows."""
        table = table or self.open()
        if table is None:
            return pl.LazyFrame(schema=self.schema)
        frame = pl.scan_delta(table).select(self.schema.names())
        if keys is None or (self.buckets is not None and len(set(keys)) >= self.buckets):
            return frame  # a filter that lists every key only costs
        return frame.filter(pl.col("bucket").is_in(list(keys)))

    def rows_by_bucket(self) -> dict[str, int]:
        """Rows of each bucket that has any, from the log alone."""
        table = self.open()
        if table is None:
            return {}
        adds = pl.DataFrame(table.get_add_actions(flatten=True))
        if adds.is_empty():
            return {}
        counts = adds.group_by("partition.bucket").agg(pl.col("num_records").sum())
        return dict(counts.iter_rows())

    def writer(self, bucket: str, fence: int | None) -> "BucketWriter":
        """A writer of one bucket that commits only while `fence` is the bucket's last fence value."""
        if not bucket:
            raise TableError(f"{self.uri}: an empty text is no bucket; Delta would store it as null")
        return BucketWriter(self, bucket, fence)

    def fence(self, bucket: str, table: DeltaTable | None) -> int | None:
        """The bucket's last fence value in the snapshot `table`: take it where the to-do list is taken."""
        return None if table is None else table.transaction_version(_app_id(bucket))

    def replace_all(self, frame: pl.DataFrame) -> bool:
        """Make `frame` the whole content of an unpartitioned table; False when it already is."""
        if self.buckets is not None:
            raise TableError(f"{self.uri} is partitioned by bucket: it is only ever replaced bucket by bucket")
        frame = frame.select(self.schema.names()).sort(self.schema.names())
        table = self.open()
        if table is None and frame.is_empty():
            return False
        if self.read(table=table).collect().sort(self.schema.names()).equals(frame):
            return False
        try:
            write_deltalake(
                self.ensure(), frame, mode="overwrite", commit_properties=_commit(None), writer_properties=_WRITER
            )
        except (DeltaError, OSError) as error:
            raise TableError(f"{self.uri} cannot be replaced: {error}") from error
        return True

    def _create(self) -> None:
        configuration = dict(_CONFIGURATION)
        if self.buckets is not None:
            configuration[BUCKETS_PROPERTY] = str(self.buckets)
        try:
            if "://" not in self.uri:
                Path(self.uri).mkdir(parents=True, exist_ok=True)
            DeltaTable.create(
                self.uri,
                schema=pl.DataFrame(schema=self.schema).to_arrow().schema,
                mode="error",
                partition_by=["bucket"] if self.buckets is not None else None,
                configuration=configuration,
                storage_options=dict(self.options),
                commit_properties=_CREATE_ONCE,
                raise_if_key_not_exists=False,  # delta-rs knows only its own keys; ours is the bucket count
            )
        except (DeltaError, OSError) as error:
            if self.open() is None:  # not lost to another creator: a real failure
                raise TableError(
                    f"{self.uri}: the Delta table cannot be created: {error}; "
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


class BucketWriter:
    """Applies changes to one bucket, each as its own commit, fenced against any other writer of the bucket."""

    def __init__(self, table: BucketedTable, bucket: str, fence: int | None) -> None:
        self.commits = 0
        self.rows = 0
        self._table = table
        self._bucket = bucket
        self._fence = fence
        self._handle: DeltaTable | None = None

    def apply(self, change: Change) -> None:
        """Commit `change`.

        Raises:
            FenceLost: another run wrote to the bucket since our snapshot; nothing of `change` was written.
            TableError: the store refused; the table stays as it was.
        """
        if change.bucket != self._bucket:
            raise TableError(
                f"{self._table.uri}: a change of bucket {change.bucket} sent to the writer of {self._bucket}"
            )
        for attempt in range(1, _CONFLICT_TRIES + 1):
            try:
                handle = self._current_handle()
                committed = self._commit(handle, change)
                break
            except CommitFailedError as error:
                self._handle = None
                self._current_handle()  # raises FenceLost where a rival run is the cause
                if attempt == _CONFLICT_TRIES:
                    raise TableError(
                        f"{self._table.uri}: bucket {self._bucket} cannot be committed: {error}"
                    ) from error
            except (DeltaError, OSError) as error:
                raise TableError(f"{self._table.uri}: bucket {self._bucket} cannot be written: {error}") from error
        if not committed:
            return
        self.commits += 1
        if not isinstance(change, Compact):
            self._fence = self._table.fence(self._bucket, handle)
            self.rows += change.frame.height

    def _current_handle(self) -> DeltaTable:
        """The newest version, seen to be still ours."""
        handle, self._handle = self._handle, None  # so that a writer that lost stays lost
        if handle is None or (self.commits and self.commits % _REOPEN_AFTER == 0):
            handle = self._table.ensure()
        else:
            handle.update_incremental()  # what came between would make the commit fail, after all its rows are written
        found = self._table.fence(self._bucket, handle)
        if found != self._fence:
            raise FenceLost(
                f"{self._table.uri}: another run wrote to bucket {self._bucket} (fence {found}, ours "
                f"{self._fence}); this run stops without writing over it; materialise the partition again"
            )
        self._handle = handle
        return handle

    def _commit(self, handle: DeltaTable, change: Change) -> bool:
        properties = _commit(Transaction(_app_id(self._bucket), (self._fence or 0) + 1))
        if not isinstance(change, Compact):
            wrong = wrong_rows(change.frame, self._bucket, change.removed if isinstance(change, Merge) else ())
            if wrong is not None:
                raise TableError(
                    f"{self._table.uri}: a change of bucket {self._bucket} holds {wrong}; nothing is written"
                )
        match change:
            case Append(frame=frame):
                if frame.is_empty():
                    return False
                write_deltalake(
                    handle, self._conform(frame), mode="append", commit_properties=properties, writer_properties=_WRITER
                )
            case Overwrite(frame=frame):
                write_deltalake(
                    handle,
                    self._conform(frame),
                    mode="overwrite",
                    predicate=f"bucket = {_literal(self._bucket)}",
                    commit_properties=properties,
                    writer_properties=_WRITER,
                )
            case Merge():
                return self._merge(handle, change, properties)
            case Compact():
                done = handle.optimize.compact(
                    partition_filters=[("bucket", "=", self._bucket)],
                    commit_properties=_commit(None),  # no fence value: it changes no row
                    writer_properties=_WRITER,
                )
                return bool(done["numFilesAdded"])
        return True

    def _merge(self, handle: DeltaTable, change: Merge, properties: CommitProperties) -> bool:
        if change.frame.is_empty() and not change.removed:
            return False
        gone = pl.DataFrame(
            {"author_id": sorted(change.removed), "bucket": self._bucket}, schema_overrides={"author_id": pl.String}
        )
        source = pl.concat(
            [
                self._conform(change.frame).with_columns(_gone=pl.lit(value=False)),
                gone.with_columns(_gone=pl.lit(value=True)),
            ],
            how="diagonal",
        )
        columns = {name: f"s.{name}" for name in self._table.schema.names()}
        merger = handle.merge(
            source,
            predicate=f"t.bucket = {_literal(self._bucket)} AND t.author_id = s.author_id",
            source_alias="s",
            target_alias="t",
            commit_properties=properties,
            writer_properties=_WRITER,
        )
        done = (
            merger.when_matched_delete("s._gone")
            .when_matched_update(columns)
            .when_not_matched_insert(columns, "NOT s._gone")
            .execute()
        )
        return bool(done["num_output_rows"] or done["num_target_rows_deleted"])  # else delta-rs commits nothing

    def _conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(pl.col(name).cast(dtype) for name, dtype in self._table.schema.items())


def _literal(text: str) -> str:
    """`text` in a predicate."""
    return "'" + text.replace("'", "''") + "'"


def _app_id(bucket: str) -> str:
    return f"summarizer/{bucket}"


def _commit(transaction: Transaction | None) -> CommitProperties:
    return CommitProperties(
        max_commit_retries=_COMMIT_RETRIES, app_transactions=None if transaction is None else [transaction]
    )

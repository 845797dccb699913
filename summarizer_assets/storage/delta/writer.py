"""The writer of a bucket: each change is one commit, fenced against any other writer of the bucket.

Measured with deltalake 1.6: an overwrite without predicate replaces the whole table, so every overwrite here carries
`bucket = …`, and delta-rs rejects rows outside it; app transactions fence a stale writer but do not make a replay
idempotent, and a compaction carries none; a handle slows down over many commits, so it is reopened.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import uuid4

import polars as pl
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from summarizer_assets.core.records import WITH_A_VALUE
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.commits import MARK, WRITER, commit_properties
from summarizer_assets.storage.delta.durable import sync_commits
from summarizer_assets.storage.delta.guards import wrong_rows
from summarizer_assets.storage.delta.plain_strings import plain
from summarizer_assets.storage.delta.protocol import constraints
from summarizer_assets.storage.delta.store_errors import refusal
from summarizer_assets.storage.disk import remedy
from summarizer_assets.storage.errors import FenceLost, StoreUnfit, TableError, cause_of

# delta-rs fails an append or compaction if a merge or overwrite of any other bucket committed meanwhile. A conflict
# is another run's success, so a retry needs no wait; with 5 tries, six busy writers made one another fail.
_CONFLICT_TRIES = 30
_STORE_TRIES = 3  # each with delta-rs' own timeouts, of minutes
_REOPEN_AFTER = 100  # commits
_CONDITION = "failed validation check"  # delta-rs' message for rows that violate a constraint or an invariant


class Table(Protocol):
    """What a writer needs from its table; `storage.delta.table.BucketedTable` implements it."""

    @property
    def uri(self) -> str: ...

    @property
    def schema(self) -> pl.Schema: ...

    @property
    def options(self) -> Mapping[str, str]: ...

    def ensure(self) -> DeltaTable: ...

    def fence(self, bucket: str, table: DeltaTable | None) -> int | None: ...

    def read(self, keys: Sequence[str], *, table: DeltaTable) -> pl.LazyFrame: ...


def app_id(bucket: str) -> str:
    """The application id of a bucket's fence in the table's log."""
    return f"summarizer/{bucket}"


class BucketWriter:
    """Applies changes to one bucket, each as its own commit, fenced against any other writer of the bucket."""

    def __init__(self, table: Table, bucket: str, fence: int | None) -> None:
        self.commits = 0
        self.rows = 0
        self._table = table
        self._bucket = bucket
        self._fence = fence
        self._handle: DeltaTable | None = None

    def apply(self, change: Change) -> None:
        """Commit `change`.

        Raises:
            FenceLost: another run wrote to the bucket since our snapshot; `change` was not written.
            TableError: the store refused; the table is unchanged.
        """
        if change.bucket != self._bucket:
            raise TableError(
                f"{self._table.uri}: a change of bucket {change.bucket} sent to the writer of {self._bucket}"
            )
        mark, since = uuid4().hex, -1
        for attempt in range(1, _CONFLICT_TRIES + 1):
            try:
                handle = self._newest()
                since = handle.version() if attempt == 1 else since
                committed = attempt > 1 and self._holds(handle, mark, since)
                if not committed:
                    self._check_fence(handle)
                    committed = self._commit(handle, change, mark)
                break
            except (DeltaError, OSError) as error:
                self._handle = None
                self._raise_unless_worth_another_try(error, attempt)
        if not committed:
            return
        self._sync(since, handle)
        self.commits += 1
        if not isinstance(change, Compact):
            self._fence = self._next_fence
            self.rows += change.frame.height

    def _raise_unless_worth_another_try(self, error: DeltaError | OSError, attempt: int) -> None:
        where = f"{self._table.uri}: bucket {self._bucket}"
        if isinstance(error, CommitFailedError):
            if attempt == _CONFLICT_TRIES:
                raise TableError(f"{where} cannot be committed: {error}") from error
            return
        if _CONDITION in str(error):
            raise TableError(
                f"{where} cannot be written: rows break a condition that something else put on the table "
                f"({constraints(self._table.ensure())}); nothing is written, what was answered is in the journal. Drop "
                "it (ALTER TABLE … DROP CONSTRAINT), then materialise the partition again: nobody is asked twice"
            ) from error
        refused = refusal(self._table.uri, self._table.options, f"bucket {self._bucket} cannot be written", error)
        if refused is None:
            raise TableError(f"{where} cannot be written: {cause_of(error)}; {remedy(error)}") from error
        if isinstance(refused, StoreUnfit) or attempt >= _STORE_TRIES:
            raise refused from None

    def _holds(self, handle: DeltaTable, mark: str, since: int) -> bool:
        """Whether a change that was reported as failed is committed after all, because a response was lost.

        delta-rs then retries the put, conflicts with its own entry and takes it for another writer's.
        """
        if self._table.fence(self._bucket, handle) == self._fence:
            return False
        return any(entry.get(MARK) == mark for entry in handle.history(handle.version() - since))

    def _sync(self, before: int, handle: DeltaTable) -> None:
        """Sync the commit: journal segments are deleted after it, so it must survive a crash of the machine."""
        try:
            sync_commits(self._table.uri, before, handle)
        except OSError as error:
            raise TableError(
                f"{self._table.uri}: bucket {self._bucket} is committed, but the disk refused to make it durable: "
                f"{error}; check the disk, then materialise the partition again"
            ) from error

    def _newest(self) -> DeltaTable:
        handle, self._handle = self._handle, None  # a writer that lost the fence stays without a handle
        if handle is None or (self.commits and self.commits % _REOPEN_AFTER == 0):
            return self._table.ensure()
        handle.update_incremental()  # otherwise commits made meanwhile fail ours after its rows were written
        return handle

    def _check_fence(self, handle: DeltaTable) -> None:
        """Keep `handle` if the fence is still ours, or raise FenceLost."""
        found = self._table.fence(self._bucket, handle)
        if found != self._fence:
            raise FenceLost(
                f"{self._table.uri}: another run wrote to bucket {self._bucket} (fence {found}, ours "
                f"{self._fence}); this run stops without writing over it; materialise the partition again"
            )
        self._handle = handle

    @property
    def _next_fence(self) -> int:
        return (self._fence or 0) + 1

    def _commit(self, handle: DeltaTable, change: Change, mark: str) -> bool:
        note = change.note if isinstance(change, Overwrite) else {}
        properties = commit_properties(Transaction(app_id(self._bucket), self._next_fence), mark, note)
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
                    handle,
                    plain(self._written(frame, handle)),
                    mode="append",
                    schema_mode="merge",
                    commit_properties=properties,
                    writer_properties=WRITER,
                )
            case Overwrite(frame=frame):
                self._overwrite(handle, frame, properties)
            case Merge():
                return self._merge(handle, change, properties)
            case Compact():
                done = handle.optimize.compact(
                    partition_filters=[("bucket", "=", self._bucket)],
                    commit_properties=commit_properties(),  # no fence value: it changes no row
                    writer_properties=WRITER,
                )
                return bool(done["numFilesAdded"])
        return True

    def _merge(self, handle: DeltaTable, change: Merge, properties: CommitProperties) -> bool:
        """Merge by an overwrite: delta-rs' MERGE also copies the bucket's files, and writes string views."""
        held = self._table.read([self._bucket], table=handle).collect()
        replaced = [*change.removed, *change.frame["author_id"]]
        kept = held.filter(~pl.col("author_id").is_in(replaced))
        if change.frame.is_empty() and kept.height == held.height:
            return False
        self._overwrite(handle, pl.concat([kept, self._conform(change.frame)]), properties)
        return True

    def _overwrite(self, handle: DeltaTable, frame: pl.DataFrame, properties: CommitProperties) -> None:
        write_deltalake(
            handle,
            plain(self._written(frame, handle)),
            mode="overwrite",
            schema_mode="merge",
            predicate=f"bucket = {_literal(self._bucket)}",
            commit_properties=properties,
            writer_properties=WRITER,
        )

    def _written(self, frame: pl.DataFrame, handle: DeltaTable) -> pl.DataFrame:
        """What is written of `frame`: without columns that the table gets only with a value, while they have none."""
        frame = self._conform(frame)
        late = WITH_A_VALUE.intersection(frame.columns)
        if late:
            late = late.difference(field.name for field in handle.schema().fields)
        return frame.drop(name for name in late if frame[name].null_count() == frame.height)

    def _conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame.select(pl.col(name).cast(dtype) for name, dtype in self._table.schema.items())


def _literal(text: str) -> str:
    """`text` quoted for a predicate."""
    return "'" + text.replace("'", "''") + "'"

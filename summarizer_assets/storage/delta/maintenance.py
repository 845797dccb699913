"""Table maintenance: compaction of small files, checkpoints, removal of expired log entries and unused files.

Counts alone decide what is worth doing. A compaction carries no fence value and yields to a busy writer; a vacuum keeps
files removed in the last seven days. Measured with deltalake 1.6: two compactions of the same files both commit, which
duplicates each row; a checkpoint forgets files removed more than seven days ago, so only a full vacuum, which lists the
folder, finds them; any commit removes expired log entries, back to a checkpoint.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field

import polars as pl
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector

from summarizer_assets.core.delta_log import FOLDER, checkpoints, version_of
from summarizer_assets.storage.delta.commits import WRITER, commit_properties
from summarizer_assets.storage.delta.durable import sync_commits
from summarizer_assets.storage.delta.protocol import require_writable
from summarizer_assets.storage.delta.store_errors import refusal
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import TableError

KEPT_HOURS = 7 * 24  # the period for which time travel is promised
TARGET_BYTES = 100 * 2**20  # files of this size or more are not compacted
# Each active file costs 15 µs per opening of the table, and copying costs 25 ms per MB. The sensor alone opens a table
# 2,880 times a day, so one file less pays for copying 8 MB within a week.
WORTH_BYTES = 8 * 2**20
_AT_ONCE = 16  # buckets in one commit
_TASKS = 2  # files written in parallel, 100 MB of memory each; delta-rs' default is the number of cores
_TRIES = 5  # attempts of a compaction that conflicts with writers; each failure means that one of them succeeded
_UNITS = {"hour": 1, "day": 24, "week": 168}


@dataclass(frozen=True)
class Files:
    """Small files of one bucket: their number and total bytes."""

    number: int
    bytes: int

    @property
    def worth_joining(self) -> bool:
        return self.number > 1 and (self.number - 1) * WORTH_BYTES >= self.bytes


@dataclass
class Maintained:
    """Statistics of a table before and after its maintenance."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    version_before: int = 0
    version_after: int = 0
    buckets_compacted: int = 0
    log_entries_removed: int = 0
    files_vacuumed: int = 0
    seconds: float = 0.0
    left: list[str] = field(default_factory=list)  # steps left out because of a busy writer, in words


def to_compact(files: Mapping[str, Files], busy: Collection[str]) -> list[str]:
    """The buckets worth compacting, without the `busy` ones: a run compacts its own bucket."""
    return sorted(bucket for bucket, small in files.items() if small.worth_joining and bucket not in busy)


def kept_hours(duration: str | None) -> int:
    """How many hours removed files are kept: the table's own property `duration`, but at least seven days.

    Raises:
        ValueError: `duration` is not an interval of hours, days or weeks.
    """
    if duration is None:
        return KEPT_HOURS
    match = re.fullmatch(r"(?:interval )?(\d+) (hour|day|week)s?", duration.strip().lower())
    if match is None:
        raise ValueError(f"delta.deletedFileRetentionDuration = {duration!r}; allowed: as in 'interval 7 days'")
    return max(KEPT_HOURS, int(match[1]) * _UNITS[match[2]])


@contextmanager
def _alone(_: str) -> Iterator[bool]:
    """The `compaction` lock of a table that nobody else compacts."""
    yield True


def maintain(
    table: BucketedTable,
    busy: Collection[str] = (),
    compaction: Callable[[str], AbstractContextManager[bool]] = _alone,
) -> Maintained | None:
    """Run the maintenance that `table` needs; return None if the table does not exist.

    Args:
        table: one of our tables.
        busy: buckets on which a run works.
        compaction: a lock on a bucket's compaction; yields whether it was obtained (`StateStore.compaction`).

    Raises:
        TableError: the store refused. A conflict with a busy writer is no error: see `Maintained.left`.
    """
    began = time.monotonic()
    handle = table.open()
    if handle is None:
        return None
    require_writable(table.uri, handle)
    done = Maintained(version_before=handle.version())
    done.files_before, done.bytes_before = _size(handle)
    try:
        entries = _entries(table)
        hours = kept_hours(handle.metadata().configuration.get("delta.deletedFileRetentionDuration"))
        if (
            table.buckets is not None
        ):  # an unpartitioned table is replaced as a whole, and a concurrent compaction would duplicate its rows
            _compact(table, to_compact(small_files(handle), busy), compaction, done)
        _vacuum(table, hours, done)
        _tidy_log(table, done)
        handle = _opened(table)
        sync_commits(table.uri, done.version_before, handle)
        made = handle.version() - done.version_before
        done.log_entries_removed = max(0, entries + made - _entries(table))
    except (DeltaError, OSError, ValueError) as error:
        refused = refusal(table.uri, table.options, "the table cannot be maintained", error)
        if refused is not None:
            raise refused from None
        raise TableError(
            f"{table.uri} cannot be maintained: {error}; its rows are as they were, run the job again once the "
            "cause is gone"
        ) from error
    done.files_after, done.bytes_after = _size(handle)
    done.version_after = handle.version()
    done.seconds = time.monotonic() - began
    return done


def small_files(handle: DeltaTable) -> dict[str, Files]:
    """The files below the target size, by bucket."""
    adds = pl.DataFrame(handle.get_add_actions(flatten=True))
    if adds.is_empty():
        return {}
    small = adds.filter(pl.col("size_bytes") < TARGET_BYTES).group_by(pl.col("partition.bucket").alias("bucket"))
    counts = small.agg(pl.len(), pl.col("size_bytes").sum())
    return {bucket: Files(number, size) for bucket, number, size in counts.iter_rows()}


def _compact(
    table: BucketedTable,
    buckets: Sequence[str],
    compaction: Callable[[str], AbstractContextManager[bool]],
    done: Maintained,
) -> None:
    for some in _in_parts(buckets, _AT_ONCE):
        with ExitStack() as held:
            ours = [bucket for bucket in some if held.enter_context(compaction(bucket))]
            done.left += [f"bucket {bucket} is compacted by its run" for bucket in some if bucket not in ours]
            if ours:
                _compact_some(table, _opened(table), ours, done)  # fresh: an older handle lists compacted files


def _compact_some(table: BucketedTable, handle: DeltaTable, buckets: Sequence[str], done: Maintained) -> DeltaTable:
    for _ in range(_TRIES):
        try:
            handle.optimize.compact(
                partition_filters=[("bucket", "in", list(buckets))],
                target_size=TARGET_BYTES,
                max_concurrent_tasks=_TASKS,
                commit_properties=commit_properties(),  # no fence value: it changes no row
                writer_properties=WRITER,
            )
        except CommitFailedError as error:
            conflict = str(error)
            handle = _opened(table)
        else:
            done.buckets_compacted += len(buckets)
            return handle
    if len(buckets) == 1:
        done.left.append(f"bucket {buckets[0]} was not compacted, its writer was busy: {conflict}")
        return handle
    for bucket in buckets:  # one by one, so that a bucket being written to does not hold up the others
        handle = _compact_some(table, handle, [bucket], done)
    return handle


def _vacuum(table: BucketedTable, hours: int, done: Maintained) -> None:
    handle = _opened(table)
    if not handle.vacuum(retention_hours=hours, dry_run=True, full=True):
        return  # an empty vacuum would still make two versions
    try:
        gone = handle.vacuum(retention_hours=hours, dry_run=False, full=True, commit_properties=commit_properties())
    except CommitFailedError as error:
        done.left.append(f"the vacuum was not recorded in the log, writers were busy: {error}")
    else:
        done.files_vacuumed = len(gone)


def _tidy_log(table: BucketedTable, done: Maintained) -> None:
    handle = _opened(table)
    if handle.version() not in checkpoints(_log_files(table)):
        handle.create_checkpoint()
    try:
        handle.cleanup_metadata()
    except FileNotFoundError as error:
        done.left.append(f"the log was cleaned by a writer at the same time: {error}")


def _entries(table: BucketedTable) -> int:
    return sum(version_of(name) is not None for name in _log_files(table))


def _log_files(table: BucketedTable) -> list[str]:
    """The names of the log's files, from one listing; `history()` would read each entry."""
    found = DeltaStorageHandler(table.uri, dict(table.options)).get_file_info_selector(FileSelector(FOLDER))
    return [file.base_name for file in found]


def _size(handle: DeltaTable) -> tuple[int, int]:
    """The number of active files and their total bytes."""
    adds = pl.DataFrame(handle.get_add_actions(flatten=True))
    return adds.height, 0 if adds.is_empty() else int(adds["size_bytes"].sum())


def _opened(table: BucketedTable) -> DeltaTable:
    handle = table.open()
    if handle is None:
        raise TableError(f"{table.uri} vanished while it was maintained")
    return handle


def _in_parts(buckets: Sequence[str], most: int) -> Iterator[Sequence[str]]:
    parts: Iterable[int] = range(0, len(buckets), most)
    return (buckets[start : start + most] for start in parts)

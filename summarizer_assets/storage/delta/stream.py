"""The stream of changes that an asset returns to the IO manager, which commits each as soon as it is produced."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from summarizer_assets.storage.delta.changes import Change
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.delta.writer import BucketWriter


def _no_guard() -> None:
    """The guard of a writer without a claim: the fence alone decides."""


def _nothing() -> None:
    """The `torn` of a stream that holds no resource."""


def _no_metadata() -> Mapping[str, Any]:
    return {}


def _as_planned() -> None:
    """The `ended` of a stream that cannot be stopped early."""


@dataclass(frozen=True)
class TableStream:
    """Changes of one table, in order. When the consumer requests the next change, the previous one is committed.

    `fence` returns a bucket's fence value in the snapshot from which the changes were made. `guard` raises if the right
    to write was lost. `metadata` is called once, after the last change. `interrupt` receives the number of a
    termination signal, and the stream then ends early but in order; if it is None, a signal aborts the stream. `ended`
    is called once, after the last commit, and raises if the stream was stopped early, so that nobody takes the table
    for complete. `torn` is called if the consumer fails, so that the producer releases its resources at once and not
    only when it is garbage-collected.
    """

    changes: Iterable[Change]
    fence: Callable[[str], int | None]
    guard: Callable[[], None] = _no_guard
    metadata: Callable[[], Mapping[str, Any]] = _no_metadata
    interrupt: Callable[[int], None] | None = None
    ended: Callable[[], None] = _as_planned
    torn: Callable[[], None] = _nothing


@dataclass(frozen=True)
class Written:
    commits: int
    rows: int


def persist(table: BucketedTable, stream: TableStream) -> Written:
    """Commit each change of `stream` as it is produced. Without changes the table is neither created nor opened."""
    writers: dict[str, BucketWriter] = {}
    try:
        for change in stream.changes:
            stream.guard()
            writer = writers.get(change.bucket)
            if writer is None:
                writer = writers[change.bucket] = table.writer(change.bucket, stream.fence(change.bucket))
            writer.apply(change)
    except BaseException:
        stream.torn()
        raise
    return Written(sum(w.commits for w in writers.values()), sum(w.rows for w in writers.values()))

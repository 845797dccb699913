"""What an asset hands to the IO manager: a stream of changes, committed one by one while it is still being made."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from summarizer_assets.storage.delta.changes import Change
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.delta.writer import BucketWriter


def _no_guard() -> None:
    """A writer that needs no claim: the fence alone decides."""


def _nothing() -> None:
    """Of a stream that holds nothing."""


def _no_metadata() -> Mapping[str, Any]:
    return {}


def _as_planned() -> None:
    """The end of a stream that cannot be stopped early."""


@dataclass(frozen=True)
class TableStream:
    """Changes of one table, in order.

    That the consumer asks for the next change tells the producer that the last one is committed. `fence` gives each
    bucket's fence value in the snapshot from which the changes were made; `guard` raises when the right to write was
    lost; `metadata` is asked for once, after the last change. `interrupt` is told of a signal to end (its number): the
    stream then ends early and in order; None: a signal tears it. `ended` is called once, after the last change is
    committed: it raises when the stream was stopped early, so that nobody takes the table for complete. `torn` is
    called when the consumer fails: whoever made the stream lets go of what it holds then, not when it is collected.
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
    """Commit each change of `stream` as it comes. Without changes the table is neither created nor opened."""
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

"""An ingest in a process of its own, with little imported, that can be made to die at a chosen point."""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.records import AUTHORS, REJECTED
from summarizer_assets.ingest import spill, stream
from summarizer_assets.sources.source import open_source
from summarizer_assets.storage.delta import writer
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.source_marks import IngestMarks

BUCKETS = 8
#: Whose which call is the last thing that the process does, or the first that it does not do.
POINTS: dict[str, tuple[Any, str, int, bool]] = {
    "amid the spilling": (spill.Spill, "_append", 3, True),
    "when all is put aside": (spill.Spill, "flush", 1, True),
    "before its first commit": (writer.BucketWriter, "_commit", 1, False),
    "after its first commit": (writer.BucketWriter, "_commit", 1, True),
    "before a commit is synced": (writer, "sync_commits", 2, False),
    "between its commits": (spill.Spill, "drop", 4, True),
    "before it notes what it read": (stream, "note_reading", 1, False),
    "after it noted what it read": (stream, "note_reading", 1, True),
    "before it removes what it put aside": (spill, "_remove", 1, False),
    "amid a removal": (os, "unlink", 2, False),
}


def tables_at(root: Path) -> tuple[BucketedTable, BucketedTable]:
    """Authors, and rows that can be none."""
    return (
        BucketedTable(str(root / "authors"), AUTHORS, BUCKETS),
        BucketedTable(str(root / "rejected_source_rows"), REJECTED, None),
    )


def ingest(root: Path, source: Path) -> None:
    table, rejected = tables_at(root)
    changes = stream.ingest_stream(
        open_source(str(source), {}),
        table=table,
        rejected=rejected,
        marks=IngestMarks(Database(str(root / "state.sqlite")), lambda: str(root)),
        selected=bucket_keys(BUCKETS),
        spill=root / "spill",
        listener=stream.Listener(lambda _: None, lambda *_: None, lambda _: None),
    )
    persist(table, changes)


def die_at(owner: Any, name: str, call: int, after: bool) -> None:
    """Have the process kill itself at a call of `owner.name`: before it, or when it has returned."""
    right: Callable[..., Any] = getattr(owner, name)
    calls: list[int] = []

    def deadly(*given: Any, **named: Any) -> Any:
        calls.append(1)
        last = len(calls) == call
        if last and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = right(*given, **named)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, deadly)


def main(root: str, source: str, point: str = "") -> None:
    if point:
        die_at(*POINTS[point])
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    ingest(Path(root), Path(source))
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main(*sys.argv[1:])

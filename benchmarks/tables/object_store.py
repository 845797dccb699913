"""Writers, a reader and the maintenance on one table in an S3 store: rows lost, rows twice, reads failed.

    python -m benchmarks.tables.object_store [--writers 4] [--commits 500] [--failing slow_down --every 50]

The store is moto's S3 server on loopback, in a process of its own, its puts one at a time: moto looks for an object and
writes it in two steps, which would lose commits by itself. Each writer is a process with a bucket of its own, as runs
have: four appends of 20 rows, then a merge that replaces ten rows, adds five and removes one, and so on; at its end it
compacts its bucket, unless the maintenance does at that moment. Beside them a process reads the whole table again and
again and looks for authors that are there twice, another one runs the maintenance. With `--failing`, each so many-th
request of all goes wrong (`testing.faulty_store`).

At the end, each row must be as its writer left it. Times are moto's more than anybody's. Prints a table, then JSON on
the last line; a broken promise ends it with status 1.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"writers": 1, "commits": 6})
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--commits", type=int, default=500, help="of all writers together")
    parser.add_argument("--failing", default="", help="what goes wrong: slow_down, internal, reset or lost")
    parser.add_argument("--every", type=int, default=50, help="each so many-th request")
    options = parser.parse_args()

from benchmarks.promises import conclude
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge
from summarizer_assets.storage.delta.maintenance import maintain
from summarizer_assets.storage.delta.object_store import require_put_if_absent
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.state import StateStore
from testing.object_store import client, fail, heard, object_store
from testing.table_rows import SCHEMA, rows

_ROOT = "s3://tables/root"
_APPENDED, _REPLACED, _ADDED = 20, 10, 5
_MERGE_EACH = 5
_READ_EACH_S, _MAINTAINED_EACH_S = 0.2, 2.0  # the pause after each
_PATIENCE_S = 3600.0

Row = tuple[str, str, str]  # bucket, author, summary


def changes(bucket: str, commits: int) -> Iterator[tuple[Change, set[Row]]]:
    """What a writer does, and what its bucket must hold after each change."""
    held: dict[str, str] = {}
    for number in range(commits):
        said = f"change {number}"
        new = [f"{bucket}-{number}-{author}" for author in range(_APPENDED)]
        if number % _MERGE_EACH < _MERGE_EACH - 1:
            change: Change = Append(bucket, rows(bucket, new, said))
            put = new
        else:
            gone, *older = list(held)[-1 - _REPLACED :]
            put = [*older, *new[:_ADDED]]
            change = Merge(bucket, rows(bucket, put, said), frozenset({gone}))
            del held[gone]
        held |= dict.fromkeys(put, said)
        yield change, {(bucket, author, summary) for author, summary in held.items()}


def run(*, writers: int, commits: int, failing: str = "", every: int = 1) -> dict[str, Any]:
    """`commits` in all. Rows that are not as they must be, and what everybody was told."""
    spawn = multiprocessing.get_context("spawn")
    each = [commits // writers + (number < commits % writers) for number in range(writers)]
    expected: set[Row] = set()
    for number, share in enumerate(each):
        *_, (_, last) = changes(f"{number:04}", share)
        expected |= last
    with object_store() as options, tempfile.TemporaryDirectory() as folder:
        client(options).create_bucket(Bucket="tables")
        table = _table(options, writers)
        table.ensure()
        fail(options, failing, every=every)
        told: Queue[dict[str, Any]] = spawn.Queue()
        done = spawn.Event()
        beside = [
            spawn.Process(target=target, args=(options, writers, folder, done, told))
            for target in (_read, _keep_maintained)
        ]
        working = [
            spawn.Process(target=_write, args=(options, writers, folder, f"{number:04}", share, told))
            for number, share in enumerate(each)
        ]
        began = time.monotonic()
        for process in (*beside, *working):
            process.start()
        said = [told.get(timeout=_PATIENCE_S) for _ in working]
        seconds = time.monotonic() - began
        done.set()
        said += [told.get(timeout=_PATIENCE_S) for _ in beside]
        for process in (*beside, *working):
            process.join()
        failed = heard(options)["failed"]
        fail(options)
        found: list[Row] = table.read().select("bucket", "author_id", "summary").collect().rows()
    took = sorted(second for one in said for second in one.get("took", ()))
    return {
        "writers": writers,
        "commits": sum(len(one.get("took", ())) for one in said),
        "seconds": round(seconds, 1),
        "commit_median_ms": round(statistics.median(took) * 1e3) if took else None,
        "commit_most_ms": round(took[-1] * 1e3) if took else None,
        "preflight_median_ms": round(statistics.median(one["asked"] for one in said if "asked" in one) * 1e3),
        "requests_failed": failed,
        "rows": len(found),
        "rows_lost": len(expected - set(found)),
        "rows_too_many": len(set(found) - expected),
        "rows_twice": len(found) - len({author for _, author, _ in found}),
        "reads": sum(one.get("reads", 0) for one in said),
        "reads_with_a_row_twice": sum(one.get("twice", 0) for one in said),
        "maintained": sum(one.get("maintained", 0) for one in said),
        "buckets_compacted": sum(one.get("compacted", 0) for one in said),
        "errors": [error for one in said for error in one["errors"]],
    }


def broken_promises(found: dict[str, Any], commits: int) -> list[str]:
    never = ("rows_lost", "rows_too_many", "rows_twice", "reads_with_a_row_twice")
    broken = [f"{name} = {found[name]}" for name in never if found[name]]
    broken += [f"only {found['commits']} of {commits} commits"] if found["commits"] != commits else []
    return [*broken, *found["errors"]]


def _table(options: dict[str, str], buckets: int) -> BucketedTable:
    return BucketedTable(f"{_ROOT}/table", SCHEMA, buckets, options)


def _state(folder: str) -> StateStore:
    return StateStore(Database(f"{folder}/state.sqlite"), _ROOT)


def _write(
    options: dict[str, str], buckets: int, folder: str, bucket: str, commits: int, told: "Queue[dict[str, Any]]"
) -> None:
    said: dict[str, Any] = {"took": [], "errors": []}
    state = _state(folder)
    began = time.monotonic()
    try:
        require_put_if_absent(_ROOT, options)
        said["asked"] = time.monotonic() - began
        writer = _table(options, buckets).writer(bucket, None)
        for change, _ in changes(bucket, commits):
            began = time.monotonic()
            writer.apply(change)
            said["took"].append(time.monotonic() - began)
        with state.compaction(bucket, f"writer {bucket}") as ours:  # as each run does at its end
            if ours:
                writer.apply(Compact(bucket))
    except StorageError as error:
        said["errors"].append(f"writer {bucket}: {error}")
    told.put(said)


def _read(options: dict[str, str], buckets: int, _: str, done: Event, told: "Queue[dict[str, Any]]") -> None:
    said: dict[str, Any] = {"reads": 0, "twice": 0, "errors": []}
    table = _table(options, buckets)
    while not done.wait(_READ_EACH_S):
        try:
            authors = table.read().select("author_id").collect()["author_id"]
        except Exception as error:  # noqa: BLE001 - of three libraries; each is one promise broken
            said["errors"].append(f"reader: {type(error).__name__}: {error}")
        else:
            said["reads"] += 1
            said["twice"] += int(not authors.is_unique().all())
    told.put(said)


def _keep_maintained(
    options: dict[str, str], buckets: int, folder: str, done: Event, told: "Queue[dict[str, Any]]"
) -> None:
    said: dict[str, Any] = {"maintained": 0, "compacted": 0, "errors": []}
    alone = partial(_state(folder).compaction, run_id="maintenance")
    while not done.wait(_MAINTAINED_EACH_S):
        try:
            maintained = maintain(_table(options, buckets), (), alone)
        except StorageError as error:
            said["errors"].append(f"maintenance: {error}")
        else:
            said["maintained"] += 1
            said["compacted"] += 0 if maintained is None else maintained.buckets_compacted
    told.put(said)


def main(options: argparse.Namespace) -> int:
    found = run(writers=options.writers, commits=options.commits, failing=options.failing, every=options.every)
    for name, value in found.items():
        shown = len(value) if isinstance(value, list) else value
        print(f"{name.replace('_', ' '):28}{shown!s:>10}")
    print()
    return conclude("object_store", found, broken_promises(found, options.commits))


if __name__ == "__main__":
    sys.exit(main(options))

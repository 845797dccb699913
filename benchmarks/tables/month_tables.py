"""Tables that live through days of changes, and what using them costs then: a phase of `benchmarks.tables.month`.

    python -m benchmarks.tables.month_tables first|days|facts OUT

Delta alone: rows are synthetic, nobody is asked, the changes go through the same writers as those of runs. Time passes
by making everything there a day older (see `a_day_passes`); nothing else is simulated.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="tables.month")
    parser.add_argument("phase")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.tables.month_rows import Rows
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.records import AUTHORS, FAILURES, SUMMARIES
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.maintenance import maintain
from summarizer_assets.storage.delta.stream import TableStream, persist
from summarizer_assets.storage.delta.table import BucketedTable

_DAY_S = 24 * 3600
_TOGETHER = 5  # measurements whose mean is told
_FAILING = 0.003  # share of the changed authors whose answer fails


@dataclass(frozen=True)
class Tables:
    authors: BucketedTable
    summaries: BucketedTable
    failures: BucketedTable

    def all(self) -> list[BucketedTable]:
        return [self.authors, self.summaries, self.failures]


def tables_of(folder: Path, buckets: int) -> Tables:
    schemas = {"authors": AUTHORS, "author_summaries": SUMMARIES, "failed_authors": FAILURES}
    return Tables(*(BucketedTable(str(folder / name), schema, buckets) for name, schema in schemas.items()))


def ids_of(bucket: str, authors: int, buckets: int) -> list[str]:
    return [f"{bucket}{number:07d}" for number in range(authors // buckets)]


def write(table: BucketedTable, changes: Iterator[Change] | Sequence[Change]) -> None:
    snapshot = table.open()
    persist(table, TableStream(changes, lambda bucket: table.fence(bucket, snapshot)))


def first(folder: Path, authors: int, buckets: int) -> None:
    """The initial job: one ingest of all buckets, then a run a bucket."""
    tables, rows = tables_of(folder, buckets), Rows(0)
    keys = {key: ids_of(key, authors, buckets) for key in bucket_keys(buckets)}
    write(tables.authors, (Overwrite(key, rows.authors(key, ids)) for key, ids in keys.items()))
    for key, ids in keys.items():
        parts = [ids[start : start + 8000] for start in range(0, len(ids), 8000)]
        appends = [Append(key, rows.summaries(key, part, f"run-{key}")) for part in parts]
        write(tables.summaries, [*appends, Compact(key)])
        if rows.random.random() < 0.5:
            write(tables.failures, [Overwrite(key, rows.failures(key, ids[:1], f"run-{key}"))])


def a_day(tables: Tables, rows: Rows, day: int, share: float, authors: int, buckets: int) -> None:
    """A share of the authors, spread over all buckets, changed in the source: the ingest, then a run a bucket."""
    changed = {
        key: [author for author in ids_of(key, authors, buckets) if rows.random.random() < share]
        for key in bucket_keys(buckets)
    }
    changed = {key: ids for key, ids in changed.items() if ids}
    snapshot = tables.authors.open()

    def rewritten() -> Iterator[Change]:
        for key, ids in changed.items():
            kept = tables.authors.read([key], table=snapshot).filter(~pl.col("author_id").is_in(ids)).collect()
            yield Overwrite(key, pl.concat([kept, rows.authors(key, ids)]).sort("author_id"))

    write(tables.authors, rewritten())
    for key, ids in changed.items():
        run = f"run-{key}-{day}"
        failing = [author for author in ids if rows.random.random() < _FAILING]
        answered = sorted(set(ids) - set(failing))
        change = Merge(key, rows.summaries(key, answered, run), frozenset(failing))
        write(tables.summaries, [change, Compact(key)])
        if failing:
            write(tables.failures, [Overwrite(key, rows.failures(key, failing, run))])


def a_day_passes(table: BucketedTable, days: int = 1) -> None:
    """Make the table older: the times of all its files, and of each removal that its newest state knows.

    delta-rs goes by these alone: log entries and files that no version names expire by the file's time, replaced files
    by the time of their removal, which stands in the newest checkpoint and in the log entries after it.
    """
    root = Path(table.uri)
    if not root.exists():
        return
    times = {file: file.stat().st_mtime - days * _DAY_S for file in root.rglob("*") if file.is_file()}
    log = root / "_delta_log"
    checkpoints = sorted(log.glob("*.checkpoint.parquet"))
    since = _version(checkpoints[-1]) if checkpoints else -1
    if checkpoints:
        _age_checkpoint(checkpoints[-1], days)
    for entry in log.glob("*.json"):
        if _version(entry) > since:
            _age_entry(entry, days)
    for file, moment in times.items():
        os.utime(file, (moment, moment))


def _version(file: Path) -> int:
    return int(file.name.partition(".")[0])


def _age_entry(entry: Path, days: int) -> None:
    actions = [json.loads(line) for line in entry.read_text().splitlines()]
    removals = [action["remove"] for action in actions if "remove" in action]
    for removal in removals:
        removal["deletionTimestamp"] -= days * _DAY_S * 1000
    if removals:
        entry.write_text("\n".join(map(json.dumps, actions)))


def _age_checkpoint(file: Path, days: int) -> None:
    state = pq.read_table(file)
    kind = state.schema.field("remove").type
    removals = state.column("remove").to_pylist()
    for removal in removals:
        if removal is not None:
            removal["deletionTimestamp"] -= days * _DAY_S * 1000
    aged = state.set_column(state.schema.get_field_index("remove"), "remove", pa.array(removals, kind))
    pq.write_table(aged, file)


def days(folder: Path, options: dict[str, Any]) -> dict[str, Any]:
    """Live through the days; what the nights of maintenance took."""
    tables, rows = tables_of(folder, options["buckets"]), Rows(1)
    nights, cpu = list[float](), list[float]()
    for day in range(1, options["days"] + 1):
        began = time.process_time()
        a_day(tables, rows, day, options["share"], options["authors"], options["buckets"])
        cpu.append(time.process_time() - began)
        for table in tables.all():
            a_day_passes(table)
        if options["maintained"]:
            began = time.process_time()
            left = [word for table in tables.all() if (done := maintain(table)) for word in done.left]
            nights.append(time.process_time() - began)
            assert not left
        print(f"day {day}: {cpu[-1]:.0f} s CPU, night {sum(nights[-1:]):.1f}", file=sys.stderr, flush=True)
    third = max(1, len(cpu) // 3)
    found = {"day_s": sum(cpu) / len(cpu), "first_s": sum(cpu[:third]) / third, "last_s": sum(cpu[-third:]) / third}
    if nights:
        found |= {"night_s": sum(nights) / len(nights), "last_night_s": nights[-1]}
    return found


def facts(folder: Path, buckets: int) -> dict[str, Any]:
    tables, rows = tables_of(folder, buckets), Rows(2)
    found: dict[str, Any] = {Path(table.uri).name: _facts(table) for table in tables.all()}
    key = bucket_keys(buckets)[buckets // 2]

    def append() -> None:
        table = tables.summaries
        table.writer(key, table.fence(key, table.open())).apply(Append(key, rows.summaries(key, ["new"], "run")))

    found["append_ms"] = _cpu_ms(append)  # last: it changes what was measured before
    return found


def _facts(table: BucketedTable) -> dict[str, Any]:
    handle = table.open()
    assert handle is not None
    key = bucket_keys(table.buckets or 1)[(table.buckets or 1) // 2]
    adds = pl.DataFrame(handle.get_add_actions(flatten=True))
    root = Path(table.uri)
    log = [file.stat().st_size for file in (root / "_delta_log").iterdir()]
    return {
        "rows": int(adds["num_records"].sum()),
        "version": handle.version(),
        "files": adds.height,
        "active_mb": float(adds["size_bytes"].sum()) / 1e6,
        "disk_mb": sum(file.stat().st_size for file in root.rglob("*.zstd.parquet")) / 1e6,
        "log_files": len(log),
        "log_mb": sum(log) / 1e6,
        "open_ms": _cpu_ms(table.open),
        "read_ms": _cpu_ms(lambda: table.read([key]).collect()),
    }


def _cpu_ms(work: Callable[[], object]) -> float:
    work()  # what is done once a process is not counted
    began = time.process_time()
    for _ in range(_TOGETHER):
        work()
    return (time.process_time() - began) / _TOGETHER * 1000


def main(phase: str, out: Path) -> None:
    options = json.loads(os.environ["MONTH"])
    folder = Path(options["folder"])
    found: dict[str, Any] = {}
    if phase == "first":
        first(folder, options["authors"], options["buckets"])
        for table in tables_of(folder, options["buckets"]).all():
            a_day_passes(table, options["before"])
    elif phase == "days":
        found = days(folder, options)
    else:
        found = facts(folder, options["buckets"])
    out.write_text(json.dumps(found))


if __name__ == "__main__":
    main(options.phase, options.out)

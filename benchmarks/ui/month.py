"""A month of daily runs in a Dagster instance on SQLite, copied row by row from the runs of one real day.

What a real day left is taken out of the three databases and put in again, oldest day first, once for each bucket and
day: with run ids, backfill ids, bucket and times of its own, and the storage ids in the order of time, by which Dagster
finds what is newest. Run by run, the file of its events and its captured logs are copied too.
"""

import re
import shutil
import sqlite3
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

_EPOCH = re.compile(r"\b1[7-9]\d{8}\.\d+\b")  # seconds in JSON, of the years 2023 to 2033
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?")
_DAY_S = 86_400.0

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Day:
    """What one real day left: the run of `authors` over all buckets, one run of summaries, and their backfills."""

    ingest: str
    summaries: str
    bucket: str
    backfills: Mapping[str, str]  # by run


@dataclass(frozen=True)
class Other:
    """What a copy has of its own: names, wherever they stand or only as a whole value, and the time."""

    names: Mapping[str, str]
    shift_s: float
    whole: Mapping[str, str] = field(default_factory=dict)

    def row(self, row: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._value(value) for name, value in row.items()}

    def _value(self, value: Any) -> Any:  # noqa: ANN401 - what SQLite holds
        return copied(self.whole.get(value, value) if isinstance(value, str) else value, self.names, self.shift_s)


def copied(value: Any, renamed: Mapping[str, str], shift_s: float) -> Any:  # noqa: ANN401 - what SQLite holds
    """`value` under other names and at another time."""
    if isinstance(value, float) and value > 1e9:
        return value + shift_s
    if not isinstance(value, str):
        return value
    if _MOMENT.fullmatch(value):
        return str(datetime.fromisoformat(value) + timedelta(seconds=shift_s))
    for old, new in renamed.items():
        value = value.replace(old, new)
    return _EPOCH.sub(lambda found: f"{float(found[0]) + shift_s:.6f}", value)


class Table:
    """One table of a database, read and written by rows as dictionaries."""

    def __init__(self, connection: sqlite3.Connection, name: str) -> None:
        self._connection = connection
        self._name = name

    def rows(self, where: str = "1", *values: object) -> Rows:
        found = self._connection.execute(f"SELECT * FROM {self._name} WHERE {where}", values)
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found]

    def delete(self, where: str, *values: object) -> None:
        self._connection.execute(f"DELETE FROM {self._name} WHERE {where}", values)

    def add(self, row: Mapping[str, Any]) -> int:
        """Add a row under a storage id of its own; returns that."""
        names = [name for name in row if name != "id"]
        marks = ", ".join("?" for _ in names)
        columns = ", ".join(f'"{name}"' for name in names)
        done = self._connection.execute(
            f"INSERT INTO {self._name} ({columns}) VALUES ({marks})", [row[name] for name in names]
        )
        return int(done.lastrowid or 0)


class _Template:
    """All rows of one real run, in the databases of runs and of events."""

    def __init__(self, home: Path, runs: sqlite3.Connection, events: sqlite3.Connection, run_id: str) -> None:
        self.run_id = run_id
        self._folder = home
        self._runs, self._run_tags = Table(runs, "runs"), Table(runs, "run_tags")
        self._events, self._event_tags = Table(events, "event_logs"), Table(events, "asset_event_tags")
        self._of_runs, self._of_tags = self._taken(self._runs), self._taken(self._run_tags)
        self._of_events = self._taken(self._events)
        ids = ",".join(str(row["id"]) for row in self._of_events)
        self._of_event_tags: dict[int, Rows] = {}
        for row in self._event_tags.rows(f"event_id IN ({ids})"):
            self._of_event_tags.setdefault(row["event_id"], []).append(row)
        self._event_tags.delete(f"event_id IN ({ids})")
        self._file = home / "history/runs" / f"{run_id}.db"
        self._memory = _in_memory(self._file)
        self._shard = Table(self._memory, "event_logs").rows()

    def _taken(self, table: Table) -> Rows:
        rows = table.rows("run_id = ?", self.run_id)
        table.delete("run_id = ?", self.run_id)
        return rows

    def copy(self, other: Other) -> dict[str, int]:
        """The run once more; returns the storage ids of its materialisations by asset key."""
        for table, rows in ((self._runs, self._of_runs), (self._run_tags, self._of_tags)):
            for row in rows:
                table.add(other.row(row))
        newest = {}
        for row in self._of_events:
            event = self._events.add(other.row(row))
            if row["dagster_event_type"] == "ASSET_MATERIALIZATION":
                newest[row["asset_key"]] = event
            for tag in self._of_event_tags.get(row["id"], []):
                self._event_tags.add({**other.row(tag), "event_id": event})
        self._copy_files(other.names[self.run_id], [other.row(row) for row in self._shard])
        return newest

    def _copy_files(self, run_id: str, events: Iterable[Mapping[str, Any]]) -> None:
        columns = "run_id = :run_id, event = :event, timestamp = :timestamp, partition = :partition"
        self._memory.executemany(f"UPDATE event_logs SET {columns} WHERE id = :id", list(events))
        self._memory.commit()
        self._file.with_name(f"{run_id}.db").write_bytes(self._memory.serialize())
        logs = self._folder / "storage" / self.run_id
        if logs.exists():
            shutil.copytree(logs, self._folder / "storage" / run_id)

    def remove_files(self) -> None:
        self._memory.close()
        self._file.unlink()
        shutil.rmtree(self._folder / "storage" / self.run_id, ignore_errors=True)


def _in_memory(file: Path) -> sqlite3.Connection:
    """A copy of a database in memory: changed and written out as a whole, a hundred times as fast as on the disk."""
    with closing(sqlite3.connect(file)) as there:
        there.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = bytearray(file.read_bytes())
    content[18:20] = b"\1\1"  # no write-ahead log, which memory has not; Dagster turns it on when it opens the file
    copy = sqlite3.connect(":memory:")
    copy.deserialize(bytes(content))
    return copy


def fill(home: Path, day: Day, buckets: Sequence[str], days: int) -> float:
    """Make `days` days of the one day in `home`; returns how many seconds that took."""
    began = time.monotonic()
    with (
        closing(sqlite3.connect(home / "history/runs.db")) as runs,
        closing(sqlite3.connect(home / "history/runs/index.db")) as events,
    ):
        for connection in (runs, events):
            connection.execute("PRAGMA foreign_keys = OFF")
        ingest = _Template(home, runs, events, day.ingest)
        summaries = _Template(home, runs, events, day.summaries)
        actions = Table(runs, "bulk_actions")
        of_actions = [actions.rows("key = ?", key)[0] for key in day.backfills.values()]
        for row in of_actions:
            actions.delete("id = ?", row["id"])
        everything = {f'["{day.bucket}"]': f"[{_quoted(buckets)}]"}
        newest: dict[str, tuple[str, int]] = {}
        for ago in reversed(range(days)):
            shift_s = -ago * _DAY_S
            backfills = {key: uuid.uuid4().hex[:8] for key in day.backfills.values()}
            for row in of_actions:
                actions.add(Other({**backfills, **everything}, shift_s).row(row))
            for template, bucket in [(ingest, None), *((summaries, bucket) for bucket in buckets)]:
                run_id = str(uuid.uuid4())
                names = {**backfills, template.run_id: run_id}
                whole = {}
                if bucket is not None:
                    names[f'"{day.bucket}"'] = f'"{bucket}"'
                    whole[day.bucket] = bucket
                for asset, event in template.copy(Other(names, shift_s, whole)).items():
                    newest[asset] = (run_id, event)
            runs.commit()
            events.commit()
        _tell_newest(events, newest, {day.ingest, day.summaries})
        runs.commit()
        events.commit()
    ingest.remove_files()
    summaries.remove_files()
    return time.monotonic() - began


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _tell_newest(events: sqlite3.Connection, newest: Mapping[str, tuple[str, int]], gone: set[str]) -> None:
    """The table of assets names each one's newest run and event; what was counted for the UI is to be counted anew."""
    for row in Table(events, "asset_keys").rows():
        if row["asset_key"] not in newest:
            continue
        run_id, event = newest[row["asset_key"]]
        told = row["last_materialization"]
        for old in gone:
            told = told.replace(old, run_id)
        told = re.sub(r'"storage_id": \d+', f'"storage_id": {event}', told)
        events.execute(
            "UPDATE asset_keys SET last_materialization = ?, last_run_id = ?, cached_status_data = NULL WHERE id = ?",
            (told, run_id, row["id"]),
        )


def fill_ticks(home: Path, sensor: str, interval_s: float, days: float) -> int:
    """The ticks of `sensor` before its first one, each as that; returns how many. Their logs are copied with them."""
    with closing(sqlite3.connect(home / "schedules/schedules.db")) as schedules, schedules:
        ticks = Table(schedules, "job_ticks")
        first = min(ticks.rows("tick_body LIKE ?", f'%"job_name": "{sensor}"%'), key=lambda row: row["timestamp"])
        count = int(days * _DAY_S / interval_s)
        logs = home / "storage/__repository__" / sensor
        log = next(iter(sorted(logs.glob("*.err"))), None)
        for ago in range(count, 0, -1):
            number = f"before-{ago}"
            row = Other({}, -ago * interval_s).row(first)
            row["tick_body"] = re.sub(rf'("{sensor}", )"\d+"\]', rf'\1"{number}"]', row["tick_body"])
            ticks.add(row)
            if log is not None:
                shutil.copyfile(log, logs / f"{number}.err")
        return count

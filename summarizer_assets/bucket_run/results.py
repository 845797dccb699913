"""Outcomes of one bucket's run: written to the journal as they come, collected as columns, taken as frames.

The event loop's thread puts outcomes in, the step's thread takes batches out and commits them.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from itertools import compress
from pathlib import Path
from typing import Any

import polars as pl

from summarizer_assets.bucket_run.journal_records import (
    ANSWERS,
    FAILED,
    FORGIVEN,
    OWN,
    SHARED,
    RecordBuilder,
    RunFacts,
    Todo,
)
from summarizer_assets.bucket_run.tally import Tally
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.outcome import Answer, Failed
from summarizer_assets.core.records import SUMMARIES, FailureReason
from summarizer_assets.storage.journal import Journal, drop

_HASH = OWN.index("content_hash")
_REASONS = frozenset(map(str, FailureReason))  # `in FailureReason` takes no text before Python 3.12


@dataclass(frozen=True)
class Batch:
    """Rows to commit, and the journal segments that may be dropped once they are."""

    frame: pl.DataFrame
    segments: list[Path]

    def committed(self) -> None:
        drop(self.segments)


class _Columns:
    """Summaries as columns.

    What the answers of a request share is held once a request, and flags, mostly none, once for each combination:
    a list a column for all of it costs nine times as much.
    """

    def __init__(self) -> None:
        self._own: list[list[Any]] = [[] for _ in OWN]
        self._counts: list[int] = []
        self._shared: list[Mapping[str, Any]] = []

    def __len__(self) -> int:
        return len(self._own[0])

    def add(self, record: Mapping[str, Any]) -> None:
        rows = record["rows"]
        for column, values in zip(self._own, zip(*rows, strict=True), strict=True):
            column.extend(values)
        self._counts.append(len(rows))
        self._shared.append(record["shared"])

    def frame(self) -> pl.DataFrame:
        own = [
            _flag_lists(values) if name == "flags" else pl.Series(name, values, dtype=SUMMARIES[name])
            for name, values in zip(OWN, self._own, strict=True)
        ]
        counts = pl.Series(self._counts, dtype=pl.UInt32)
        shared = pl.DataFrame(self._shared, schema=_SHARED).select(pl.all().repeat_by(counts).explode())
        return pl.DataFrame(own).hstack(shared).select(SUMMARIES.names())


class _Rows:
    """Summaries waiting for a commit, with the journal in which they are."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self._columns = _Columns()

    def __len__(self) -> int:
        return len(self._columns)

    def add(self, record: Mapping[str, Any]) -> None:
        self._columns.add(record)

    def take(self) -> Callable[[], Batch]:
        """What waits now, and nothing waits any more. The batch is made by the call of what is returned: that takes
        long, and a disk's sync longer, while whoever adds rows must not wait.
        """
        columns, self._columns, segment = self._columns, _Columns(), self.journal.cut()
        return lambda: Batch(segments=[segment.seal()] if segment else [], frame=columns.frame())


_SHARED = pl.Schema({name: SUMMARIES[name] for name in SHARED})


def _flag_lists(values: Sequence[Sequence[str]]) -> pl.Series:
    keys = list(map(tuple, values))
    codes = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    places = [codes[key] for key in keys]
    return pl.Series("flags", [list(key) for key in codes], dtype=SUMMARIES["flags"]).gather(places)


class Outcomes:
    """Takes what a route reports and gives it to the table writer in batches.

    When `answered`, `failed` or `forgiven` returns, what it was told outlives the process.
    """

    def __init__(self, todo: Todo, facts: RunFacts, journal_folder: Path, journal_fsync_s: float) -> None:
        self.tally = Tally(todo)
        self._todo = todo
        self._facts = facts
        self._builder = RecordBuilder(todo, facts)
        self._changed = threading.Condition()
        self._first = _Rows(Journal(journal_folder, f"{facts.run_id}-first", journal_fsync_s))
        self._replacing = _Rows(Journal(journal_folder, f"{facts.run_id}-again", journal_fsync_s))
        self._failure_journal = Journal(journal_folder, f"{facts.run_id}-failed", journal_fsync_s)
        self._ready_rows = 0
        self._reporting = 1  # those who may still report
        self._taken_at = time.monotonic()

    # The route's side.

    def answered(self, answer: Answer) -> None:
        self.take(self._builder.answers(answer), answer.positions)

    def take(self, record: Mapping[str, Any], positions: Sequence[int]) -> None:
        """Answers for the authors at `positions`, as `RecordBuilder.answers` makes them."""
        has_summary = [self._todo.has_summary[position] for position in positions]
        for rows, replaces in ((self._first, False), (self._replacing, True)):
            mine = list(compress(record["rows"], [old is replaces for old in has_summary]))
            if mine:
                part = {**record, "replaces": replaces, "rows": mine}
                with self._changed:  # both under the lock: a segment is sealed with just the rows that it holds
                    rows.journal.write([part])
                    self._add(rows, part)

    def failed(self, failures: Sequence[Failed]) -> None:
        rows = [self._builder.failure(failure) for failure in failures if self.tally.is_open(failure.position)]
        with self._changed:
            self._failure_journal.write([{"kind": FAILED, "rows": rows}])
            self.tally.fail(rows)

    def for_second(self) -> list[int]:
        """Positions of the authors whom a second model is to be asked about: failed in this run, or in a dead one."""
        with self._changed:
            return self.tally.for_second()

    def failed_too(self, failures: Sequence[Failed], second_model: str) -> None:
        """The second model failed these authors, too."""
        with self._changed:
            known = [(failure, self.tally.failure_of(failure.position)) for failure in failures]
            rows = [self._builder.failed_too(row, failure, second_model) for failure, row in known if row is not None]
            self._failure_journal.write([{"kind": FAILED, "rows": rows}])
            self.tally.fail(rows)

    def forgiven(self, failures: Sequence[Failed]) -> None:
        """They failed in this run, and are not the cause: as if they had not been asked."""
        with self._changed:
            forgiven = self.tally.forgive(failures)
            self._failure_journal.write([{"kind": FORGIVEN, "run_id": self._facts.run_id, "rows": forgiven}])

    def await_another(self) -> None:
        """One more than until now will call `finish`."""
        with self._changed:
            self._reporting += 1

    def finish(self) -> None:
        """No more outcomes will come from the caller."""
        with self._changed:
            self._reporting -= 1
            self._changed.notify()

    # The step's side.

    def replay(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Take what a dead run left behind; what does not answer an author's current content is left out."""
        for record in records:
            if record["kind"] == ANSWERS:
                shared = {**record["shared"], "summarized_at": _time(record["shared"]["summarized_at"])}
                for row in record["rows"]:
                    position = self.tally.asking(row[0], row[_HASH])
                    if position is not None:
                        rows = self._replacing if self._todo.has_summary[position] else self._first
                        self._add(rows, {"rows": [row], "shared": shared})
        forgiven = {
            (record["run_id"], author) for record in records if record["kind"] == FORGIVEN for author in record["rows"]
        }
        failed = [row for record in records if record["kind"] == FAILED for row in record["rows"]]
        failed.sort(key=lambda row: row.get("second_model") is None)  # what both models failed comes first, and stays
        for row in failed:
            if (row["run_id"], row["author_id"]) not in forgiven and self._is_current_failure(row):
                self.tally.fail([_with_times(row)])

    def open_positions(self) -> list[int]:
        """Positions of the authors without an outcome yet."""
        with self._changed:  # the other side takes authors out meanwhile
            return self.tally.open_positions

    def wait(self, rows: int, seconds: float, tick_s: float) -> bool:
        """Wait at most `tick_s`; True when `rows` first answers wait, or any for `seconds`, or when all is done."""
        with self._changed:
            self._ready_rows = rows
            self._changed.wait_for(lambda: self.finished or len(self._first) >= rows, tick_s)
            late = time.monotonic() - self._taken_at >= seconds
            return self.finished or len(self._first) >= rows or (late and bool(len(self._first)))

    @property
    def finished(self) -> bool:
        return not self._reporting

    def take_first(self) -> Batch:
        with self._changed:
            self._taken_at = time.monotonic()
            batch = self._first.take()
        return batch()

    def replacing(self) -> int:
        return len(self._replacing)

    def take_replacing(self) -> Batch:
        with self._changed:
            batch = self._replacing.take()
        return batch()

    def failures(self) -> Batch:
        """All failures of the run so far; their journal segment goes once they are in the table."""
        with self._changed:
            segment = self._failure_journal.cut()
            failures = self.tally.failures()
        return Batch(failures, [segment.seal()] if segment else [])

    def close(self) -> None:
        with ExitStack() as journals:
            for journal in (self._first.journal, self._replacing.journal, self._failure_journal):
                journals.callback(journal.close)

    def _add(self, rows: _Rows, record: Mapping[str, Any]) -> None:
        rows.add(record)
        self.tally.answer(record["rows"])
        if len(self._first) >= self._ready_rows > 0:
            self._changed.notify()

    def _is_current_failure(self, row: Mapping[str, Any]) -> bool:
        """Of this very question, and not in the table yet (the table counts the attempt already then)."""
        position = self.tally.asking(row["author_id"], row["content_hash"])
        return (
            position is not None
            and Identity(row["prompt_version"], row["model"]) == self._facts.identity
            and row["attempts"] > self._todo.attempts[position]
            and row["reason"] in _REASONS
        )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _with_times(row: dict[str, Any]) -> dict[str, Any]:
    times = ("first_failed_at", "last_failed_at", "next_retry_at")
    return {**row, **{name: None if row[name] is None else _time(row[name]) for name in times}}

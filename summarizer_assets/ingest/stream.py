"""The ingest as a stream of table changes for the IO manager, with its counts as metadata."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.ingest_loss import Loss, Shares
from summarizer_assets.core.progress import IngestProgress
from summarizer_assets.ingest.counts import IngestCounts
from summarizer_assets.ingest.guard import Permission, judge
from summarizer_assets.ingest.ingest import Guard, ingest
from summarizer_assets.ingest.plan import note_reading, plan_reading
from summarizer_assets.sources.chunk import Chunk
from summarizer_assets.sources.source import Source
from summarizer_assets.storage.delta.changes import Change, Overwrite
from summarizer_assets.storage.delta.guards import reading as reading_rows
from summarizer_assets.storage.delta.stream import TableStream
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.source_marks import IngestMarks


@dataclass(frozen=True)
class Listener:
    """Callbacks. `log`: a message about the source. `describe`: the metadata of each bucket, at the end.

    `report`: the progress, every few seconds, from the reading thread.
    """

    log: Callable[[str], None]
    describe: Callable[[str, Mapping[str, Any]], None]
    report: Callable[[IngestProgress], None]


@dataclass(frozen=True)
class OtherTables:
    """The tables of results. `kept`: rows of authors who left the source are kept."""

    summaries: BucketedTable
    failures: BucketedTable
    kept: bool = False


#: Keys of the commit metadata in the log of `authors`: the ingest, the number of authors it removed, and (see
#: `version_note`) the versions of the other tables at that time. `undo_ingest` restores removed authors from them.
INGEST_NOTE, LOST_NOTE = "summarizer.ingest", "summarizer.lost"
UNDO = "summarizer undo-ingest"
CAREFUL = Permission(Shares(0.1, 0.1))


@dataclass(frozen=True)
class Around:
    """`permission`: how much may be lost. `others`: None if there are no results yet. `run_id`: names the ingest."""

    permission: Permission = CAREFUL
    others: OtherTables | None = None
    run_id: str = ""


def version_note(table: BucketedTable) -> str:
    return f"summarizer.version.{table.uri.rpartition('/')[2]}"


@dataclass(frozen=True)
class _Stake:
    """Authors whom an ingest may remove: a bucket's authors and, before any ingest filled it, those with a summary.

    The latter exist if summaries were copied to a new root, or `authors` was deleted.
    """

    table: BucketedTable
    snapshot: DeltaTable | None
    others: OtherTables | None

    @cached_property
    def _summaries(self) -> DeltaTable | None:
        return None if self.others is None or self.others.kept else self.others.summaries.open()

    def any_of(self, buckets: Sequence[str]) -> bool:
        rows = {} if self.snapshot is None else self.table.rows_by_bucket(self.snapshot)
        return any(bucket in rows or self.ids(bucket).len() for bucket in buckets)

    def ids(self, bucket: str) -> pl.Series:
        if self.others is None or self._summaries is None or self.table.fence(bucket, self.snapshot) is not None:
            return pl.Series("author_id", [], dtype=pl.String)
        with reading_rows(self.others.summaries.uri):
            held = self.others.summaries.read([bucket], table=self._summaries)
            return held.select("author_id").collect().to_series()


def ingest_stream(
    source: Source,
    *,
    table: BucketedTable,
    rejected: BucketedTable,
    marks: IngestMarks,
    selected: Sequence[str],
    spill: Path,
    listener: Listener,
    whole: bool = False,
    around: Around = Around(),
) -> TableStream:
    """The changes that bring the selected buckets of `table` to the source's state, once the guard admits them.

    Missing tables, of the four, are created empty before the first change.

    Args:
        source: where the authors come from.
        table: the authors table.
        rejected: the table of source rows that cannot become an author.
        marks: the source version up to which each bucket has been read; only newer changes are read.
        selected: keys of the buckets to fill.
        spill: a local folder with room for about the source's size.
        listener: callbacks for messages, metadata and progress.
        whole: read the whole source, whatever the marks say.
        around: the permission, the result tables and the run's id.

    Raises:
        SourceError: at once, if a Delta source can no longer be opened; nothing was written.
        LossRefused: with the first change, if too much would be lost; nothing was written.
    """
    for name in source.missing:
        listener.log(
            f"the source has no column for {name}: it stays null (SUMMARIZER_COLUMNS maps a column of another name)"
        )
    began = time.monotonic()
    snapshot = table.open()
    table.require_writable()
    reading = plan_reading(source, table, snapshot, marks, selected, whole=whole)
    listener.log(f"reading {reading.words}")
    assert table.buckets is not None
    spill.mkdir(parents=True, exist_ok=True)
    others = around.others
    stake = _Stake(table, snapshot, others)
    note = {INGEST_NOTE: around.run_id or uuid4().hex}

    def admit(loss: Loss) -> None:
        _tell_dialects(run.counts, listener.log)
        if not reading.nothing_new:
            judge(loss, around.permission, source.layout.authors["author_id"], listener.log)
        table.ensure()
        rejected.ensure()
        for other in () if others is None else (others.summaries, others.failures):
            note[version_note(other)] = str((other.open() or other.ensure()).version())

    run = ingest(
        _Nothing(source.form) if reading.nothing_new else reading.source,
        buckets=table.buckets,
        selected=selected,
        spill_dir=spill,
        current=lambda bucket: table.read([bucket], table=snapshot),
        increment=reading.increment,
        guard=Guard(admit, held=stake.any_of(selected), ids=stake.ids),
        progress=lambda phase, rows, done: listener.report(
            IngestProgress(phase, rows, done, len(selected), time.monotonic() - began)
        ),
    )
    rewritten: list[str] = []

    def changes() -> Iterator[Change]:
        for change in run:
            rewritten.append(change.bucket)
            gone = change.difference.removed + change.difference.hollowed
            yield Overwrite(change.bucket, change.frame, {**note, LOST_NOTE: str(gone)})
        if not reading.nothing_new:
            rejected.replace_all(run.rejected)
        note_reading(reading, marks, table, snapshot, selected, rewritten)

    def metadata() -> Mapping[str, Any]:
        for bucket in selected:
            listener.describe(bucket, {"dagster/partition_row_count": run.counts.bucket_rows.get(bucket, 0)})
        return {
            "source": source.uri,
            "read": reading.words,
            "seconds": round(time.monotonic() - began, 1),
            "buckets_rewritten": len(rewritten),
            "bytes_rewritten": table.bytes_of(rewritten),
            **_facts(run.counts),
            **({"to_bring_them_back": f"{UNDO} {note[INGEST_NOTE][:8]}"} if run.counts.removed else {}),
        }

    return TableStream(changes(), lambda bucket: table.fence(bucket, snapshot), metadata=metadata)


@dataclass(frozen=True)
class _Nothing:
    """A source without rows, used when nothing is new."""

    form: str

    def chunks(self, _rows: int) -> Generator[Chunk, None, None]:
        yield from ()


def _tell_dialects(counts: IngestCounts, log: Callable[[str], None]) -> None:
    for words, files in counts.read_as.items():
        log(f"CSV files read as {words}: {files}")


def _facts(counts: IngestCounts) -> dict[str, Any]:
    return {
        "authors": counts.authors,
        "added": counts.added,
        "changed": counts.changed,
        "removed": counts.removed,
        "unchanged": counts.unchanged,
        "rows_changed_by_others": counts.mended,
        "source_rows": counts.source_rows,
        "rejected_rows": dict(counts.rejected),
        "duplicate_authors_merged": counts.duplicate_authors,
        "duplicate_papers_merged": counts.duplicate_papers,
        "unparsable_values": dict(counts.unparsable),
        "words_for_nothing": dict(counts.words_for_nothing),
        "files_read_as": dict(counts.read_as),
        "texts_cut": dict(counts.cut_texts),
    }

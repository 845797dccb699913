"""An ingest as a stream of table changes, with what it counted as metadata."""

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from summarizer_assets.core.progress import IngestProgress
from summarizer_assets.ingest.counts import IngestCounts
from summarizer_assets.ingest.ingest import ingest
from summarizer_assets.ingest.plan import note_reading, plan_reading
from summarizer_assets.sources.chunk import Chunk
from summarizer_assets.sources.source import Source
from summarizer_assets.storage.changes import Change, Overwrite
from summarizer_assets.storage.delta import BucketedTable
from summarizer_assets.storage.marks import IngestMarks
from summarizer_assets.storage.stream import TableStream


@dataclass(frozen=True)
class Listener:
    """`log`: what a person should know of the source. `describe`: the facts of each bucket, when all is known.

    `report`: every few seconds how far it is; called by the thread that reads.
    """

    log: Callable[[str], None]
    describe: Callable[[str, Mapping[str, Any]], None]
    report: Callable[[IngestProgress], None]


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
) -> TableStream:
    """The changes that make the selected buckets of `table` what the source says.

    Args:
        source: where the authors come from.
        table: the authors.
        rejected: takes the rows of the source that cannot become one.
        marks: up to which version of the source the buckets are read, so that only newer ones have to be.
        selected: keys of the buckets to fill.
        spill: a local folder for about the source's size.
        listener: told what happens.
        whole: read all of the source, whatever is known of it.

    Raises:
        SourceError: at once when a Delta source cannot be opened any more, before anything is written.
    """
    for name in source.missing:
        listener.log(
            f"the source has no column for {name}: it stays null (SUMMARIZER_COLUMNS maps a column of another name)"
        )
    began = time.monotonic()
    snapshot = table.open()
    reading = plan_reading(source, table, snapshot, marks, selected, whole=whole)
    listener.log(f"reading {reading.words}")
    assert table.buckets is not None
    spill.mkdir(parents=True, exist_ok=True)
    run = ingest(
        _Nothing(source.form) if reading.nothing_new else reading.source,
        buckets=table.buckets,
        selected=selected,
        spill_dir=spill,
        current=lambda bucket: table.read([bucket], table=snapshot),
        increment=reading.increment,
        progress=lambda phase, rows, done: listener.report(
            IngestProgress(phase, rows, done, len(selected), time.monotonic() - began)
        ),
    )
    rewritten: list[str] = []

    def changes() -> Iterator[Change]:
        for change in run:
            rewritten.append(change.bucket)
            yield Overwrite(change.bucket, change.frame)
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
        }

    return TableStream(changes(), lambda bucket: table.fence(bucket, snapshot), metadata=metadata)


@dataclass(frozen=True)
class _Nothing:
    """A source of which nothing has to be read."""

    form: str

    def chunks(self, _rows: int) -> Generator[Chunk, None, None]:
        yield from ()


def _facts(counts: IngestCounts) -> dict[str, Any]:
    return {
        "authors": counts.authors,
        "added": counts.added,
        "changed": counts.changed,
        "removed": counts.removed,
        "unchanged": counts.unchanged,
        "source_rows": counts.source_rows,
        "rejected_rows": dict(counts.rejected),
        "duplicate_authors_merged": counts.duplicate_authors,
        "duplicate_papers_merged": counts.duplicate_papers,
        "unparsable_values": dict(counts.unparsable),
        "words_for_nothing": dict(counts.words_for_nothing),
        "texts_cut": dict(counts.cut_texts),
    }

"""An ingest as a stream of table changes, with what it counted as metadata."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from summarizer_assets.ingest.ingest import IngestCounts, ingest
from summarizer_assets.sources.source import open_source
from summarizer_assets.storage.changes import Change, Overwrite
from summarizer_assets.storage.delta import BucketedTable
from summarizer_assets.storage.stream import TableStream


def ingest_stream(
    uri: str,
    columns: Mapping[str, str],
    options: Mapping[str, str],
    *,
    table: BucketedTable,
    rejected: BucketedTable,
    selected: Sequence[str],
    spill: Path,
    log: Callable[[str], None],
    describe: Callable[[str, Mapping[str, Any]], None],
) -> TableStream:
    """The changes that make the selected buckets of `table` what the source says.

    Args:
        uri: the source.
        columns: its names for our columns.
        options: what its object store needs.
        table: the authors.
        rejected: takes the rows of the source that cannot become one.
        selected: keys of the buckets to fill.
        spill: a local folder for about the source's size.
        log: told of progress.
        describe: told the facts of each bucket when all is known.

    Raises:
        SourceError: at once when the source cannot be read as authors, before anything is written.
    """
    source = open_source(uri, columns, options)
    for name in source.missing:
        log(f"the source has no column for {name}: it stays null (SUMMARIZER_COLUMNS maps a column of another name)")
    snapshot = table.open()
    assert table.buckets is not None
    spill.mkdir(parents=True, exist_ok=True)

    def current(bucket: str) -> pl.DataFrame:
        return table.read([bucket], table=snapshot).select("author_id", "record_hash").collect()

    run = ingest(
        source,
        buckets=table.buckets,
        selected=selected,
        spill_dir=spill,
        current=current,
        progress=lambda phase, rows, done: log(
            f"{phase}: {rows:,} source rows, {done} of {len(selected)} buckets done"
        ),
    )
    rewritten: list[str] = []

    def changes() -> Iterator[Change]:
        for change in run:
            rewritten.append(change.bucket)
            yield Overwrite(change.bucket, change.frame)
        rejected.replace_all(run.rejected)

    def metadata() -> Mapping[str, Any]:
        for bucket in selected:
            describe(bucket, {"dagster/partition_row_count": run.counts.bucket_rows.get(bucket, 0)})
        return {"source": uri, "buckets_rewritten": len(rewritten), **_facts(run.counts)}

    return TableStream(changes(), lambda bucket: table.fence(bucket, snapshot), metadata=metadata)


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
        "texts_cut": dict(counts.cut_texts),
    }

"""How much of a source an ingest has to read: nothing, the authors concerned by its newer versions, or all of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.ingest.compare import Increment
from summarizer_assets.sources.delta.increments import NoIncrement
from summarizer_assets.sources.source import Source
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.source_marks import IngestMarks, SourceState, files_of

#: Part of what a mark is valid for: raise it when the same source makes other authors than before.
RULES = 2


@dataclass(frozen=True)
class Reading:
    """What an ingest reads.

    Attributes:
        source: all of it, or the rows of the authors concerned.
        increment: None when all of the source is read.
        state: the source's, to be noted when all is committed; None where the source has no versions.
        words: the same for a person.
        nothing_new: the source need not be opened at all.
    """

    source: Source
    increment: Increment | None
    state: SourceState | None
    words: str
    nothing_new: bool = False


def plan_reading(
    source: Source,
    table: BucketedTable,
    snapshot: DeltaTable | None,
    marks: IngestMarks,
    selected: Sequence[str],
    *,
    whole: bool,
) -> Reading:
    """Decide it from the marks of the last ingests.

    Args:
        source: where all is.
        table: the authors.
        snapshot: the authors as they are compared with.
        marks: up to which version each bucket is known to be read.
        selected: the buckets to fill.
        whole: read all of it, whatever the marks say.
    """
    found = source.version()
    if found is None:
        return Reading(source, None, None, "the whole source: only a Delta table tells what changed in it")
    source_id, version = found
    told = repr((source.uri, source_id, sorted(source.columns.items()), table.buckets, RULES))
    state = SourceState(blake2b(told.encode(), digest_size=16).hexdigest(), version)
    if whole:
        return Reading(source, None, state, "the whole source, as asked for")
    known = marks.valid(state.key, files_of(snapshot, list(selected)))
    if len(known) < len(selected):
        return Reading(source, None, state, "the whole source: not all of these buckets were read from it before")
    since = min(known.values())
    try:
        ids = source.changed_ids(since, version)
    except NoIncrement as why:
        return Reading(source, None, state, f"the whole source: {why}")
    assert table.buckets is not None
    by_bucket = pl.DataFrame([ids, buckets_of(ids, table.buckets)]).filter(pl.col("bucket").is_in(list(selected)))
    parts = by_bucket.partition_by("bucket", as_dict=True)
    concerned = {str(key[0]): part["author_id"] for key, part in parts.items()}
    increment = Increment(concerned, table.rows_by_bucket(snapshot), source.row_count())
    if since == version:
        return Reading(source, increment, state, f"nothing: the source is still at version {version}", nothing_new=True)
    words = f"{by_bucket.height:,} authors of whom rows changed between the versions {since} and {version}"
    return Reading(source.only(by_bucket["author_id"]), increment, state, words)


def note_reading(
    reading: Reading,
    marks: IngestMarks,
    table: BucketedTable,
    snapshot: DeltaTable | None,
    selected: Sequence[str],
    rewritten: Sequence[str],
) -> None:
    """Note up to where the selected buckets are read, all of them being committed; not one that another run changed."""
    if reading.state is None:
        return
    now = table.open()
    ours = set(rewritten)

    def only_ours(bucket: str) -> bool:
        before = table.fence(bucket, snapshot)
        return table.fence(bucket, now) == ((before or 0) + 1 if bucket in ours else before)

    # What was left as it is, was compared in the snapshot: other files there now, of a RESTORE, say, are not known.
    left = [bucket for bucket in selected if bucket not in ours]
    files = files_of(snapshot, left) | files_of(now, list(rewritten))
    marks.set(reading.state, {bucket: held for bucket, held in files.items() if only_ours(bucket)})

"""Planning of incremental reads: nothing, the authors changed since the last ingest, or the whole source."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.core.paper_fields import added
from summarizer_assets.ingest.compare import Increment
from summarizer_assets.sources.delta.increments import NoIncrement
from summarizer_assets.sources.source import Source
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.source_marks import IngestMarks, SourceState, files_of

#: Version of the reading rules, stored in each mark: raise it when the same source yields other authors than before.
RULES = 2


@dataclass(frozen=True)
class Reading:
    """What an ingest reads.

    Attributes:
        source: the whole source, or the rows of the changed authors.
        increment: None if the whole source is read.
        state: the source's state, noted once all is committed; None if the source has no versions.
        words: the plan in words, for a person.
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
    """Decide how much to read from the marks of the last ingests.

    Args:
        source: the whole source.
        table: the authors table.
        snapshot: the version of `table` to compare with; None if it does not exist.
        marks: up to which source version each bucket has been read.
        selected: keys of the buckets to fill.
        whole: read the whole source, whatever the marks say.
    """
    found = source.version()
    if found is None:
        return Reading(source, None, None, "the whole source: only a Delta table tells what changed in it")
    source_id, version = found
    fields = (field.name for field in added())  # one more, and the source says more than was read of it
    told = repr((source.uri, source_id, sorted(source.columns.items()), table.buckets, RULES, *fields))
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
    """Record the source version of the selected, committed buckets, except those that another run changed meanwhile."""
    if reading.state is None:
        return
    now = table.open()
    ours = set(rewritten)

    def only_ours(bucket: str) -> bool:
        before = table.fence(bucket, snapshot)
        return table.fence(bucket, now) == ((before or 0) + 1 if bucket in ours else before)

    # Buckets not rewritten were compared in the snapshot: files that replaced it since, by a RESTORE say, are unknown.
    left = [bucket for bucket in selected if bucket not in ours]
    files = files_of(snapshot, left) | files_of(now, list(rewritten))
    marks.set(reading.state, {bucket: held for bucket, held in files.items() if only_ours(bucket)})

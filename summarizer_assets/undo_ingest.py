"""Undo an ingest: restore authors, their summaries and failures from older versions of the tables.

Restores the authors it removed, removes those it added, and restores the records it changed; authors changed since stay
as they are. Summaries and failures are restored as they were before it, without any request. It can be repeated, and
reaches back as far as the versions of the tables, 7 days. A bucket with an active run is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl
from deltalake import DeltaTable

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.restored_rows import Rows, restore_authors, restore_rows
from summarizer_assets.ingest.stream import INGEST_NOTE, LOST_NOTE, version_note
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.delta.changes import Merge, Overwrite
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import TableError


@dataclass(frozen=True)
class Ingest:
    """An ingest in the log of `authors`: its first and last version, and the other tables' versions at that time."""

    id: str
    first: int
    last: int
    at: datetime
    lost: int
    summaries: int
    failures: int


@dataclass
class Undone:
    """The number of authors restored, removed and reset to their old record, and of restored result rows."""

    back: int = 0
    out: int = 0
    reset: int = 0
    summaries: int = 0
    failures: int = 0
    buckets: list[str] = field(default_factory=list)


def ingests(summarizer: Summarizer) -> list[Ingest]:
    """The ingests still in the log of `authors`, oldest first."""
    tables = summarizer.tables
    found: dict[str, Ingest] = {}
    authors = tables.authors.open()
    assert authors is not None, "`opened` saw it"
    for entry in reversed(authors.history()):
        name, version = entry.get(INGEST_NOTE), int(entry["version"])
        if name is None:
            continue
        old = found.get(name)
        found[name] = Ingest(
            name,
            version if old is None else old.first,
            version,
            datetime.fromtimestamp(entry["timestamp"] / 1000, UTC) if old is None else old.at,
            int(entry[LOST_NOTE]) + (0 if old is None else old.lost),
            int(entry[version_note(tables.summaries)]),
            int(entry[version_note(tables.failures)]),
        )
    return list(found.values())


def undo(summarizer: Summarizer, ingest: Ingest) -> Undone:
    """Undo `ingest`, bucket by bucket.

    Raises:
        StorageError: a run is working on a bucket, or an older version is gone. Buckets restored so far stay restored.
    """
    tables, done = summarizer.tables, Undone()
    before, after = tables.authors.at(ingest.first - 1), tables.authors.at(ingest.last)
    then = tables.summaries.at(ingest.summaries), tables.failures.at(ingest.failures)
    for bucket in bucket_keys(summarizer.buckets):
        old, new = _rows(tables.authors, bucket, before), _rows(tables.authors, bucket, after)
        if old.equals(new):
            continue
        with summarizer.state.claim(bucket, f"undo-ingest {ingest.id}"):
            rows_then = Rows(_rows(tables.summaries, bucket, then[0]), _rows(tables.failures, bucket, then[1]))
            _undo_bucket(summarizer, bucket, (old, new), rows_then, done)
    return done


def _undo_bucket(
    summarizer: Summarizer, bucket: str, authors: tuple[pl.DataFrame, pl.DataFrame], then: Rows, done: Undone
) -> None:
    tables = summarizer.tables
    now = tables.authors.ensure(), tables.summaries.ensure(), tables.failures.ensure()
    held = Rows(_rows(tables.summaries, bucket, now[1]), _rows(tables.failures, bucket, now[2]))
    restored = restore_authors(*authors, _rows(tables.authors, bucket, now[0]))
    current = summarizer.render(restored.authors).select("author_id", "content_hash")
    rows = restore_rows(then, held, restored.same, current, summarizer.settings.excluded_ids)
    # Authors are written last: after an interruption a run finds results without authors, not authors to pay for.
    if rows.summaries.height:
        tables.summaries.writer(bucket, tables.summaries.fence(bucket, now[1])).apply(Merge(bucket, rows.summaries))
    if not rows.failures.equals(held.failures):
        tables.failures.writer(bucket, tables.failures.fence(bucket, now[2])).apply(Overwrite(bucket, rows.failures))
    if restored:
        tables.authors.writer(bucket, tables.authors.fence(bucket, now[0])).apply(Overwrite(bucket, restored.authors))
    done.back, done.out, done.reset = done.back + restored.back, done.out + restored.out, done.reset + restored.reset
    done.summaries += rows.summaries.height
    done.failures += rows.failures.join(held.failures, on="author_id", how="anti").height
    done.buckets.append(bucket)


def _rows(table: BucketedTable, bucket: str, handle: DeltaTable) -> pl.DataFrame:
    try:
        return table.read([bucket], table=handle).collect().sort("author_id")
    except (OSError, pl.exceptions.PolarsError) as error:
        raise TableError(
            f"{table.uri}: the rows of version {handle.version()} cannot be read ({error}): versions are kept for 7 "
            "days, until the job maintain_tables removes their files; a backup of the table's folder may hold them"
        ) from error


def chosen(found: Sequence[Ingest], prefix: str) -> Ingest:
    """The ingest whose id begins with `prefix`.

    Raises:
        SettingsError: none or several do.
    """
    fitting = [ingest for ingest in found if ingest.id.startswith(prefix)]
    if len(fitting) != 1:
        raise SettingsError(
            f"{prefix!r} is how the id of {len(fitting) or 'no'} ingests begins; without an id, the command lists them"
        )
    return fitting[0]

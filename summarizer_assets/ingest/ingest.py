"""One pass over a source to the changed buckets of authors, in bounded memory. No Dagster.

Pass 1 puts the rows of the selected buckets aside, one file a bucket. Pass 2 takes bucket by bucket: unites the rows of
each author, compares with what the table holds, and yields the bucket if anything differs.
"""

import time
from collections import Counter
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

import polars as pl

from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.core.records import AUTHOR, AUTHORS, REJECTED
from summarizer_assets.ingest.ahead import ahead
from summarizer_assets.ingest.merge import merge, record_hashes
from summarizer_assets.ingest.spill import Spill, SpillFolder
from summarizer_assets.sources.chunk import Chunk

Phase = Literal["reading", "merging"]
#: Called with the phase, source rows read so far and buckets done so far.
Progress = Callable[[Phase, int, int], None]

_PROGRESS_S = 2.0
#: Uncompressed bytes that are merged at once; a bucket above it is merged in parts.
_PART_BYTES = 192 * 2**20
_MAX_PARTS = 1024  # files of a split bucket; past it parts grow, and folding still bounds what repeats
_REJECTED_KEPT = 20_000
_REST = "(further rows with this reason, not kept)"


class AuthorSource(Protocol):
    """What an ingest needs of a source; `sources.source.Source` is one."""

    @property
    def form(self) -> str: ...

    def chunks(self, rows: int) -> Generator[Chunk, None, None]: ...


@dataclass
class IngestCounts:
    """Totals, complete once all changes were taken.

    Attributes:
        source_rows: rows of the whole source, whatever buckets are selected.
        rejected: source rows that cannot become an author, by reason; of the whole source.
        unparsable: values that became null, by column; of the whole source.
        cut_texts: texts cut at 20,000 characters, by column; of the whole source.
        authors: authors in the selected buckets.
        bucket_rows: authors in each selected bucket.
        duplicate_authors: rows united with an earlier row of their author; 0 for a flat source, where that is the rule.
        duplicate_papers: papers united with another one of the same author.
        added, changed, removed, unchanged: authors in the selected buckets against what the table held.
    """

    source_rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unparsable: Counter[str] = field(default_factory=Counter)
    cut_texts: Counter[str] = field(default_factory=Counter)
    authors: int = 0
    bucket_rows: dict[str, int] = field(default_factory=dict)
    duplicate_authors: int = 0
    duplicate_papers: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0


@dataclass(frozen=True)
class BucketChange:
    """A bucket that differs from the table's: its whole new content (schema `records.AUTHORS`), sorted by id."""

    bucket: str
    frame: pl.DataFrame
    added: int
    changed: int
    removed: int
    unchanged: int


@dataclass
class _Rejects:
    """Rejected rows, identical ones once; beyond a cap only counted, so that a wholly unusable source fits memory."""

    seen: dict[tuple[str, str], int] = field(default_factory=dict)

    def add(self, rows: pl.DataFrame) -> None:
        for reason, row, count in rows.iter_rows():
            key = (reason, row)
            if key not in self.seen and len(self.seen) >= _REJECTED_KEPT:
                key = (reason, _REST)
            self.seen[key] = self.seen.get(key, 0) + count

    def frame(self) -> pl.DataFrame:
        rows = [(reason, row, count) for (reason, row), count in self.seen.items()]
        return pl.DataFrame(rows, schema=REJECTED, orient="row").sort("reason", "row")


class IngestRun:
    """An ingest under way: iterate once over the changed buckets, then read `counts` and `rejected`.

    Reading begins with the first step of the iteration. What is put aside on disk is removed when the iteration ends,
    by an error too, or is closed.
    """

    def __init__(
        self,
        source: AuthorSource,
        *,
        buckets: int,
        selected: Collection[str],
        spill_dir: Path,
        current: Callable[[str], pl.DataFrame],
        progress: Progress | None,
        chunk_rows: int,
        part_bytes: int,
    ) -> None:
        self.counts = IngestCounts()
        self._source = source
        self._buckets = buckets
        self._selected = sorted(selected)
        self._spill_dir = spill_dir
        self._current = current
        self._progress = progress
        self._chunk_rows = chunk_rows
        self._part_bytes = part_bytes
        self._rejects = _Rejects()
        self._told_at = time.monotonic()
        self._done = 0
        self._state: Literal["new", "begun", "read"] = "new"

    @property
    def rejected(self) -> pl.DataFrame:
        """Rows that cannot become an author, schema `records.REJECTED`: 20,000 different ones, the rest counted."""
        if self._state != "read":
            raise RuntimeError("the source has not been read to its end; iterate over the run first")
        return self._rejects.frame()

    def __iter__(self) -> Iterator[BucketChange]:
        if self._state != "new":
            raise RuntimeError("an ingest can be iterated once; start another one")
        self._state = "begun"
        return self._run()

    def _run(self) -> Iterator[BucketChange]:
        with SpillFolder(self._spill_dir) as folder:
            spill = Spill(folder / "buckets")
            self._read_into(spill)
            with closing(ahead(self._bucket_by_bucket(spill, folder))) as changes:
                for change in changes:
                    self._done += 1
                    self._tell("merging", last=self._done == len(self._selected))
                    if change is not None:
                        yield change

    def _read_into(self, spill: Spill) -> None:
        chosen = pl.Series(self._selected, dtype=pl.String)
        with closing(ahead(self._source.chunks(self._chunk_rows))) as chunks:
            for chunk in chunks:
                self._count(chunk)
                keys = buckets_of(chunk.authors["author_id"], self._buckets)
                wanted = keys.is_in(chosen.implode())
                if wanted.all():
                    spill.add(chunk.authors, keys)
                else:
                    spill.add(chunk.authors.filter(wanted), keys.filter(wanted))
                self._tell("reading")
        spill.flush()
        self._state = "read"
        self._tell("reading", last=True)

    def _count(self, chunk: Chunk) -> None:
        self.counts.source_rows += chunk.counts.rows
        self.counts.unparsable.update(chunk.counts.unparsable)
        self.counts.cut_texts.update(chunk.counts.cut)
        if not chunk.rejected.is_empty():
            reasons = chunk.rejected.group_by("reason").agg(pl.col("count").sum())
            self.counts.rejected.update(dict(reasons.iter_rows()))
            self._rejects.add(chunk.rejected)

    def _bucket_by_bucket(self, spill: Spill, folder: Path) -> Generator[BucketChange | None, None, None]:
        for bucket in self._selected:
            yield self._bucket(bucket, spill, folder)
            spill.drop(bucket)

    def _bucket(self, bucket: str, spill: Spill, folder: Path) -> BucketChange | None:
        frames = [frame.with_columns(record_hashes(frame)) for frame in self._merged_parts(bucket, spill, folder)]
        new = pl.concat(frames) if frames else pl.DataFrame(schema={**AUTHOR, "record_hash": pl.String})
        del frames
        held = self._current(bucket).select("author_id", pl.col("record_hash").alias("held"))
        both = new.select("author_id", "record_hash").join(held, on="author_id", how="left")
        added = int(both["held"].is_null().sum())
        unchanged = int((both["held"] == both["record_hash"]).sum())
        changed = new.height - added - unchanged
        removed = held.height - (new.height - added)
        self.counts.authors += new.height
        self.counts.bucket_rows[bucket] = new.height
        self.counts.added += added
        self.counts.changed += changed
        self.counts.removed += removed
        self.counts.unchanged += unchanged
        if not (added or changed or removed):
            return None
        frame = new.with_columns(pl.lit(bucket).alias("bucket")).select(list(AUTHORS))
        return BucketChange(bucket, frame.sort("author_id"), added, changed, removed, unchanged)

    def _merged_parts(self, bucket: str, spill: Spill, folder: Path) -> Iterator[pl.DataFrame]:
        """The bucket's authors in frames that share no author: one, or several where one would be too large."""
        parts = min(-(-spill.size(bucket) // self._part_bytes), _MAX_PARTS)
        if parts <= 1:
            yield self._folded(spill.read(bucket))
            return
        split = Spill(folder / f"parts-{bucket}")
        for frame in spill.read(bucket):
            split.add(frame, frame.select((pl.col("author_id").hash() % parts).cast(pl.String)).to_series())
        split.flush()
        spill.drop(bucket)
        for part in range(parts):
            yield self._folded(split.read(str(part)))
            split.drop(str(part))

    def _folded(self, frames: Iterator[pl.DataFrame]) -> pl.DataFrame:
        """Merge step by step, so that an author who repeats without end takes the memory of his content only."""
        waiting: list[pl.DataFrame] = []
        size = 0
        settled = 0
        for frame in frames:
            waiting.append(frame)
            size += int(frame.estimated_size())
            if size > settled + self._part_bytes:
                waiting = [self._merge(waiting)]
                size = settled = int(waiting[0].estimated_size())
        return self._merge(waiting)

    def _merge(self, frames: list[pl.DataFrame]) -> pl.DataFrame:
        merged = merge(pl.concat(frames) if frames else pl.DataFrame(schema=AUTHOR))
        self.counts.duplicate_papers += merged.duplicate_papers
        if self._source.form != "flat":
            self.counts.duplicate_authors += merged.duplicate_rows
        return merged.authors

    def _tell(self, phase: Phase, *, last: bool = False) -> None:
        now = time.monotonic()
        if self._progress is not None and (last or now - self._told_at >= _PROGRESS_S):
            self._told_at = now
            self._progress(phase, self.counts.source_rows, self._done)


def ingest(
    source: AuthorSource,
    *,
    buckets: int,
    selected: Collection[str],
    spill_dir: Path,
    current: Callable[[str], pl.DataFrame],
    progress: Progress | None = None,
    chunk_rows: int = 100_000,
    part_bytes: int = _PART_BYTES,
) -> IngestRun:
    """Prepare an ingest of the selected buckets; iterate over the result to run it.

    Args:
        source: the authors.
        buckets: how many buckets the tables have.
        selected: keys of the buckets to fill; authors of others are ignored.
        spill_dir: a local folder for about the source's size, lz4-compressed.
        current: what the table holds of a bucket: at least `author_id` (each once) and `record_hash`; empty if nothing.
        progress: told every few seconds of work, and at the end of each phase.
        chunk_rows: source rows in memory at once.
        part_bytes: bytes of authors merged at once.
    """
    return IngestRun(
        source,
        buckets=buckets,
        selected=selected,
        spill_dir=spill_dir,
        current=current,
        progress=progress,
        chunk_rows=chunk_rows,
        part_bytes=part_bytes,
    )

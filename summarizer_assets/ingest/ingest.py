"""The ingest: from a source to the changed buckets of `authors`, in bounded memory. Knows nothing of Dagster.

Pass 1 spills the rows of the selected buckets to disk, one file per bucket. Pass 2 handles one bucket at a time: it
merges the rows of each author, compares them with the table and yields the bucket if anything differs. If the table
holds authors that could be lost, changed buckets are spilled again until all are compared and the guard admits the
loss; none is yielded before that.
"""

import time
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import polars as pl

from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.core.ingest_loss import Loss
from summarizer_assets.core.records import AUTHOR, AUTHORS
from summarizer_assets.ingest.ahead import ahead
from summarizer_assets.ingest.compare import NO_DIFFERENCE, BucketChange, Difference, Increment, compare
from summarizer_assets.ingest.counts import IngestCounts, Rejects
from summarizer_assets.ingest.losses import Losses
from summarizer_assets.ingest.merge import merge, record_hashes
from summarizer_assets.ingest.spill import Spill, SpillFolder
from summarizer_assets.sources.chunk import Chunk

Phase = Literal["reading", "comparing", "writing"]
#: Called with the phase, the source rows read so far and the buckets finished so far.
Progress = Callable[[Phase, int, int], None]

C = TypeVar("C")

_PROGRESS_S = 2.0
#: Uncompressed bytes merged at once; a larger bucket is merged in parts.
_PART_BYTES = 192 * 2**20
_MAX_PARTS = 1024  # files of a split bucket; above it parts grow, and folding still bounds repeated rows


class AuthorSource(Protocol):
    """What an ingest needs from a source; `sources.source.Source` implements it."""

    @property
    def form(self) -> str: ...

    def chunks(self, rows: int) -> Generator[Chunk, None, None]: ...


@dataclass(frozen=True)
class Guard:
    """The check before the first change whether an ingest may remove what it would remove.

    `admit` raises if it may not. `held`: whether the selected buckets hold any author; if not, changes need not wait
    for the comparison of all. `ids`: further authors of a bucket, beside the table's rows, who are lost if the source
    lacks them.
    """

    admit: Callable[[Loss], None]
    held: bool
    ids: Callable[[str], pl.Series]


def _nobody(_: str) -> pl.Series:
    return pl.Series("author_id", [], dtype=pl.String)


OPEN = Guard(lambda _: None, held=False, ids=_nobody)


@dataclass(frozen=True)
class Sizes:
    """Source rows held in memory at once, and bytes of authors merged at once."""

    chunk_rows: int = 100_000
    part_bytes: int = _PART_BYTES


class IngestRun:
    """A running ingest: iterate once over the changed buckets, then read `counts` and `rejected`.

    Reading begins with the first iteration step. Spill files are removed when the iteration ends, fails or is closed.
    """

    def __init__(
        self,
        source: AuthorSource,
        *,
        buckets: int,
        selected: Collection[str],
        spill_dir: Path,
        current: Callable[[str], pl.LazyFrame],
        increment: Increment | None,
        guard: Guard,
        progress: Progress | None,
        sizes: Sizes,
    ) -> None:
        self.counts = IngestCounts()
        self._source = source
        self._buckets = buckets
        self._selected = sorted(selected)
        self._spill_dir = spill_dir
        self._current = current
        self._progress = progress
        self._chunk_rows, self._part_bytes = sizes.chunk_rows, sizes.part_bytes
        self._rejects = Rejects()
        self._increment = increment
        self._guard = guard
        self._losses = Losses()
        self._told_at = time.monotonic()
        self._done = 0
        self._state: Literal["new", "begun", "read"] = "new"

    @property
    def rejected(self) -> pl.DataFrame:
        """Rows that cannot become an author (`records.REJECTED`): at most 20,000 distinct ones, the rest only counted.

        Raises:
            RuntimeError: the iteration has not finished.
        """
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
            if not self._guard.held:
                self._guard.admit(self._loss())
            with closing(ahead(self._bucket_by_bucket(spill, folder))) as found:
                changes = self._admitted(found, folder) if self._guard.held else self._told(found, "writing")
                yield from (change for change in changes if change is not None)

    def _admitted(self, found: Iterator[BucketChange | None], folder: Path) -> Iterator[BucketChange]:
        """Yield the changes, once all are compared and the guard admitted them."""
        shelf, differences = Spill(folder / "changes"), dict[str, Difference]()
        for change in self._told(found, "comparing"):
            if change is not None:
                shelf.put(change.bucket, change.frame)
                differences[change.bucket] = change.difference
        self._guard.admit(self._loss())
        self._done -= len(differences)
        yield from self._told(self._from(shelf, differences), "writing")

    def _from(self, shelf: Spill, differences: Mapping[str, Difference]) -> Iterator[BucketChange]:
        for bucket, difference in differences.items():
            yield BucketChange(bucket, pl.concat(shelf.read(bucket)), difference)
            shelf.drop(bucket)

    def _loss(self) -> Loss:
        counts, increment = self.counts, self._increment
        rows = max(counts.source_rows, 0 if increment is None else increment.source_rows)
        return self._losses.loss(rows, counts.rejected, counts.authors)

    def _told(self, changes: Iterable[C], phase: Phase) -> Iterator[C]:
        for change in changes:
            self._done += 1
            self._tell(phase, last=self._done == len(self._selected))
            yield change

    def _read_into(self, spill: Spill) -> None:
        chosen = pl.Series(self._selected, dtype=pl.String)
        with closing(ahead(self._source.chunks(self._chunk_rows))) as chunks:
            for chunk in chunks:
                self.counts.read(chunk)
                self._rejects.add(chunk.rejected)
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

    def _bucket_by_bucket(self, spill: Spill, folder: Path) -> Generator[BucketChange | None, None, None]:
        for bucket in self._selected:
            yield self._bucket(bucket, spill, folder)
            spill.drop(bucket)

    def _bucket(self, bucket: str, spill: Spill, folder: Path) -> BucketChange | None:
        increment = self._increment
        if increment is not None and bucket not in increment.ids:
            held_there = increment.rows.get(bucket, 0)
            self.counts.take(bucket, held_there, NO_DIFFERENCE)
            self._losses.kept(held_there)
            return None
        frames = [frame.with_columns(record_hashes(frame)) for frame in self._merged_parts(bucket, spill, folder)]
        new = pl.concat(frames) if frames else pl.DataFrame(schema={**AUTHOR, "record_hash": pl.String})
        del frames
        others = pl.DataFrame(schema=AUTHORS)
        held = self._current(bucket).select(AUTHORS.names()).collect()
        if increment is not None:
            concerned = held["author_id"].is_in(increment.ids[bucket].implode())
            held, others = held.filter(concerned), held.filter(~concerned)
        found = compare(new, held)
        self.counts.take(bucket, new.height + others.height, found.difference)
        self._losses.add(bucket, held["author_id"], others.height, self._guard.ids(bucket), new["author_id"], found)
        if not found.difference:
            return None
        frame = new.with_columns(pl.lit(bucket).alias("bucket")).select(AUTHORS.names())
        return BucketChange(bucket, pl.concat([frame, others]).sort("author_id"), found.difference)

    def _merged_parts(self, bucket: str, spill: Spill, folder: Path) -> Iterator[pl.DataFrame]:
        """The bucket's authors in frames that share no author: one frame, or several if one would be too large."""
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
        """Merge step by step, so that an author repeated any number of times takes the memory of one record."""
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
        merged = merge(pl.concat(frames, rechunk=True) if frames else pl.DataFrame(schema=AUTHOR))
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
    current: Callable[[str], pl.LazyFrame],
    increment: Increment | None = None,
    guard: Guard = OPEN,
    progress: Progress | None = None,
    sizes: Sizes = Sizes(),
) -> IngestRun:
    """Prepare an ingest of the selected buckets; iterating over the result runs it.

    Args:
        source: the authors.
        buckets: number of buckets of the tables.
        selected: keys of the buckets to fill; authors of other buckets are ignored.
        spill_dir: a local folder with room for about the source's size, lz4-compressed.
        current: returns the table's rows of a bucket (`records.AUTHORS`, each author once).
        increment: if given, `source` holds only the rows of its authors; all others are correct in the table.
        guard: admits or refuses what the ingest would remove.
        progress: called every few seconds of work, and at the end of each phase.
        sizes: bounds of memory.
    """
    return IngestRun(
        source,
        buckets=buckets,
        selected=selected,
        spill_dir=spill_dir,
        current=current,
        increment=increment,
        guard=guard,
        progress=progress,
        sizes=sizes,
    )

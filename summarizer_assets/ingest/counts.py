"""Counters of an ingest, and the collection of rejected source rows."""

from collections import Counter
from dataclasses import dataclass, field

import polars as pl

from summarizer_assets.core.records import REJECTED
from summarizer_assets.ingest.compare import Difference
from summarizer_assets.sources.chunk import Chunk

_REJECTED_KEPT = 20_000
_REST = "(further rows with this reason, not kept)"


@dataclass
class IngestCounts:
    """Totals, complete once the caller has consumed all changes.

    Attributes:
        source_rows: rows of the whole source, whatever buckets are selected.
        rejected: source rows that cannot become an author, by reason; of the whole source.
        unparsable: values that became null, by column; of the whole source.
        cut_texts: texts cut at 20,000 characters, by column; of the whole source.
        words_for_nothing: null markers that tools write as text, such as `NA`, by column; of the whole source.
        read_as: number of files by how their text is read: encoding, delimiter, quotes.
        authors: authors in the selected buckets.
        bucket_rows: authors in each selected bucket.
        duplicate_authors: rows merged into an earlier row of their author; 0 for a flat source, where all are.
        duplicate_papers: papers merged into another paper of the same author.
        added, changed, removed, unchanged: authors in the selected buckets, compared with the table.
        mended: table rows that something other than an ingest had changed.
    """

    source_rows: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    unparsable: Counter[str] = field(default_factory=Counter)
    cut_texts: Counter[str] = field(default_factory=Counter)
    words_for_nothing: Counter[str] = field(default_factory=Counter)
    read_as: Counter[str] = field(default_factory=Counter)
    authors: int = 0
    bucket_rows: dict[str, int] = field(default_factory=dict)
    duplicate_authors: int = 0
    duplicate_papers: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    mended: int = 0

    def take(self, bucket: str, rows: int, difference: Difference) -> None:
        """Count one bucket of `rows` authors."""
        self.authors += rows
        self.bucket_rows[bucket] = rows
        self.added += difference.added
        self.changed += difference.changed
        self.removed += difference.removed
        self.mended += difference.mended
        self.unchanged += rows - difference.added - difference.changed

    def read(self, chunk: Chunk) -> None:
        """Add the counts of one chunk."""
        self.source_rows += chunk.counts.rows
        self.unparsable.update(chunk.counts.unparsable)
        self.cut_texts.update(chunk.counts.cut)
        self.words_for_nothing.update(chunk.counts.nothing)
        self.read_as.update(chunk.counts.read_as)
        reasons = chunk.rejected.group_by("reason").agg(pl.col("count").sum())
        self.rejected.update(dict(reasons.iter_rows()))


@dataclass
class Rejects:
    """Distinct rejected rows; beyond a cap they are only counted, so that an unusable source still fits in memory."""

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

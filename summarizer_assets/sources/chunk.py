"""The unit a source yields: a chunk of authors in our schema, with its rejected rows and counts."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Self

import polars as pl


@dataclass(frozen=True)
class ChunkCounts:
    """Counts made while reading.

    Attributes:
        rows: rows of the source: authors, or author-paper pairs in the flat form.
        unparsable: values that became null, by our column name.
        cut: texts that were longer than 20,000 characters, by our column name.
        nothing: null words (`NA`, `NULL`) that became null, by our column name.
        read_as: number of files that begin in these rows, by how their text is read.
    """

    rows: int
    unparsable: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    nothing: Counter[str] = field(default_factory=Counter)
    read_as: Counter[str] = field(default_factory=Counter)

    def with_read_as(self, words: str) -> Self:
        """A copy that also counts a file that begins here and is read as `words` says."""
        return replace(self, read_as=self.read_as + Counter({words: 1}))

    def with_rows(self, rows: int) -> Self:
        """A copy with `rows` added."""
        return replace(self, rows=self.rows + rows)


@dataclass(frozen=True)
class Chunk:
    """Some rows of a source, in its order.

    Attributes:
        authors: schema `records.AUTHOR`; `author_id` is never null, but may repeat, here and in other chunks.
        rejected: schema `records.REJECTED`, one row per source row.
        counts: counts of these rows.
    """

    authors: pl.DataFrame
    rejected: pl.DataFrame
    counts: ChunkCounts

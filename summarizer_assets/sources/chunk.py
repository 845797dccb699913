"""What a source delivers: some of its authors in our shape, the rows that cannot be one, and what was counted."""

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Self

import polars as pl


@dataclass(frozen=True)
class ChunkCounts:
    """Counted while reading.

    Attributes:
        rows: rows of the source: authors, or author-paper pairs in the flat form.
        unparsable: values that became null, by our column name.
        cut: texts that were longer than 20,000 characters, by our column name.
        nothing: words for nothing (`NA`, `NULL`) that became null, by our column name.
        read_as: files that begin in these rows, by how their text is read.
    """

    rows: int
    unparsable: Counter[str] = field(default_factory=Counter)
    cut: Counter[str] = field(default_factory=Counter)
    nothing: Counter[str] = field(default_factory=Counter)
    read_as: Counter[str] = field(default_factory=Counter)

    def with_read_as(self, words: str) -> Self:
        """The same, with the words of a file that begins here."""
        return replace(self, read_as=self.read_as + Counter({words: 1}))

    def with_rows(self, rows: int) -> Self:
        """The same, with so many rows more."""
        return replace(self, rows=self.rows + rows)


@dataclass(frozen=True)
class Chunk:
    """Some rows of a source, in its order.

    Attributes:
        authors: schema `records.AUTHOR`; `author_id` is never null, but may repeat, here and in other chunks.
        rejected: schema `records.REJECTED`, one row a source row.
        counts: what was counted.
    """

    authors: pl.DataFrame
    rejected: pl.DataFrame
    counts: ChunkCounts

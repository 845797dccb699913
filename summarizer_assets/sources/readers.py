"""One file of each format to batches of its rows in order, in bounded memory, typed so that no id can lose a digit."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from summarizer_assets.core.records import REJECTED
from summarizer_assets.sources.columns import Layout

#: Rows of the source's columns that are read, and rows rejected on the way (`records.REJECTED`).
Batch = tuple[pl.DataFrame, pl.DataFrame]


class Reader(Protocol):
    """A file that was opened: its columns are resolved, its rows not yet read."""

    @property
    def layout(self) -> Layout | None:
        """None: the file is empty."""

    def batches(self, rows: int) -> Iterator[Batch]:
        """About `rows` rows at a time, in the file's order."""


def nothing_rejected() -> pl.DataFrame:
    return pl.DataFrame(schema=REJECTED)


@dataclass(frozen=True)
class TableReader:
    """Parquet or a Delta table through polars' streaming engine."""

    frame: pl.LazyFrame
    layout: Layout | None

    def batches(self, rows: int) -> Iterator[Batch]:
        if self.layout is None:
            return
        chosen = self.frame.select(self.layout.columns)
        for batch in chosen.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming"):
            yield batch, nothing_rejected()

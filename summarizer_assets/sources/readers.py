"""The interface of file readers: batches of rows in file order, in bounded memory, typed so that no id loses digits."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from summarizer_assets.core.records import REJECTED
from summarizer_assets.sources.columns import Layout

#: Rows with the source's columns, and rows that the reader rejected (`records.REJECTED`).
Batch = tuple[pl.DataFrame, pl.DataFrame]


class Reader(Protocol):
    """An opened file: its columns are resolved, its rows not yet read."""

    @property
    def layout(self) -> Layout | None:
        """The file's columns; None if the file is empty."""

    def batches(self, rows: int) -> Iterator[Batch]:
        """Yield about `rows` rows at a time, in the file's order."""


def nothing_rejected() -> pl.DataFrame:
    return pl.DataFrame(schema=REJECTED)


@dataclass(frozen=True)
class TableReader:
    """Reads Parquet or a Delta table with polars' streaming engine."""

    frame: pl.LazyFrame
    layout: Layout | None

    def batches(self, rows: int) -> Iterator[Batch]:
        if self.layout is None:
            return
        chosen = self.frame.select(self.layout.columns)
        for batch in chosen.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming"):
            yield batch, nothing_rejected()

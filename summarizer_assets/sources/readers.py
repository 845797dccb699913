"""One file of each format to batches of its rows in order, in bounded memory, typed so that no id can lose a digit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from summarizer_assets.core.records import REJECTED
from summarizer_assets.sources.columns import Layout, table_layout

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
    """Parquet, CSV or a Delta table through polars' streaming engine."""

    frame: pl.LazyFrame
    layout: Layout | None

    def batches(self, rows: int) -> Iterator[Batch]:
        if self.layout is None:
            return
        chosen = self.frame.select(self.layout.columns)
        for batch in chosen.collect_batches(chunk_size=rows, maintain_order=True, engine="streaming"):
            yield batch, nothing_rejected()


def open_csv(path: str, mapping: Mapping[str, str], options: dict[str, str] | None) -> TableReader:
    def scan(separator: str) -> pl.LazyFrame:
        return pl.scan_csv(
            path, separator=separator, infer_schema=False, glob=False, raise_if_empty=False, storage_options=options
        )

    separator = ","
    names = scan(separator).collect_schema().names()
    if not names:
        return TableReader(scan(separator), None)
    if len(names) == 1:  # then the header was not separated by commas
        separator = next((mark for mark in ("\t", ";", "|") if mark in names[0]), ",")
    frame = scan(separator)
    return TableReader(frame, table_layout(frame.collect_schema().names(), mapping, path))

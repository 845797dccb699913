"""Hive-style partition columns, whose values are in folder names: `journal=Cell/part-0.parquet`."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

import polars as pl

from summarizer_assets.sources.columns import AUTHOR_NAMES, PAPER_NAMES, Layout, matches
from summarizer_assets.sources.readers import Batch, Reader

_NULL = "__HIVE_DEFAULT_PARTITION__"


def values_of(path: str, base: str) -> dict[str, str | None]:
    """The partition values in the folder names between `base` and the file."""
    folders = path.removeprefix(base).split("/")[:-1]
    pairs = [folder.partition("=") for folder in folders if "=" in folder]
    return {unquote(name): None if value in {_NULL, ""} else unquote(value) for name, _, value in pairs if name}


def of_ours(values: Mapping[str, str | None], mapping: Mapping[str, str]) -> dict[str, str]:
    """Our columns that are partition columns: our names mapped to the names in the folders."""
    found = {name: matches(name, [*values], mapping) for name in (*AUTHOR_NAMES, *PAPER_NAMES) if name != "papers"}
    return {name: keys[0] for name, keys in found.items() if keys and keys[0] in values}


@dataclass(frozen=True)
class WithFolderColumns:
    """A reader whose batches also have the partition columns; a column of the file itself takes precedence.

    Attributes:
        reader: the file's reader.
        told: our names mapped to the partition values.
        own_names: whether the reader's batches have our names.
    """

    reader: Reader
    told: Mapping[str, str | None]
    own_names: bool

    @property
    def layout(self) -> Layout | None:
        layout = self.reader.layout
        if layout is None:
            return None
        added = {name: self._column(name) for name in self.told}
        authors = {name: column for name, column in added.items() if name in AUTHOR_NAMES} | dict(layout.authors)
        if layout.form == "nested":
            return replace(layout, authors=authors)
        papers = {name: column for name, column in added.items() if name in PAPER_NAMES} | dict(layout.papers)
        return replace(layout, form="flat" if papers else "narrow", authors=authors, papers=papers)

    def batches(self, rows: int) -> Iterator[Batch]:
        for frame, rejected in self.reader.batches(rows):
            nested = "papers" in frame.columns if self.own_names else self._is_nested
            told = {name: value for name, value in self.told.items() if name in AUTHOR_NAMES or not nested}
            yield frame.with_columns(self._values(frame, told)), rejected

    def _values(self, frame: pl.DataFrame, told: Mapping[str, str | None]) -> list[pl.Expr]:
        return [
            (pl.coalesce(name, pl.lit(value)) if name in frame.columns and self.own_names else pl.lit(value))
            .cast(frame.schema.get(name, pl.String) if self.own_names else pl.String)
            .alias(self._column(name))
            for name, value in told.items()
        ]

    @property
    def _is_nested(self) -> bool:
        return self.reader.layout is not None and self.reader.layout.form == "nested"

    def _column(self, name: str) -> str:
        return name if self.own_names else f"folder of {name}"

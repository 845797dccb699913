"""One file of each format to batches of its rows in order, in bounded memory, typed so that no id can lose a digit."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from summarizer_assets.core.records import REJECTED
from summarizer_assets.sources import json_text
from summarizer_assets.sources.columns import AUTHOR_NAMES, PAPER_NAMES, Layout, table_layout
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.shape import rejected_texts

_PEEKED = 1000
_DECODED_LINES = 10_000
_LONG_NUMBER = 16  # digits from which a JSON float may have been rounded


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


@dataclass(frozen=True)
class ParquetReader(TableReader):
    """A Parquet file, whose footer tells how many rows must come.

    Over some damaged files polars' stream (2.1) falls over in a thread of its own and then ends as if there were no
    more rows; an ingest would take their authors for gone.
    """

    path: str

    def batches(self, rows: int) -> Iterator[Batch]:
        expected, come = self.frame.select(pl.len()).collect().item(), 0
        for frame, rejected in super().batches(rows):
            come += frame.height
            yield frame, rejected
        if come != expected:
            raise SourceError(
                f"{self.path}: {come} of its {expected} rows could be read: the file is damaged; write it anew, or put "
                "it back from a backup"
            )


def open_parquet(path: str, mapping: Mapping[str, str], options: dict[str, str] | None) -> ParquetReader:
    frame = pl.scan_parquet(path, glob=False, hive_partitioning=False, storage_options=options)
    return ParquetReader(frame, table_layout(frame.collect_schema().names(), mapping, path), path)


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


@dataclass(frozen=True)
class JsonLinesReader:
    """JSON lines: as lines first, so that a broken line costs itself only, and ids can be compared with their text."""

    path: str
    lines: pl.LazyFrame
    dtype: pl.Struct
    layout: Layout | None

    def batches(self, rows: int) -> Iterator[Batch]:
        if self.layout is None:
            return
        # Parsed JSON takes several times the memory of its text, so little is parsed at once.
        size = min(rows, _DECODED_LINES)
        for batch in self.lines.collect_batches(chunk_size=size, maintain_order=True, engine="streaming"):
            lines = _without_blanks(batch)
            decoded, broken = json_text.decode(lines, self.dtype)
            reason = pl.select(
                pl.when(broken | decoded.is_null())
                .then(pl.lit("unreadable_line"))
                .when(self._rounded_ids(lines, decoded))
                .then(pl.lit("unusable_id"))
            ).to_series()
            bad = reason.is_not_null()
            frame = decoded.struct.unnest().select(self.layout.columns)
            if bad.any():
                yield frame.filter(~bad), rejected_texts(lines.filter(bad), reason.filter(bad), self.path, None)
            else:
                yield frame, nothing_rejected()

    def _rounded_ids(self, lines: pl.Series, decoded: pl.Series) -> pl.Series:
        """Long ids whose digits are not in their line: a JSON number that was a float, so it may be another's id."""
        assert self.layout is not None
        ids = decoded.struct.field(self.layout.authors["author_id"])
        long = ids.str.contains(rf"^-?\d{{{_LONG_NUMBER},}}$")
        if not long.any():
            return pl.repeat(False, lines.len(), dtype=pl.Boolean, eager=True)
        pair = pl.DataFrame({"line": lines, "id": ids})
        found = pl.col("line").str.contains(pl.col("id"), literal=True)
        return pair.select(pl.lit(long) & ~found).to_series().fill_null(False)


def _without_blanks(batch: pl.DataFrame) -> pl.Series:
    lines = batch.to_series().str.strip_chars(" \t\r\ufeff")
    return lines.filter(lines.str.len_bytes() > 0)


def open_jsonl(path: str, mapping: Mapping[str, str], options: dict[str, str] | None) -> JsonLinesReader:
    lines = pl.scan_lines(path, glob=False, storage_options=options)
    first = _without_blanks(lines.head(_PEEKED).collect())
    if first.is_empty():
        return JsonLinesReader(path, lines, pl.Struct([]), None)
    objects = [value for value in json_text.peek(first) if isinstance(value, dict)]
    if not objects:
        raise SourceError(
            f"{path}: holds no JSON object a line (it begins {first[0][:60]!r}); "
            "write one object a line, as `jq -c '.[]'` does with an array"
        )
    keys = list(dict.fromkeys(key for item in objects for key in item))
    layout = table_layout(keys, mapping, path)
    names = {**layout.authors, **layout.papers}
    # Columns that these lines lack are read under our own name: later ones may have them.
    later = (*AUTHOR_NAMES[:-1], *PAPER_NAMES) if layout.form == "flat" else AUTHOR_NAMES
    names.update({name: name for name in later if name not in names and name not in names.values()})
    dtype = pl.Struct({source: _type(name, source, objects, mapping, path) for name, source in names.items()})
    authors = {name: source for name, source in names.items() if name in AUTHOR_NAMES}
    papers = {name: source for name, source in names.items() if name in PAPER_NAMES}
    return JsonLinesReader(path, lines, dtype, Layout(layout.form, authors, papers))


def _type(
    name: str, source: str, objects: list[dict[str, object]], mapping: Mapping[str, str], path: str
) -> pl.DataType:
    values = [item.get(source) for item in objects]
    if name != "papers" or any(isinstance(value, str) for value in values):
        return json_text.field_type(name, values)
    papers = [paper for value in values if isinstance(value, list) for paper in value if isinstance(paper, dict)]
    return json_text.papers_type(papers, mapping, f"{path}: column {source!r}")

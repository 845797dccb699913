"""Conversion of a batch of source rows, typed by its format, to a chunk in our schema."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import polars as pl

from summarizer_assets.core.paper_fields import PAPER_FIELDS, Kind
from summarizer_assets.core.records import AUTHOR, PAPER, REJECTED
from summarizer_assets.sources import null_words, values
from summarizer_assets.sources.chunk import Chunk, ChunkCounts
from summarizer_assets.sources.columns import AUTHOR_NAMES, PAPER_NAMES, Layout, matches, paper_fields
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.ids import author_id
from summarizer_assets.sources.json import values as json_values
from summarizer_assets.sources.lists import lists_of
from summarizer_assets.sources.values import MAX_TEXT, Parsed

_ROW_CHARACTERS = 2000

#: A column that line-based readers may add: the number of each row's first line, to locate a rejected row in its file.
LINE = "__line"

_Read = Callable[[pl.Expr, pl.DataType, str], Parsed]

_KIND_READERS: Mapping[Kind, _Read] = {
    Kind.KEY: values.key,
    Kind.TEXT: values.text,
    Kind.TEXTS: values.joined,
    Kind.FLAG: values.flag,
    Kind.COUNT: values.count,
}
_PAPER_READERS = {field.name: _KIND_READERS[field.kind] for field in PAPER_FIELDS}
_AUTHOR_READERS: Mapping[str, _Read] = {
    "author_name": values.name,
    "primary_affiliation": values.text,
    "topics": values.topics,
}


@dataclass(frozen=True)
class Shaper:
    """Turns batches of one file into chunks.

    Attributes:
        layout: the file's columns.
        mapping: our column names mapped to the source's, for the fields of nested papers.
        where: the file's name, for errors.
    """

    layout: Layout
    mapping: Mapping[str, str]
    where: str

    def __call__(self, batch: pl.DataFrame) -> Chunk:
        counts = ChunkCounts(batch.height)
        decoded, reason = self._with_papers_decoded(batch, self._ids(batch), counts)
        rejected = rejected_rows(batch.filter(reason.is_not_null()), reason.drop_nulls(), self.where)
        good = decoded if rejected.is_empty() else decoded.filter(reason.is_null())

        readers = {name: _AUTHOR_READERS[name] for name in self.layout.authors if name in _AUTHOR_READERS}
        authors = self._read(good, readers, self.layout.authors, counts)
        authors = pl.DataFrame([self._id_values(good), *authors.get_columns()])
        if self.layout.form == "flat":
            readers = {name: _PAPER_READERS[name] for name in self.layout.papers}
            papers = self._read(good, readers, self.layout.papers, counts)
            authors = _grouped(authors, _papers_struct(papers))
        elif "papers" in self.layout.authors:
            authors = authors.with_columns(self._nested_papers(good, counts))
        return Chunk(_completed(authors), rejected, counts)

    def is_of(self, schema: pl.Schema, ids: pl.Series) -> pl.Expr:
        """Whether a source row belongs to one of the authors `ids`, or cannot become an author."""
        value, reason = self._id_expressions(schema)
        return value.is_in(ids.implode()) | reason.is_not_null()

    def _what(self, name: str) -> str:
        return f"{self.where}: column {name!r}"

    def _id_expressions(self, schema: pl.Schema) -> tuple[pl.Expr, pl.Expr]:
        name = self.layout.authors["author_id"]
        return author_id(pl.col(name), schema[name], self._what(name))

    def _ids(self, batch: pl.DataFrame) -> pl.Series:
        return batch.select(self._id_expressions(batch.schema)[1].alias("reason")).to_series()

    def _id_values(self, good: pl.DataFrame) -> pl.Series:
        return good.select(self._id_expressions(good.schema)[0].alias("author_id")).to_series()

    def _read(
        self,
        frame: pl.DataFrame,
        readers: Mapping[str, _Read],
        names: Mapping[str, str],
        counts: ChunkCounts,
    ) -> pl.DataFrame:
        """Read our columns from the source's columns `names`; count the values lost."""
        parsed = {
            name: read(pl.col(names[name]), frame.schema[names[name]], self._what(names[name]))
            for name, read in readers.items()
        }
        result = frame.select(column.value.alias(name) for name, column in parsed.items())
        if frame.height:
            lossy = {name: column for name, column in parsed.items() if _may_lose(frame[names[name]], result[name])}
            counts.unparsable.update(_sums(frame, {name: column.unparsable for name, column in lossy.items()}))
            counts.nothing.update(_sums(frame, {name: column.nothing for name, column in lossy.items()}))
        return _cut(result, counts.cut)

    def _nested_papers(self, good: pl.DataFrame, counts: ChunkCounts) -> pl.Series:
        name = self.layout.authors["papers"]
        column = good[name]
        if column.dtype == pl.Null:
            return pl.Series("papers", [[]] * good.height, dtype=AUTHOR["papers"])
        if isinstance(column.dtype, pl.Array):
            column = column.arr.to_list()
        if not isinstance(column.dtype, pl.List) or not isinstance(column.dtype.inner, pl.Struct):
            raise SourceError(
                f"{self._what(name)} has the type {column.dtype}, but papers are a list of structs (in CSV: JSON text "
                "of a list of objects); convert it, or give one row an author and paper"
            )
        fields = paper_fields([field.name for field in column.dtype.inner.fields], self.mapping, self._what(name))
        items = column.explode(empty_as_null=False, keep_nulls=False).struct.unnest()
        readers = {ours: _PAPER_READERS[ours] for ours in fields}
        papers = self._read(items, readers, fields, counts)
        return lists_of(_papers_struct(papers), column.list.len().fill_null(0)).alias("papers")

    def _with_papers_decoded(
        self, batch: pl.DataFrame, reason: pl.Series, counts: ChunkCounts
    ) -> tuple[pl.DataFrame, pl.Series]:
        """Decode papers in JSON text to lists; a row with broken text is rejected, not an author without papers."""
        name = self.layout.authors.get("papers")
        if name is None or not values.is_written(batch.schema[name]):
            return batch, reason
        written = values.as_text(pl.col(name), batch.schema[name], self._what(name))
        lost = batch.select(written.is_null() & pl.col(name).is_not_null()).to_series()
        texts, broken = [], lost.arg_true().to_list()
        for text in batch.select(values.blank_to_null(written)).to_series():
            try:
                texts.append(None if text is None or text.lower() in null_words.IN_CODES else json_values.decoded(text))
            except ValueError:
                broken.append(len(texts))
                texts.append(None)
        keys = [*json_values.keys_of_papers(texts)]
        if keys:
            paper_fields(keys, {ours: key for ours, key in self.mapping.items() if key in keys}, self._what(name))
        fields = {ours: found for ours in PAPER_NAMES if (found := matches(ours, keys, self.mapping))}
        papers, wrong = json_values.papers(texts, fields or {"ut": ["ut"]})
        counts.nothing.update(_sums(batch, {"papers": null_words.is_in_code(written.str.strip_chars())}))
        why = reason.to_list()
        for row in (*broken, *wrong):
            why[row] = why[row] or "unreadable_papers"
        return batch.with_columns(papers.alias(name)), pl.Series("reason", why, dtype=pl.String)


def _may_lose(source: pl.Series, read: pl.Series) -> bool:
    """Whether a value may have become null: not if as many are null as before, unless a list may have lost items."""
    return source.dtype.is_nested() or read.dtype.is_nested() or source.null_count() != read.null_count()


def _sums(frame: pl.DataFrame, columns: Mapping[str, pl.Expr | None]) -> dict[str, int]:
    """The non-zero sums of the columns."""
    summed = [column.sum().alias(name) for name, column in columns.items() if column is not None]
    return {name: number for name, number in frame.select(summed).to_dicts()[0].items() if number} if summed else {}


def _cut(frame: pl.DataFrame, cut: Counter[str]) -> pl.DataFrame:
    for name in [name for name, dtype in frame.schema.items() if dtype == pl.String]:
        column = frame[name]
        longest = column.str.len_bytes().max()
        if isinstance(longest, int) and longest > MAX_TEXT:
            too_long = int((column.str.len_chars() > MAX_TEXT).sum())
            if too_long:
                cut[name] += too_long
                frame = frame.with_columns(column.str.head(MAX_TEXT))
    return frame


def _papers_struct(papers: pl.DataFrame) -> pl.Series:
    """All fields as one struct column; fields that the source lacks are null."""
    columns = [
        (pl.col(field.name) if field.name in papers.columns else pl.lit(None)).cast(field.dtype).alias(field.name)
        for field in PAPER.fields
    ]
    if papers.width == 0:
        return pl.Series("papers", [], dtype=PAPER)
    return papers.select(pl.struct(columns).alias("papers")).to_series()


def _grouped(authors: pl.DataFrame, papers: pl.Series) -> pl.DataFrame:
    """Group author-paper rows to one row per author: the first non-null values and all papers."""
    firsts = [pl.col(name).drop_nulls().first() for name in authors.columns if name not in {"author_id", "topics"}]
    topics = [pl.col("topics").explode(empty_as_null=False, keep_nulls=False)] if "topics" in authors.columns else []
    return (
        authors.with_columns(papers.alias("papers"))
        .group_by("author_id", maintain_order=True)
        .agg(*firsts, *topics, pl.col("papers"))
    )


def _completed(authors: pl.DataFrame) -> pl.DataFrame:
    """Add the missing columns of an author; lists become empty, never null."""
    lists = {"topics", "papers"}
    columns = [pl.col(name) if name in authors.columns else pl.lit(None).alias(name) for name in AUTHOR_NAMES]
    typed = authors.select(columns).cast(AUTHOR)
    return typed.with_columns(pl.col(name).fill_null(pl.lit([], dtype=AUTHOR[name])) for name in lists)


def rejected_rows(rows: pl.DataFrame, reasons: pl.Series, where: str) -> pl.DataFrame:
    """The rows as JSON, cut at 2,000 characters, each with its reason. Schema `records.REJECTED`."""
    shown = rows.drop(LINE, strict=False).iter_rows(named=True)
    texts = pl.Series([msgspec.json.encode(_shown(row), enc_hook=str).decode() for row in shown], dtype=pl.String)
    return rejected_texts(texts, reasons, where, rows[LINE] if LINE in rows.columns else None)


def rejected_texts(rows: pl.Series, reasons: pl.Series, where: str, lines: pl.Series | None) -> pl.DataFrame:
    """Rejected rows that are texts, prefixed by file and, if known, line. Schema `records.REJECTED`."""
    texts = rows.str.head(_ROW_CHARACTERS)
    if lines is not None:
        texts = pl.select(pl.format("{}:{}: {}", pl.lit(where), lines, texts)).to_series()
    return pl.DataFrame(
        {"reason": reasons, "row": texts, "count": pl.repeat(1, rows.len(), eager=True)}, schema=REJECTED
    )


def _shown(row: Mapping[str, object]) -> dict[str, object]:
    """A row for JSON: bytes decoded as text, and integers beyond 64 bits as texts."""

    def shown(value: object) -> object:
        if isinstance(value, bytes):
            return value.decode(errors="backslashreplace")
        return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**63 else value

    return {name: shown(value) for name, value in row.items()}

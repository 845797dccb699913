"""A batch of source rows, as typed by its format, to a chunk in our shape."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
import polars as pl

from summarizer_assets.core.records import AUTHOR, PAPER, REJECTED
from summarizer_assets.sources import json_text, values
from summarizer_assets.sources.chunk import Chunk, ChunkCounts
from summarizer_assets.sources.columns import AUTHOR_NAMES, Layout, paper_fields
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.lists import lists_of
from summarizer_assets.sources.values import MAX_TEXT, Parsed

_ROW_CHARACTERS = 2000

_Read = Callable[[pl.Expr, pl.DataType, str], Parsed]

_PAPER_READERS: Mapping[str, _Read] = {
    "ut": values.key,
    "hot_paper": values.flag,
    "highly_cited_paper": values.flag,
    "citingsrcslocalcount": values.count,
}
_AUTHOR_READERS: Mapping[str, _Read] = {
    "author_name": values.text,
    "primary_affiliation": values.text,
    "topics": values.topics,
}


@dataclass(frozen=True)
class Shaper:
    """Turns batches of one file into chunks.

    Attributes:
        layout: the file's columns.
        mapping: our column names to the source's, for the fields of nested papers.
        where: the file's name, for errors.
        untyped: all columns are texts because the format has no types (CSV).
    """

    layout: Layout
    mapping: Mapping[str, str]
    where: str
    untyped: bool

    def __call__(self, batch: pl.DataFrame) -> Chunk:
        unparsable: Counter[str] = Counter()
        cut: Counter[str] = Counter()
        decoded, reason = self._with_papers_decoded(batch, self._ids(batch))
        rejected = rejected_rows(batch.filter(reason.is_not_null()), reason.drop_nulls())
        good = decoded if rejected.is_empty() else decoded.filter(reason.is_null())

        readers = {name: _AUTHOR_READERS[name] for name in self.layout.authors if name in _AUTHOR_READERS}
        authors = self._read(good, readers, self.layout.authors, unparsable, cut)
        authors = pl.DataFrame([self._id_values(good), *authors.get_columns()])
        if self.layout.form == "flat":
            readers = {name: _PAPER_READERS.get(name, values.text) for name in self.layout.papers}
            papers = self._read(good, readers, self.layout.papers, unparsable, cut)
            authors = _grouped(authors, _papers_struct(papers))
        elif "papers" in self.layout.authors:
            authors = authors.with_columns(self._nested_papers(good, unparsable, cut))
        return Chunk(_completed(authors), rejected, ChunkCounts(batch.height, unparsable, cut))

    def is_of(self, schema: pl.Schema, ids: pl.Series) -> pl.Expr:
        """Whether a source row is of one of the authors `ids`, or can be of none."""
        value, reason = self._id_expressions(schema)
        return value.is_in(ids.implode()) | reason.is_not_null()

    def _what(self, name: str) -> str:
        return f"{self.where}: column {name!r}"

    def _id_expressions(self, schema: pl.Schema) -> tuple[pl.Expr, pl.Expr]:
        name = self.layout.authors["author_id"]
        return values.author_id(pl.col(name), schema[name], self._what(name), untyped=self.untyped)

    def _ids(self, batch: pl.DataFrame) -> pl.Series:
        return batch.select(self._id_expressions(batch.schema)[1].alias("reason")).to_series()

    def _id_values(self, good: pl.DataFrame) -> pl.Series:
        return good.select(self._id_expressions(good.schema)[0].alias("author_id")).to_series()

    def _read(
        self,
        frame: pl.DataFrame,
        readers: Mapping[str, _Read],
        names: Mapping[str, str],
        unparsable: Counter[str],
        cut: Counter[str],
    ) -> pl.DataFrame:
        """The columns of `readers`, read from the source's columns `names`; counts what was lost."""
        parsed = {
            name: read(pl.col(names[name]), frame.schema[names[name]], self._what(names[name]))
            for name, read in readers.items()
        }
        result = frame.select(column.value.alias(name) for name, column in parsed.items())
        doubtful = {name: column.unparsable for name, column in parsed.items() if column.unparsable is not None}
        if doubtful and frame.height:
            lost = frame.select(column.sum().alias(name) for name, column in doubtful.items()).row(0, named=True)
            unparsable.update({name: number for name, number in lost.items() if number})
        return _cut(result, cut)

    def _nested_papers(self, good: pl.DataFrame, unparsable: Counter[str], cut: Counter[str]) -> pl.Series:
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
        readers = {ours: _PAPER_READERS.get(ours, values.text) for ours in fields}
        papers = self._read(items, readers, fields, unparsable, cut)
        return lists_of(_papers_struct(papers), column.list.len().fill_null(0)).alias("papers")

    def _with_papers_decoded(self, batch: pl.DataFrame, reason: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Papers in JSON text as lists; a row whose text is broken is rejected, not an author without papers."""
        name = self.layout.authors.get("papers")
        if name is None or batch.schema[name] != pl.String:
            return batch, reason
        present = batch[name].str.strip_chars().str.len_bytes().fill_null(0) > 0
        texts = batch[name].filter(present)
        papers = [
            paper
            for value in json_text.peek(texts)
            if isinstance(value, list)
            for paper in value
            if isinstance(paper, dict)
        ]
        dtype = json_text.papers_type(papers, self.mapping, self._what(name))
        decoded, broken = json_text.decode(texts, dtype)
        found = pl.DataFrame({"row": present.arg_true(), "decoded": decoded, "broken": broken})
        rows = pl.DataFrame({"reason": reason}).with_row_index("row")
        joined = rows.join(found, on="row", how="left", maintain_order="left").with_columns(
            pl.coalesce("reason", pl.when(pl.col("broken")).then(pl.lit("unreadable_papers")))
        )
        return batch.with_columns(joined["decoded"].alias(name)), joined["reason"]


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
    """All eight fields, those that the source lacks null, as one struct column."""
    columns = [
        (pl.col(field.name) if field.name in papers.columns else pl.lit(None)).cast(field.dtype).alias(field.name)
        for field in PAPER.fields
    ]
    if papers.width == 0:
        return pl.Series("papers", [], dtype=PAPER)
    return papers.select(pl.struct(columns).alias("papers")).to_series()


def _grouped(authors: pl.DataFrame, papers: pl.Series) -> pl.DataFrame:
    """Rows of one author and paper each to one row an author: the first known values, all papers."""
    firsts = [pl.col(name).drop_nulls().first() for name in authors.columns if name not in {"author_id", "topics"}]
    topics = [pl.col("topics").explode(empty_as_null=False, keep_nulls=False)] if "topics" in authors.columns else []
    return (
        authors.with_columns(papers.alias("papers"))
        .group_by("author_id", maintain_order=True)
        .agg(*firsts, *topics, pl.col("papers"))
    )


def _completed(authors: pl.DataFrame) -> pl.DataFrame:
    """All columns of an author; lists are empty, never null."""
    lists = {"topics", "papers"}
    columns = [pl.col(name) if name in authors.columns else pl.lit(None).alias(name) for name in AUTHOR_NAMES]
    typed = authors.select(columns).cast(AUTHOR)
    return typed.with_columns(pl.col(name).fill_null(pl.lit([], dtype=AUTHOR[name])) for name in lists)


def rejected_rows(rows: pl.DataFrame, reasons: pl.Series) -> pl.DataFrame:
    """The rows as JSON, cut at 2,000 characters, each with its reason. Schema `records.REJECTED`."""
    texts = [msgspec.json.encode(row, enc_hook=str).decode()[:_ROW_CHARACTERS] for row in rows.iter_rows(named=True)]
    return rejected_texts(pl.Series(texts, dtype=pl.String), reasons)


def rejected_texts(rows: pl.Series, reasons: pl.Series) -> pl.DataFrame:
    """Rows that are texts already. Schema `records.REJECTED`."""
    return pl.DataFrame(
        {"reason": reasons, "row": rows.str.head(_ROW_CHARACTERS), "count": pl.repeat(1, rows.len(), eager=True)},
        schema=REJECTED,
    )

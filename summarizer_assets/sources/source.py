"""The entry point of all sources: opens an address and streams chunks of authors."""

from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self

import polars as pl
import pyarrow as pa
from deltalake.exceptions import DeltaError

from summarizer_assets.sources import folder_columns, parquet, readers
from summarizer_assets.sources.chunk import Chunk
from summarizer_assets.sources.columns import PAPER_NAMES, Form, Layout
from summarizer_assets.sources.csv.reader import CsvReader, open_csv
from summarizer_assets.sources.delta import increments
from summarizer_assets.sources.delta import reader as delta_reader
from summarizer_assets.sources.delta.files import DeltaReader
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.file_kinds import check_kind
from summarizer_assets.sources.files import list_files
from summarizer_assets.sources.folder_columns import WithFolderColumns
from summarizer_assets.sources.formats import FORMATS, Format
from summarizer_assets.sources.json import lines as json_lines
from summarizer_assets.sources.shape import Shaper

_READ_ERRORS = (pl.exceptions.PolarsError, pa.ArrowException, DeltaError, OSError)

_OPENERS: Mapping[Format, Callable[[str, Mapping[str, str], dict[str, str] | None], readers.Reader]] = {
    "parquet": parquet.open_parquet,
    "csv": open_csv,
    "jsonl": json_lines.open_jsonl,
}


@dataclass(frozen=True)
class Source:
    """An opened source whose columns make authors.

    Attributes:
        uri: the address as configured.
        format: the format of all its files.
        paths: its files in reading order; a Delta table is one path.
        layout: the layout of its first file with rows.
        columns: our column names mapped to the source's, as configured.
    """

    uri: str
    format: Format
    paths: tuple[str, ...]
    layout: Layout
    columns: Mapping[str, str]
    _options: dict[str, str] | None
    _base: str
    _only: pl.Series | None = None

    @property
    def form(self) -> Form:
        return self.layout.form

    @property
    def missing(self) -> tuple[str, ...]:
        """Our columns that the source lacks, so that they are null; for nested papers, only the author columns."""
        papers = PAPER_NAMES if self.form == "flat" else ()
        wanted = ("author_name", "primary_affiliation", "topics", *papers)
        return tuple(name for name in wanted if name not in {*self.layout.authors, *self.layout.papers})

    def paper_fields(self) -> tuple[str, ...]:
        """The fields of nested papers as the source names them; empty where papers are text.

        Raises:
            SourceError: the first file cannot be read.
        """
        if self._has_own_names or self.form != "nested":
            return self.layout.fields
        for path in self.paths:
            reader = _open(path, self.format, self.columns, self._options, self._base)
            for batch, _ in self._batches_of(path, reader, 1):
                inner = getattr(batch.schema[self.layout.authors["papers"]], "inner", None)
                return tuple(field.name for field in inner.fields) if isinstance(inner, pl.Struct) else ()
        return ()

    def version(self) -> tuple[str, int] | None:
        """A Delta table's id and newest version; None if the source has no versions.

        Raises:
            SourceError: the log cannot be read.
        """
        if self.format != "delta":
            return None
        try:
            return increments.version_of(self.paths[0], self._options)
        except _READ_ERRORS as error:
            raise _translated(self.paths[0], self.format, self._options, error) from error

    def row_count(self) -> int:
        """The number of rows of a Delta table's newest version by its log; 0 if the log does not have it.

        Raises:
            SourceError: the log cannot be read.
        """
        try:
            return increments.rows_of(self.paths[0], self._options)
        except _READ_ERRORS as error:
            raise _translated(self.paths[0], self.format, self._options, error) from error

    def changed_ids(self, since: int, until: int) -> pl.Series:
        """Ids of the authors whose rows differ between two versions of a Delta table.

        Raises:
            increments.NoIncrement: they cannot be determined with certainty.
        """
        reader = _open(self.paths[0], self.format, self.columns, self._options, self._base)
        if not isinstance(reader, readers.TableReader):
            raise increments.NoIncrement("polars cannot read its protocol")
        if reader.frame.collect_schema().get(self.layout.authors.get("papers", "")) == pl.String:
            raise increments.NoIncrement("its papers are JSON texts: which of them are broken is known by reading all")
        return increments.changed_ids(self.paths[0], self._options, self.layout, since, until)

    @property
    def _has_own_names(self) -> bool:
        return self.format in FORMATS and FORMATS[self.format].own_names

    def only(self, ids: pl.Series) -> Self:
        """The same source filtered to these authors; rows that cannot become an author are still read."""
        return replace(self, _only=ids)

    def chunks(self, rows: int) -> Generator[Chunk, None, None]:
        """Yield all rows in the source's order, about `rows` at a time, which bounds the memory.

        Raises:
            SourceError: a file cannot be read, or its columns or form differ from the first one's.
        """
        for path in self.paths:
            yield from self._chunks_of(path, rows)

    def _chunks_of(self, path: str, rows: int) -> Iterator[Chunk]:
        reader = _open(path, self.format, self.columns, self._options, self._base)
        if reader.layout is None:
            return
        # JSON lines have no schema, so files that happen to lack papers or topics still belong together.
        loose = self._has_own_names and "flat" not in (reader.layout.form, self.form)
        if reader.layout.form != self.form and not loose:
            raise SourceError(
                f"{path}: is {reader.layout.form}, but {self.paths[0]} is {self.form} "
                "(nested: a column of papers; flat: columns of one paper); choose the files of one form with a glob"
            )
        shape = Shaper(reader.layout, self.columns, path)
        if self._only is not None:
            reader = _filtered(reader, shape, self._only)
        of_file = reader.reader if isinstance(reader, WithFolderColumns) else reader
        begins = True
        for batch, rejected in self._batches_of(path, reader, rows):
            if self._has_own_names:  # and the columns seen so far
                shape = Shaper(json_lines.own_layout(batch.columns), {}, path)
            chunk = shape(batch)
            if begins and isinstance(of_file, CsvReader):
                chunk = replace(chunk, counts=chunk.counts.with_read_as(of_file.words))
            begins = False
            if rejected.is_empty():
                yield chunk
            else:
                rows_seen = chunk.counts.with_rows(rejected.height)
                yield Chunk(chunk.authors, pl.concat([rejected, chunk.rejected]), rows_seen)

    def _batches_of(self, path: str, reader: readers.Reader, rows: int) -> Iterator[readers.Batch]:
        try:
            yield from reader.batches(rows)
        except _READ_ERRORS as error:
            raise _translated(path, self.format, self._options, error) from error


def open_source(uri: str, columns: Mapping[str, str], storage_options: Mapping[str, str] | None = None) -> Source:
    """Open a Delta table, or Parquet, CSV, JSONL (text also .gz, .zst) as file, folder or glob, local or `s3://`.

    Args:
        uri: address of the source.
        columns: our column names mapped to the source's, where they differ; they take precedence over known names.
        storage_options: `AWS_*` settings of an `s3://` source.

    Raises:
        SourceError: nothing readable exists there, or its columns do not make an author.
    """
    options = dict(storage_options) if storage_options else None
    listing = list_files(uri, options)
    for path in listing.paths:
        layout = _open(path, listing.format, columns, options, listing.base).layout
        if layout is not None:
            return Source(uri, listing.format, listing.paths, layout, dict(columns), options, listing.base)
    raise SourceError(f"{uri}: is empty, without even a header; expected rows of authors")


def _filtered(reader: readers.Reader, shape: Shaper, ids: pl.Series) -> readers.Reader:
    assert isinstance(reader, DeltaReader), "ids were told of a table that polars reads"
    return replace(reader, kept=shape.is_of(reader.frame.collect_schema(), ids))


def _open(
    path: str, kind: Format, columns: Mapping[str, str], options: dict[str, str] | None, base: str
) -> readers.Reader:
    try:
        if kind == "delta":
            return delta_reader.open_delta(path, columns, options)
        check_kind(path, FORMATS[kind], options)
        folders = folder_columns.values_of(path, base)
        told = folder_columns.of_ours(folders, columns)
        in_file = {ours: theirs for ours, theirs in columns.items() if told.get(ours) != theirs}
        reader = _OPENERS[kind](path, in_file, options)
        if not told:
            return reader
        return WithFolderColumns(reader, {ours: folders[key] for ours, key in told.items()}, FORMATS[kind].own_names)
    except _READ_ERRORS as error:
        raise _translated(path, kind, options, error) from error


def _translated(path: str, kind: Format, options: dict[str, str] | None, error: Exception) -> SourceError:
    """Translate a library's error into one that names the file and the remedy."""
    if kind == "delta":
        return delta_reader.unreadable(path, options, error)
    return SourceError(
        f"{path}: cannot be read as {kind}: {' '.join(str(error).split())[:500]}; "
        "the file may be damaged, cut off, not UTF-8, or another format than its name says"
    )

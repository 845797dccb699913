"""The Parquet file reader: polars if it supports all of the file's types, otherwise Arrow with selected columns.

Why (measured with polars 2.1 and pyarrow 26): polars parses the whole schema and crashes on a time zone given as an
offset, an interval or a variant, even in a column that is not read; it misreads 96-bit timestamps after the year 2262.
Arrow touches only the selected columns.
"""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import available_timezones

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from summarizer_assets.core.delta_log import is_panic
from summarizer_assets.sources.columns import PAPER_NAMES, Layout, matches, table_layout
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.readers import Batch, TableReader, nothing_rejected
from summarizer_assets.sources.stores import filesystem

_DIGITS = 38  # precision of a 128-bit decimal
_REMEDY = "write it anew, or put it back from a backup"


@dataclass(frozen=True)
class ParquetReader(TableReader):
    """A file read by polars; the number of rows is checked against its footer.

    On some damaged files polars' stream (2.1) crashes in a thread of its own and then ends as if there were no more
    rows; an ingest would treat their authors as removed.
    """

    path: str
    rows: int
    uuids: Sequence[str]

    def batches(self, rows: int) -> Iterator[Batch]:
        return _counted(super().batches(rows), self.rows, self.path, self.uuids)


@dataclass(frozen=True)
class ArrowParquetReader:
    """A file read by Arrow.

    Attributes:
        leaves: paths of all leaf columns that are read, down to the papers' fields.
    """

    path: str
    layout: Layout
    rows: int
    uuids: Sequence[str]
    leaves: Sequence[str]
    options: dict[str, str] | None

    def batches(self, rows: int) -> Iterator[Batch]:
        return _counted(self._batches(rows), self.rows, self.path, self.uuids)

    def _batches(self, rows: int) -> Iterator[Batch]:
        store, place = filesystem(self.path, self.options)
        with store.open_input_file(place) as stream:
            file = pq.ParquetFile(stream, coerce_int96_timestamp_unit="us")
            for batch in file.iter_batches(batch_size=rows, columns=list(self.leaves)):
                arrays = [_known_to_polars(column) for column in batch.columns]
                frame = pl.from_arrow(pa.RecordBatch.from_arrays(arrays, batch.schema.names))
                assert isinstance(frame, pl.DataFrame)
                yield frame.select(self.layout.columns), nothing_rejected()


def open_parquet(
    path: str, mapping: Mapping[str, str], options: dict[str, str] | None
) -> ParquetReader | ArrowParquetReader:
    """Open a Parquet file.

    Raises:
        SourceError: its columns do not make authors, or its footer is inconsistent.
    """
    file = _looked_at(path, options)
    if file is None:
        frame = _scanned(path, options)
        names = frame.collect_schema().names()
        return _for_polars_only(path, frame, table_layout(names, mapping, path))
    return _reader(path, file, table_layout(file.schema.names, mapping, path), mapping, options)


def open_part(
    path: str, layout: Layout, mapping: Mapping[str, str], options: dict[str, str] | None
) -> ParquetReader | ArrowParquetReader:
    """Open a file of a table with `layout`; columns that this file lacks are left out.

    Raises:
        SourceError: its footer is inconsistent.
    """
    file = _looked_at(path, options)
    frame = _scanned(path, options)
    names = frame.collect_schema().names() if file is None else file.schema.names
    authors, papers = (
        {ours: theirs for ours, theirs in part.items() if theirs in names} for part in (layout.authors, layout.papers)
    )
    part = Layout(layout.form, authors, papers)
    return _for_polars_only(path, frame, part) if file is None else _reader(path, file, part, mapping, options)


@dataclass(frozen=True)
class _File:
    schema: pa.Schema
    rows: int
    columns: Sequence[pq.ColumnSchema]
    paths: Sequence[str]


def _scanned(path: str, options: dict[str, str] | None) -> pl.LazyFrame:
    return pl.scan_parquet(path, glob=False, hive_partitioning=False, storage_options=options)


def _for_polars_only(path: str, frame: pl.LazyFrame, layout: Layout) -> ParquetReader:
    return ParquetReader(frame, layout, path, frame.select(pl.len()).collect().item(), [])


def _looked_at(path: str, options: dict[str, str] | None) -> _File | None:
    """A file's schema according to Arrow; None if it has a type that only polars knows, such as 128-bit integers."""
    store, place = filesystem(path, options)
    with store.open_input_file(place) as stream:
        try:
            file = pq.ParquetFile(stream)
        except pa.ArrowNotImplementedError:
            return None
        try:
            schema, columns = file.schema_arrow, [file.schema.column(n) for n in range(len(file.schema))]
            paths = [column.path for column in columns]
        except UnicodeDecodeError as error:
            raise SourceError(f"{path}: the name of a column is no text: the file is damaged; {_REMEDY}") from error
    _check_footer(file.metadata, columns, path)
    return _File(schema, file.metadata.num_rows, columns, paths)


def _reader(
    path: str, file: _File, layout: Layout, mapping: Mapping[str, str], options: dict[str, str] | None
) -> ParquetReader | ArrowParquetReader:
    uuids = [name for name in layout.columns if str(file.schema.field(name).type) == "extension<arrow.uuid>"]
    wanted = _leaves(layout, file.schema, mapping, file.paths)
    if not _is_strange(file.schema, [(column, column.path in wanted) for column in file.columns]):
        frame = _scanned(path, options)
        if _is_known_to_polars(frame):
            return ParquetReader(frame, layout, path, file.rows, uuids)
    return ArrowParquetReader(path, layout, file.rows, uuids, wanted, options)


def _check_footer(footer: pq.FileMetaData, columns: Sequence[pq.ColumnSchema], path: str) -> None:
    """Raise SourceError if the footer's number of rows differs from the sum of its row groups."""
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    told = sum(group.num_rows for group in groups)
    if told != footer.num_rows:
        raise SourceError(
            f"{path}: by its footer there are {footer.num_rows} rows, and by its row groups {told}: the file is "
            f"damaged; {_REMEDY}"
        )
    for number, group in enumerate(groups):
        for place, column in enumerate(columns):
            values = group.column(place).num_values
            if values != group.num_rows if column.max_repetition_level == 0 else values < group.num_rows:
                raise SourceError(
                    f"{path}: row group {number} has {group.num_rows} rows, and {values} values of {column.path}: the "
                    f"file is damaged; {_REMEDY}"
                )


def _leaves(layout: Layout, schema: pa.Schema, mapping: Mapping[str, str], paths: Sequence[str]) -> list[str]:
    papers = layout.authors.get("papers")
    known = _paper_fields(schema.field(papers).type, mapping) if papers is not None else set[str]()

    def is_wanted(path: str) -> bool:
        if papers is not None and path.startswith(f"{papers}.") and known:
            return not known.isdisjoint(path.removeprefix(f"{papers}.").split("."))
        return any(path == name or path.startswith(f"{name}.") for name in layout.columns)

    return [path for path in paths if is_wanted(path)]


def _paper_fields(kind: pa.DataType, mapping: Mapping[str, str]) -> set[str]:
    """The source's names of those paper fields that we read."""
    struct = kind.value_type if isinstance(kind, pa.ListType | pa.LargeListType | pa.FixedSizeListType) else kind
    names = [field.name for field in struct] if isinstance(struct, pa.StructType) else []
    return {found for name in PAPER_NAMES for found in matches(name, names, mapping)} & set(names)


def _is_strange(schema: pa.Schema, columns: Sequence[tuple[pq.ColumnSchema, bool]]) -> bool:
    """Whether polars is known to crash on the file's types, or to misread one that is needed."""
    if any(str(column.logical_type) == "Interval" for column, _ in columns):
        return True
    if any(column.physical_type == "INT96" or column.precision > _DIGITS for column, wanted in columns if wanted):
        return True
    zones = {kind.tz for kind in _types(schema.types) if isinstance(kind, pa.TimestampType) and kind.tz is not None}
    return bool(zones - available_timezones())


def _types(kinds: Sequence[pa.DataType]) -> Iterator[pa.DataType]:
    for kind in kinds:
        yield kind
        yield from _types([kind.field(number).type for number in range(kind.num_fields)])


def _is_known_to_polars(frame: pl.LazyFrame) -> bool:
    try:
        frame.collect_schema()
    except pl.exceptions.PolarsError:
        return False
    except BaseException as error:
        if not is_panic(error):
            raise
        return False
    return True


def _known_to_polars(column: pa.Array) -> pa.Array:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if isinstance(kind, pa.TimestampType) and kind.tz is not None:
        return column.cast(pa.timestamp(kind.unit, "UTC"))
    if isinstance(kind, pa.Decimal256Type):
        return column.cast(pa.string())
    if isinstance(kind, pa.ListViewType | pa.LargeListViewType):
        return column.cast(pa.large_list(kind.value_field))
    return column


def _counted(batches: Iterator[Batch], expected: int, path: str, uuids: Sequence[str]) -> Iterator[Batch]:
    come = 0
    for frame, rejected in batches:
        come += frame.height
        yield frame.with_columns(_uuid_texts(frame[name]) for name in uuids), rejected
    if come != expected:
        raise SourceError(f"{path}: {come} of its {expected} rows could be read: the file is damaged; {_REMEDY}")


def _uuid_texts(column: pl.Series) -> pl.Series:
    texts = [None if raw is None else str(uuid.UUID(bytes=raw)) for raw in column]
    return pl.Series(column.name, texts, dtype=pl.String)

"""The Delta table reader: polars where it reads correctly, otherwise delta-rs' query engine, otherwise an error.

Why (measured with polars 2.1 and deltalake 1.6): polars takes partition values from the files' folders instead of the
log, so they are null if a writer names files at random; and if an address needs percent-encoding, polars returns rows
that a deletion vector removed, or does not find the file. The query engine streams and is correct in all of these
cases. pyarrow's datasets are never used: they silently read column-mapped tables as nulls.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, DeltaProtocolError

from summarizer_assets.core.delta_log import VECTORS, is_panic, refused_feature
from summarizer_assets.sources.columns import Layout, table_layout
from summarizer_assets.sources.delta import files, log, physical_names
from summarizer_assets.sources.delta.by_files import BY_FILES, NOT_BY_FILES, FilesReader
from summarizer_assets.sources.delta.files import DeltaReader
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.readers import Batch, nothing_rejected

#: Reader features that one of the two engines reads correctly. Any other is refused before a row is read.
_READABLE = frozenset({"columnMapping", VECTORS, "timestampNtz", "v2Checkpoint", "variantType", "variantType-preview"})
_MAPPING_VERSION, _FEATURES_VERSION = 2, 3
_PLAIN_ADDRESS = re.compile(r"(?:s3://)?[A-Za-z0-9/._=~@-]*")
_UNKNOWN_TYPE = re.compile(r"Unsupported Delta table type: '(.*?)'")
_GONE = re.compile(r"file not found|object at location .* not found|no such file|nosuchkey|\b404\b", re.IGNORECASE)
#: One partition keeps the order of the files stable, which decides an author's first non-null values.
_IN_ORDER = {"datafusion.execution.target_partitions": "1"}
_ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class QueryReader:
    """A table that polars cannot read, or reads incorrectly, through delta-rs' query engine."""

    table: DeltaTable
    layout: Layout
    uri: str
    options: dict[str, str] | None

    def batches(self, rows: int) -> Iterator[Batch]:
        files.check_sizes(self.table, self.uri, self.options)
        if physical_names.has_physical_names(self.table):
            physical_names.check_files(self.table, self.uri, self.options, self.layout.columns)
        expected = files.expected_rows(self.table)
        return files.counted(self._selected(rows), expected, self.uri, self.layout.authors["author_id"])

    def _selected(self, rows: int) -> Iterator[Batch]:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in self.layout.columns)
        query = f"SELECT {names} FROM source"  # noqa: S608 - quoted identifiers of the table's own schema
        size = {"datafusion.execution.batch_size": str(min(rows, _ROWS_AT_ONCE))}
        reader = QueryBuilder(_IN_ORDER | size).register("source", self.table).execute(query)
        waiting: list[pl.DataFrame] = []
        for batch in pa.RecordBatchReader.from_stream(reader):  # its errors are typed, unlike the engine's own
            frame = pl.from_arrow(batch)
            assert isinstance(frame, pl.DataFrame)
            waiting.append(frame)
            if sum(part.height for part in waiting) >= rows:
                yield pl.concat(waiting), nothing_rejected()
                waiting = []
        if waiting:
            yield pl.concat(waiting), nothing_rejected()


def open_delta(
    uri: str, mapping: Mapping[str, str], options: dict[str, str] | None
) -> DeltaReader | QueryReader | FilesReader:
    """Open a Delta table at its newest version; later commits do not affect what is read.

    Raises:
        SourceError: the columns do not make an author, the log is damaged, or neither engine reads one of its features.
    """
    table = _opened(uri, options)
    log.check_entries(uri, options, table.version())
    _refuse_unreadable(table, uri)
    layout = table_layout([field.name for field in table.schema().fields], mapping, uri)
    if _to_be_read_by_files(table):
        return FilesReader(table, layout, mapping, uri, options)
    if _right_in_polars(table, layout):
        try:
            frame = pl.scan_delta(table)
            frame.collect_schema()
        except DeltaProtocolError:
            return QueryReader(table, layout, uri, options)
        return DeltaReader(frame, layout, table, uri, options)
    return QueryReader(table, layout, uri, options)


def unreadable(uri: str, options: dict[str, str] | None, error: Exception) -> SourceError:
    """Translate an engine's error while reading into one that names the cause and the remedy."""
    table = _opened(uri, options)
    said = log.first_line(error)
    if isinstance(error, FileNotFoundError) or _GONE.search(str(error)):
        return _file_gone(uri, table, str(error), said)
    features = ", ".join(table.protocol().reader_features or []) or "none"
    return SourceError(
        f"{uri}: the Delta table cannot be read (reader features: {features}): {said}; {files.REMEDY}; or export "
        "the columns to Parquet"
    )


def _opened(uri: str, options: dict[str, str] | None) -> DeltaTable:
    try:
        return DeltaTable(uri, storage_options=options)
    except DeltaError as error:
        raise _cannot_open(uri, options, error) from error
    except BaseException as error:
        if not is_panic(error):
            raise
        raise _cannot_open(uri, options, error) from error


def _cannot_open(uri: str, options: dict[str, str] | None, error: BaseException) -> SourceError:
    said = log.first_line(error)
    unknown = _UNKNOWN_TYPE.search(str(error))
    if unknown is not None:
        return SourceError(
            f"{uri}: the Delta table has a column of the type {unknown[1]!r}, which delta-rs does not know, so that it "
            "reads none of the table; make a table without that column with CREATE TABLE … AS SELECT, or export the "
            "columns that are wanted to Parquet"
        )
    refused = refused_feature(said)
    if refused is not None:
        return _refusal(uri, refused)
    return log.find_damage(uri, options) or SourceError(
        f"{uri}: the Delta table cannot be opened: {said}; check its _delta_log (a checkpoint may be damaged or gone: "
        "put it back from a backup, or delete it and _last_checkpoint where the log's entries reach back to the first) "
        "and your rights to it"
    )


def _refuse_unreadable(table: DeltaTable, uri: str) -> None:
    protocol, mode = table.protocol(), physical_names.mode_of(table)
    features = set(protocol.reader_features or [])
    unknown = sorted(features - _READABLE)
    if unknown and not _to_be_read_by_files(table):
        raise _refusal(uri, ", ".join(unknown))
    mapped = protocol.min_reader_version == _MAPPING_VERSION or "columnMapping" in features
    if mode not in {"none", "name", "id"} or (mode != "none" and not mapped):
        raise SourceError(
            f"{uri}: delta.columnMapping.mode is {mode!r}, which the table's protocol (reader version "
            f"{protocol.min_reader_version}) does not know: its columns' names in the files are uncertain; write the "
            "table anew with CREATE TABLE … AS SELECT, or export it to Parquet"
        )


def _to_be_read_by_files(table: DeltaTable) -> bool:
    """Whether the engines refuse the table, or a type in its files, and the files are self-contained."""
    features = set(table.protocol().reader_features or [])
    unread = features - _READABLE or features & {"variantType", "variantType-preview"}
    by_files = not features - _READABLE - BY_FILES and not features & NOT_BY_FILES
    return bool(unread) and by_files and not physical_names.has_physical_names(table)


def _refusal(uri: str, features: str) -> SourceError:
    return SourceError(
        f"{uri}: the Delta table cannot be read right: it needs the reader feature {features}; drop it with "
        "ALTER TABLE … DROP FEATURE, make a table without it with CREATE TABLE … AS SELECT, or export the columns to "
        "Parquet"
    )


def _right_in_polars(table: DeltaTable, layout: Layout) -> bool:
    if physical_names.has_physical_names(table):
        return False
    if set(table.metadata().partition_columns) & set(layout.columns):
        return False
    return all(_PLAIN_ADDRESS.fullmatch(address) and "//" not in address[5:] for address in table.file_uris())


def _file_gone(uri: str, newest: DeltaTable, error: str, said: str) -> SourceError:
    if _is_part_of(newest, error):
        return SourceError(
            f"{uri}: the Delta table cannot be read: a file that its newest version {newest.version()} consists of is "
            f"not there: {said}; put it back, or take it out of the table with FSCK REPAIR TABLE"
        )
    return SourceError(
        f"{uri}: the Delta table was changed and vacuumed while it was read: a file of the version that was opened is "
        f"gone: {said}; the newest version is {newest.version()}. Run again, to read that one, and let VACUUM retain "
        "files for longer than a read takes (7 days by default)"
    )


def _is_part_of(newest: DeltaTable, error: str) -> bool:
    """Whether the newest version also needs the file that `error` names."""
    if any(address.rpartition("/")[2] in error for address in newest.file_uris()):
        return True
    try:
        newest.deletion_vectors()
    except DeltaError:
        return True
    return False

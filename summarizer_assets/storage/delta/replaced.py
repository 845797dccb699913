"""Rows that later commits replaced, read from the files that the log says were removed within the last seven days.

Maintenance deletes removed files only after seven days. Files that a compaction removed are left out, as their rows
stayed.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from urllib.parse import unquote

import polars as pl
from deltalake.exceptions import DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from pyarrow.fs import FileSelector

from summarizer_assets.core.delta_log import FOLDER, checkpoint_name, removed_files, version_of
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import TableError, cause_of

KEPT = timedelta(days=7)


class ReplacedRows:
    """The replaced rows of one bucketed table.

    Args:
        table: the table.
        at: now (UTC).
        most: at most so many files of a bucket are read, those that were removed last.

    Raises:
        TableError: the log cannot be read.
    """

    def __init__(self, table: BucketedTable, at: datetime, most: int) -> None:
        self._table = table
        self._files: dict[str, list[str]] = {}
        since = (at - KEPT).timestamp() * 1000
        try:
            removed = sorted(set(self._removed(since)), reverse=True)
        except (DeltaError, OSError, ValueError, pl.exceptions.PolarsError) as error:
            raise TableError(f"{table.uri}: the table's log cannot be read: {cause_of(error)}; run again") from error
        for _, path in removed:
            bucket = path.partition("/")[0].removeprefix("bucket=")
            files = self._files.setdefault(bucket, [])
            if len(files) < most and "://" not in path:
                files.append(f"{table.uri}/{unquote(path)}")

    def rows(self, bucket: str, columns: Sequence[str], only: pl.Expr) -> pl.DataFrame | None:
        """The replaced rows of `bucket` that fulfil `only`; None if a file is gone although seven days are not over.

        A row may be there several times, and may be the current one: a commit replaces whole files.

        Raises:
            TableError: they cannot be read.
        """
        files = self._files.get(bucket, [])
        schema = {name: self._table.schema[name] for name in columns}
        if not files:
            return pl.DataFrame(schema=schema)
        with reading(self._table.uri):
            frame = pl.scan_parquet(
                files,
                schema=schema,
                hive_partitioning=False,
                missing_columns="insert",
                extra_columns="ignore",
                cast_options=pl.ScanCastOptions(datetime_cast="nanosecond-downcast"),
                glob=False,
                storage_options=dict(self._table.options) or None,
            )
            try:
                return frame.filter(only).collect()
            except FileNotFoundError:  # somebody vacuumed with a shorter time
                return None

    def _removed(self, since: float) -> Iterator[tuple[int, str]]:
        """Time (ms) and path of each removal, from the last checkpoint and the log's entries after it."""
        try:
            store = DeltaStorageHandler(self._table.uri, dict(self._table.options))
        except TableNotFoundError:  # nothing was ever written
            return
        listed = store.get_file_info_selector(FileSelector(FOLDER, allow_not_found=True))
        names = {file.base_name for file in listed}
        entries = {version: name for name in names if (version := version_of(name)) is not None}
        last = max((version for version in entries if checkpoint_name(version) in names), default=-1)
        if last >= 0:
            yield from self._removed_before(checkpoint_name(last), since)
        for version, name in entries.items():
            if version > last:
                yield from removed_files(bytes(store.open_input_file(f"{FOLDER}/{name}").read()), since)

    def _removed_before(self, checkpoint: str, since: float) -> Iterator[tuple[int, str]]:
        frame = pl.scan_parquet(
            f"{self._table.uri}/{FOLDER}/{checkpoint}", storage_options=dict(self._table.options) or None, glob=False
        )
        if "remove" not in frame.collect_schema().names():
            return
        fields = ("deletionTimestamp", "path", "dataChange")
        removed = frame.select(pl.col("remove").struct.field(name) for name in fields).collect()
        for at, path, changed in removed.drop_nulls("path").iter_rows():
            if changed and (at or 0) >= since:
                yield at, path

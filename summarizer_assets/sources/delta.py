"""A Delta table as batches: polars' reader where it can, else delta-rs' query engine; never pyarrow's datasets.

Those read column-mapped tables as nulls without an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder
from deltalake.exceptions import DeltaError, DeltaProtocolError

from summarizer_assets.sources.columns import Layout, table_layout
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.readers import Batch, TableReader, nothing_rejected


@dataclass(frozen=True)
class QueryReader:
    """A table whose protocol polars does not know."""

    table: DeltaTable
    layout: Layout

    def batches(self, rows: int) -> Iterator[Batch]:
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in self.layout.columns)
        query = f"SELECT {names} FROM source"  # noqa: S608 - quoted identifiers of the table's own schema
        reader = QueryBuilder().register("source", self.table).execute(query)
        waiting: list[pl.DataFrame] = []
        for batch in reader:
            frame = pl.from_arrow(pa.record_batch(batch))
            assert isinstance(frame, pl.DataFrame)
            waiting.append(frame)
            if sum(part.height for part in waiting) >= rows:
                yield pl.concat(waiting), nothing_rejected()
                waiting = []
        if waiting:
            yield pl.concat(waiting), nothing_rejected()


def open_delta(uri: str, mapping: Mapping[str, str], options: dict[str, str] | None) -> TableReader | QueryReader:
    """Open a Delta table at its newest version.

    Raises:
        SourceError: its columns do not fit.
        DeltaError: the log cannot be read.
    """
    table = DeltaTable(uri, storage_options=options)
    try:
        frame = pl.scan_delta(table)
        names = frame.collect_schema().names()
    except DeltaProtocolError:
        return QueryReader(table, table_layout([field.name for field in table.schema().fields], mapping, uri))
    return TableReader(frame, table_layout(names, mapping, uri))


def unreadable(uri: str, options: dict[str, str] | None, error: Exception) -> SourceError:
    """Name the features of a table that none of the readers could read."""
    try:
        protocol = DeltaTable(uri, storage_options=options).protocol()
    except DeltaError:
        return SourceError(
            f"{uri}: the Delta table cannot be opened: {error}; check its _delta_log and your rights to it"
        )
    features = ", ".join(protocol.reader_features or []) or "none"
    return SourceError(
        f"{uri}: the Delta table cannot be read (reader version {protocol.min_reader_version}, reader features: "
        f"{features}): {error}; drop the feature with ALTER TABLE … DROP FEATURE, or export the columns to Parquet"
    )

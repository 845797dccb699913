"""One version of a table, from which rows are read bucket by bucket."""

from collections.abc import Sequence

import polars as pl

from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable


class TableSnapshot:
    """The newest version when it was made; where there is no table, there are no rows.

    Raises:
        TableError: the table cannot be opened.
    """

    def __init__(self, table: BucketedTable) -> None:
        self._table = table
        self._handle = table.open()

    @property
    def version(self) -> int | None:
        """None: there is no table."""
        return None if self._handle is None else self._handle.version()

    def rows_by_bucket(self) -> dict[str, int]:
        return {} if self._handle is None else self._table.rows_by_bucket(self._handle)

    def rows(
        self, buckets: Sequence[str], columns: Sequence[str] | None = None, only: pl.Expr | None = None
    ) -> pl.DataFrame:
        """The rows of `buckets`; all columns where none are named.

        Raises:
            TableError: they cannot be read.
        """
        if self._handle is None:
            return pl.DataFrame(schema=self._table.schema).select(columns or pl.all())
        with reading(self._table.uri):
            frame = self._table.read(buckets, table=self._handle)
            frame = frame if only is None else frame.filter(only)
            return frame.select(columns or pl.all()).collect()

"""Store of authors' failed attempts under earlier prompts or models; a failure row has only those of the last one.

Losing these rows costs the same attempts again, and no summary. A bucket's rows are written under its claim.
"""

from collections.abc import Callable

import polars as pl
import sqlalchemy as sa

from summarizer_assets.core.authors.earlier_attempts import TRIED, kept_of
from summarizer_assets.storage.state_db.database import METADATA, Database

_TIMES = tuple(name for name, dtype in TRIED.items() if dtype == pl.Datetime("us", "UTC"))
_TRIED = sa.Table(
    "tried_before",
    METADATA,
    sa.Column("root", sa.String, primary_key=True),
    sa.Column("bucket", sa.String, primary_key=True),
    *(
        sa.Column(name, sa.String, primary_key=True)
        for name in ("author_id", "content_hash", "prompt_version", "model")
    ),
    sa.Column("retryable", sa.Boolean, nullable=False),
    sa.Column("attempts", sa.BigInteger, nullable=False),
    *(sa.Column(name, sa.BigInteger) for name in _TIMES),  # microseconds since 1970
)


class TriedBefore:
    """The earlier attempts of one root. Safe for several threads and processes.

    Args:
        database: the shared state database.
        root: returns the root's name (see `storage.roots`); called at each use.
    """

    def __init__(self, database: Database, root: Callable[[], str]) -> None:
        self._database = database
        self._root = root

    def of(self, bucket: str) -> pl.DataFrame:
        """The rows of a bucket's authors (schema `TRIED`)."""
        return self._read(_TRIED.c.bucket == bucket)

    def of_all(self, prompt_version: str, model: str) -> pl.DataFrame:
        """The rows of one prompt and model, over all buckets (schema `TRIED`)."""
        return self._read((_TRIED.c.prompt_version == prompt_version) & (_TRIED.c.model == model))

    def note(self, bucket: str, before: pl.DataFrame, after: pl.DataFrame) -> None:
        """Record that the bucket's failures change from `before` to `after` (schema `records.FAILURES`)."""
        known = self.of(bucket)
        kept = kept_of(known, before, after)
        if kept.equals(known):
            return
        root = self._root()
        rows = kept.with_columns(pl.col(_TIMES).dt.epoch("us")).to_dicts()
        with self._database.begin() as connection:
            connection.execute(_TRIED.delete().where((_TRIED.c.root == root) & (_TRIED.c.bucket == bucket)))
            if rows:
                connection.execute(_TRIED.insert(), [{"root": root, "bucket": bucket, **row} for row in rows])

    def _read(self, which: sa.ColumnElement[bool]) -> pl.DataFrame:
        query = sa.select(*(_TRIED.c[name] for name in TRIED)).where((_TRIED.c.root == self._root()) & which)
        order = (_TRIED.c.author_id, _TRIED.c.content_hash, _TRIED.c.prompt_version, _TRIED.c.model)
        with self._database.begin() as connection:
            rows = [tuple(row) for row in connection.execute(query.order_by(*order))]
        plain = {name: pl.Int64 if name in _TIMES else dtype for name, dtype in TRIED.items()}
        frame = pl.DataFrame(rows, schema=plain, orient="row")
        return frame.with_columns(pl.from_epoch(name, "us").dt.replace_time_zone("UTC") for name in _TIMES)

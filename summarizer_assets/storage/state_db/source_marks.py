"""Store of source marks (watermarks): the source version up to which each bucket of `authors` has been read.

A mark is valid only for the exact files that the bucket had when it was set. Any change, restore or re-creation of the
bucket, by any tool, invalidates it, and the whole source is read. So losing the state store costs time but no row.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl
import sqlalchemy as sa
from deltalake import DeltaTable

from summarizer_assets.storage.state_db.database import METADATA, Database

_MARKS = sa.Table(
    "ingest_marks",
    METADATA,
    sa.Column("root", sa.String, primary_key=True),
    sa.Column("bucket", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("files", sa.String, nullable=False),
)


@dataclass(frozen=True)
class SourceState:
    """The state of a source when it was read.

    Attributes:
        key: identifies the source and the reading rules; marks with another key are invalid.
        version: version of the source table.
    """

    key: str
    version: int


class IngestMarks:
    """The marks of one root. Safe for several threads and processes.

    Args:
        database: the shared state database.
        root: returns the root's name; called at each use, because a root has none until its first authors are written.
    """

    def __init__(self, database: Database, root: Callable[[], str]) -> None:
        self._database = database
        self._root = root

    def valid(self, key: str, files: Mapping[str, str]) -> dict[str, int]:
        """The marked source version of each bucket whose files still equal `files` (see `files_of`)."""
        root = self._root()
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(_MARKS.c.bucket, _MARKS.c.version, _MARKS.c.files).where(
                    _MARKS.c.root == root, _MARKS.c.source == key
                )
            ).all()
        return {bucket: version for bucket, version, held in rows if held == files.get(bucket)}

    def set(self, state: SourceState, files: Mapping[str, str]) -> None:
        """Record that each bucket in `files` reflects the source in this state."""
        root = self._root()
        rows = [
            {"root": root, "bucket": bucket, "source": state.key, "version": state.version, "files": held}
            for bucket, held in files.items()
        ]
        with self._database.begin() as connection:
            connection.execute(sa.delete(_MARKS).where(_MARKS.c.root == root, _MARKS.c.bucket.in_(list(files))))
            if rows:
                connection.execute(sa.insert(_MARKS), rows)


def _digest(paths: list[str]) -> str:
    return blake2b("\n".join(sorted(paths)).encode(), digest_size=16).hexdigest()


_NO_FILES = _digest([])


def files_of(table: DeltaTable | None, buckets: list[str]) -> dict[str, str]:
    """A digest of each bucket's file names in this snapshot; Delta's files are immutable."""
    if table is None:
        return dict.fromkeys(buckets, _NO_FILES)
    adds = pl.DataFrame(table.get_add_actions(flatten=True))
    paths = {} if adds.is_empty() else dict(adds.group_by("partition.bucket").agg("path").iter_rows())
    return {bucket: _digest(paths.get(bucket, [])) for bucket in buckets}

"""Up to which version of the source a bucket of authors is known to be read, so that the next ingest reads the rest.

A mark holds for the very files that the bucket consisted of when it was made: whoever changes the bucket, restores it
or makes the table anew, by whatever tool, makes the mark void, and the source is read whole. So losing the state store
costs time and never a row.
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
    """A source as it was read.

    Attributes:
        key: which source, read by which rules: another key, and nothing of what is known holds.
        version: of the source table.
    """

    key: str
    version: int


class IngestMarks:
    """The marks of one root. May be used by several threads and processes.

    Args:
        database: the store all hosts share.
        root: its name; asked for at each use, since a root has none until its first authors are written.
    """

    def __init__(self, database: Database, root: Callable[[], str]) -> None:
        self._database = database
        self._root = root

    def valid(self, key: str, files: Mapping[str, str]) -> dict[str, int]:
        """The source's version of each bucket of `files` (see `files_of`) that still consists of them."""
        root = self._root()
        with self._database.begin() as connection:
            rows = connection.execute(
                sa.select(_MARKS.c.bucket, _MARKS.c.version, _MARKS.c.files).where(
                    _MARKS.c.root == root, _MARKS.c.source == key
                )
            ).all()
        return {bucket: version for bucket, version, held in rows if held == files.get(bucket)}

    def set(self, state: SourceState, files: Mapping[str, str]) -> None:
        """Note that each bucket of `files` holds what the source said in this state."""
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
    """A digest of the files that each of `buckets` consists of in this snapshot; Delta's files never change."""
    if table is None:
        return dict.fromkeys(buckets, _NO_FILES)
    adds = pl.DataFrame(table.get_add_actions(flatten=True))
    paths = {} if adds.is_empty() else dict(adds.group_by("partition.bucket").agg("path").iter_rows())
    return {bucket: _digest(paths.get(bucket, [])) for bucket in buckets}

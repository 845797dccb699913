"""In which state of its authors a bucket was last summarised to the end, so that only changed ones are run again.

Losing this costs a run without calls for each bucket, and no summary.
"""

from collections.abc import Mapping

import sqlalchemy as sa

from summarizer_assets.storage.state_db.database import METADATA, Database

_SUMMARIZED = sa.Table(
    "summarized_buckets",
    METADATA,
    sa.Column("root", sa.String, primary_key=True),
    sa.Column("bucket", sa.String, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
)


class SummarizedBuckets:
    """Of one root. May be used by several threads and processes."""

    def __init__(self, database: Database, root: str) -> None:
        self._database = database
        self._root = root

    def states(self) -> dict[str, str]:
        """Of each bucket that is known."""
        columns = sa.select(_SUMMARIZED.c.bucket, _SUMMARIZED.c.state).where(_SUMMARIZED.c.root == self._root)
        with self._database.begin() as connection:
            return {str(row.bucket): str(row.state) for row in connection.execute(columns)}

    def note(self, states: Mapping[str, str]) -> None:
        rows = [{"root": self._root, "bucket": bucket, "state": state} for bucket, state in states.items()]
        if not rows:
            return
        mine = (_SUMMARIZED.c.root == self._root) & _SUMMARIZED.c.bucket.in_(list(states))
        with self._database.begin() as connection:
            connection.execute(_SUMMARIZED.delete().where(mine))
            connection.execute(_SUMMARIZED.insert(), rows)

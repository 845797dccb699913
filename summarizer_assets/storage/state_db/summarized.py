"""Store of the state of `authors` at which each bucket was last completely summarised, so that only changed ones run.

Losing it costs one run without calls per bucket, and no summary.
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
    """The states of one root. Safe for several threads and processes."""

    def __init__(self, database: Database, root: str) -> None:
        self._database = database
        self._root = root

    def states(self) -> dict[str, str]:
        """The recorded state of each known bucket."""
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

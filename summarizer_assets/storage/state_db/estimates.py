"""Estimates that were made before money was spent, kept to be compared with what it came to; and what was booked since.

Rows are only ever added. Costs are nano-dollars.
"""

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.storage.state_db.ledger import BOOKED

#: Stands for the bucket in the ledger's rows of requests that were asked to measure, not to summarise.
CALIBRATION = "calibration"

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_COUNTS = ("group_size", "authors", "calls", "tokens", "tokens_low", "tokens_high")
_COSTS = ("cost", "cost_low", "cost_high")
_BOOKED = ("spent", "wasted", "prompt_tokens", "completion_tokens", "requests")

_ESTIMATES = sa.Table(
    "spend_estimates",
    METADATA,
    sa.Column("id", _KEY, primary_key=True, autoincrement=True),
    sa.Column("root", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("prompt_version", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False) for name in _COUNTS),
    *(sa.Column(name, sa.BigInteger) for name in _COSTS),
)

_LATENCIES = sa.Table(
    "request_latencies",
    METADATA,
    sa.Column("id", _KEY, primary_key=True, autoincrement=True),
    sa.Column("root", sa.String, nullable=False, index=True),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("prompt_version", sa.String, nullable=False),
    sa.Column("model", sa.String, nullable=False),
    sa.Column("group_size", sa.BigInteger, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)


@dataclass(frozen=True)
class KeptEstimate:
    """One estimate, under the configured group size. Costs are None where no price was known.

    `at` is set by the store: seconds since 1970, by the clock that the ledger's rows go by.
    """

    prompt_version: str
    model: str
    group_size: int
    authors: int
    calls: int
    tokens: int
    tokens_low: int
    tokens_high: int
    cost: int | None
    cost_low: int | None
    cost_high: int | None
    at: float = 0.0


@dataclass(frozen=True)
class Booked:
    """What the ledger booked in a time: nano-dollars, tokens and answered requests."""

    spent: int
    wasted: int
    prompt_tokens: int
    completion_tokens: int
    requests: int


class EstimateBook:
    """The estimates of one root, and the latencies that were measured for it.

    Args:
        database: the store all hosts share.
        root: as given to `StateStore`.
    """

    def __init__(self, database: Database, root: str) -> None:
        self._database = database
        self._root = root

    def keep(self, estimate: KeptEstimate) -> None:
        with self._database.begin() as connection:
            values = asdict(estimate) | {"root": self._root, "at": self._database.now(connection)}
            connection.execute(_ESTIMATES.insert().values(values))

    def last(self) -> KeptEstimate | None:
        query = sa.select(_ESTIMATES).where(_ESTIMATES.c.root == self._root).order_by(_ESTIMATES.c.id.desc()).limit(1)
        with self._database.begin() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        return KeptEstimate(**{name: getattr(row, name) for name in KeptEstimate.__dataclass_fields__})

    def booked_since(self, at: float) -> Booked:
        """What summaries cost since then; calibrations are left out."""
        rows = METADATA.tables["spend_rows"]  # the ledger's
        sums = [sa.func.coalesce(sa.func.sum(rows.c[name]), 0).label(name) for name in _BOOKED]
        mine = (rows.c.root == self._root) & (rows.c.at > at) & (rows.c.why == BOOKED)
        query = sa.select(*sums).where(mine & (rows.c.bucket != CALIBRATION))
        with self._database.begin() as connection:
            row = connection.execute(query).one()
        return Booked(**{name: int(getattr(row, name)) for name in _BOOKED})

    def keep_latency(self, prompt_version: str, model: str, seconds_by_size: dict[int, float]) -> None:
        """The usual time of a request, by its number of authors."""
        with self._database.begin() as connection:
            shared = {"root": self._root, "at": self._database.now(connection)}
            shared |= {"prompt_version": prompt_version, "model": model}
            for size, seconds in sorted(seconds_by_size.items()):
                connection.execute(_LATENCIES.insert().values(**shared, group_size=size, seconds=seconds))

    def latencies(self, prompt_version: str, model: str) -> dict[int, float]:
        """The newest time of a request that was measured for each number of authors."""
        table = _LATENCIES.c
        mine = (table.root == self._root) & (table.prompt_version == prompt_version) & (table.model == model)
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(_LATENCIES).where(mine).order_by(table.id)).all()
        return {int(row.group_size): float(row.seconds) for row in rows}

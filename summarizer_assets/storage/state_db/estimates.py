"""Store of cost estimates, for comparison with what the ledger booked later, and of measured latencies.

Rows are only added. Costs are nano-dollars.
"""

from dataclasses import asdict, dataclass

import sqlalchemy as sa

from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.storage.state_db.ledger import BOOKED

#: The ledger's bucket value for calibration requests, which measure and do not summarise.
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
    """One estimate, for the configured group size. Costs are None if no price was known.

    `at` is set by the store: epoch seconds by the clock of the ledger's rows.
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
    """What the ledger booked in a period: nano-dollars, tokens and answered requests."""

    spent: int
    wasted: int
    prompt_tokens: int
    completion_tokens: int
    requests: int


class EstimateBook:
    """The estimates of one root, and the latencies measured for it.

    Args:
        database: the shared state database.
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
        """What was booked for summaries after `at` (epoch seconds), without calibrations."""
        rows = METADATA.tables["spend_rows"]  # the ledger's
        sums = [sa.func.coalesce(sa.func.sum(rows.c[name]), 0).label(name) for name in _BOOKED]
        mine = (rows.c.root == self._root) & (rows.c.at > at) & (rows.c.why == BOOKED)
        query = sa.select(*sums).where(mine & (rows.c.bucket != CALIBRATION))
        with self._database.begin() as connection:
            row = connection.execute(query).one()
        return Booked(**{name: int(getattr(row, name)) for name in _BOOKED})

    def keep_latency(self, prompt_version: str, model: str, seconds_by_size: dict[int, float]) -> None:
        """Store the usual latency of a request in seconds, by its number of authors."""
        with self._database.begin() as connection:
            shared = {"root": self._root, "at": self._database.now(connection)}
            shared |= {"prompt_version": prompt_version, "model": model}
            for size, seconds in sorted(seconds_by_size.items()):
                connection.execute(_LATENCIES.insert().values(**shared, group_size=size, seconds=seconds))

    def latencies(self, prompt_version: str, model: str) -> dict[int, float]:
        """The newest measured latency of a request in seconds, by its number of authors."""
        table = _LATENCIES.c
        mine = (table.root == self._root) & (table.prompt_version == prompt_version) & (table.model == model)
        with self._database.begin() as connection:
            rows = connection.execute(sa.select(_LATENCIES).where(mine).order_by(table.id)).all()
        return {int(row.group_size): float(row.seconds) for row in rows}

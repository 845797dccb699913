"""Batch jobs of a root: a row for each, stored before each step that the provider sees, and requests of live ones."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from hashlib import blake2b
from typing import Any, Self

import msgspec
import sqlalchemy as sa

from summarizer_assets.core.batches.states import JobState, Next
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.money.spending import Booking, Grant, Wish
from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.storage.state_db.ledger import SpendLedger
from summarizer_assets.storage.state_db.run_account import RunAccount

_JOBS = sa.Table(
    "batch_jobs",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("root", sa.String, nullable=False, index=True),
    sa.Column("bucket", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),  # that planned it
    sa.Column("account", sa.String, nullable=False),  # a hash of the base URL and the key
    sa.Column("model", sa.String, nullable=False),
    sa.Column("prompt_version", sa.String, nullable=False),
    sa.Column("requests", sa.Integer, nullable=False),
    sa.Column("authors", sa.Integer, nullable=False),
    sa.Column("tokens", sa.BigInteger, nullable=False),  # estimated input
    sa.Column("reserve", sa.BigInteger, nullable=False, server_default="0"),  # nano-dollars
    sa.Column("state", sa.String, nullable=False),
    sa.Column("planned_at", sa.Float, nullable=False),
    sa.Column("digest", sa.String),  # of the file's bytes
    sa.Column("file_id", sa.String),
    sa.Column("intent_at", sa.Float),  # when it was about to be made
    sa.Column("absent_at", sa.Float),  # when a full list did not show it
    sa.Column("remote_id", sa.String),
    sa.Column("remote_status", sa.String),
    sa.Column("completed", sa.Integer),  # requests, by the provider's count
    sa.Column("output_file_id", sa.String),
    sa.Column("error_file_id", sa.String),
    sa.Column("expires_at", sa.Float),
    sa.Column("checked_at", sa.Float),
    sa.Column("ended_at", sa.Float),  # when a final status was first seen
    sa.Column("missed_at", sa.Float),  # since when it answers 404
    sa.Column("verdict", sa.String),  # what follows from the last look
    sa.Column("settled_at", sa.Float),
    sa.Column("reason", sa.String),  # why it failed or was lost, for a person
)

_REQUESTS = sa.Table(
    "batch_requests",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("authors", sa.String, nullable=False),  # JSON
    sa.Column("hashes", sa.String, nullable=False),  # JSON
    sa.Column("trim", sa.Integer, nullable=False),
    sa.Column("complaint", sa.String),
    sa.Column("second", sa.Boolean, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("bound", sa.Integer, nullable=False),
    sa.Column("reserve", sa.BigInteger, nullable=False),
)
_STATES = [str(state) for state in JobState if state.live]


@dataclass(frozen=True)
class JobRow:
    """One job; times are epoch seconds by the store's clock. For the rest see the table's columns."""

    key: str
    bucket: str
    run_id: str
    account: str
    model: str
    prompt_version: str
    requests: int
    authors: int
    tokens: int
    state: JobState = JobState.PLANNED
    reserve: int = 0
    planned_at: float = 0.0
    digest: str | None = None
    file_id: str | None = None
    intent_at: float | None = None
    absent_at: float | None = None
    remote_id: str | None = None
    remote_status: str | None = None
    completed: int | None = None
    output_file_id: str | None = None
    error_file_id: str | None = None
    expires_at: float | None = None
    checked_at: float | None = None
    ended_at: float | None = None
    missed_at: float | None = None
    verdict: str | None = None
    settled_at: float | None = None
    reason: str | None = None

    @classmethod
    def of(cls, row: sa.Row[Any]) -> Self:
        values = {one.name: getattr(row, one.name) for one in fields(cls)}
        return cls(**{**values, "state": JobState(values["state"])})

    @property
    def waiting(self) -> Waiting:
        """What waits in it, while it is live."""
        return Waiting.of(
            self.state,
            requests=self.requests,
            authors=self.authors,
            reserve=self.reserve,
            planned_at=self.planned_at,
            expires_at=self.expires_at,
        )


@dataclass(frozen=True)
class RequestRow:
    """One request of a job.

    `authors` and `hashes`: ids, and the content that was sent of each; of nobody: the control (see `core.blame`).
    `complaint`: why its one author is asked again. `second`: its author was refused before, while others were answered.
    `bytes`, `bound`: of its body, and the output tokens that it allows; 0 until it is written.
    """

    number: int
    authors: tuple[str, ...]
    hashes: tuple[str, ...]
    trim: int = 0
    complaint: str | None = None
    second: bool = False
    bytes: int = 0
    bound: int = 0
    reserve: int = 0


class BatchJobs:
    """The jobs of one root. Safe for several threads and processes: a step is taken by whoever changes the state."""

    def __init__(self, database: Database, root: str) -> None:
        self._database = database
        self._root = root

    @property
    def mark(self) -> str:
        """Names the root to the provider."""
        return blake2b(self._root.encode(), digest_size=8).hexdigest()

    def now(self) -> float:
        """By the clock that stamps the rows."""
        with self._database.begin() as connection:
            return self._database.now(connection)

    def plan(self, job: JobRow, requests: Sequence[RequestRow]) -> bool:
        """Store a job with its requests; False if its key is known: an earlier run has planned it."""
        with self._database.begin() as connection:
            known = sa.select(_JOBS.c.key).where(_JOBS.c.key == job.key)
            if connection.execute(known).one_or_none() is not None:
                return False
            values = {one.name: getattr(job, one.name) for one in fields(job)}
            values |= {"root": self._root, "state": str(job.state), "planned_at": self._database.now(connection)}
            connection.execute(_JOBS.insert().values(values))
            self._insert(connection, job.key, requests)
        return True

    def live(self, bucket: str | None = None) -> list[JobRow]:
        """Jobs that authors wait for, oldest first."""
        query = sa.select(_JOBS).where((_JOBS.c.root == self._root) & _JOBS.c.state.in_(_STATES))
        return self._rows(query if bucket is None else query.where(_JOBS.c.bucket == bucket))

    def newest(self, most: int) -> list[JobRow]:
        """The last jobs of all states, oldest first."""
        query = sa.select(_JOBS).where(_JOBS.c.root == self._root).order_by(_JOBS.c.planned_at.desc()).limit(most)
        return sorted(self._rows(query), key=lambda job: job.planned_at)

    def get(self, key: str) -> JobRow | None:
        return next(iter(self._rows(sa.select(_JOBS).where((_JOBS.c.root == self._root) & (_JOBS.c.key == key)))), None)

    def known(self, remote_ids: Iterable[str]) -> set[str]:
        """Those of the ids whose jobs this store knows, under any root."""
        query = sa.select(_JOBS.c.remote_id).where(_JOBS.c.remote_id.in_(list(remote_ids)))
        with self._database.begin() as connection:
            return set(connection.execute(query).scalars())

    def requests(self, key: str) -> list[RequestRow]:
        query = sa.select(_REQUESTS).where(_REQUESTS.c.key == key).order_by(_REQUESTS.c.number)
        with self._database.begin() as connection:
            rows = connection.execute(query).all()
        return [_request(row) for row in rows]

    def waiting(self) -> Mapping[str, Waiting]:
        """What waits in live jobs, by bucket."""
        found: dict[str, Waiting] = {}
        for job in self.live():
            found[job.bucket] = found.get(job.bucket, Waiting()) + job.waiting
        return found

    def token_window(self, account: str, model: str, since: float) -> int | None:
        """Input tokens that a job may have, by those that the provider had no room for lately; None: by none."""
        query = sa.select(sa.func.min(_JOBS.c.tokens)).where(
            (_JOBS.c.account == account)
            & (_JOBS.c.model == model)
            & (_JOBS.c.verdict == str(Next.AGAIN))
            & (_JOBS.c.settled_at > since)
        )
        with self._database.begin() as connection:
            smallest = connection.execute(query).scalar_one_or_none()
        return None if smallest is None else max(1, int(smallest) // 2)

    def move(self, job: JobRow, state: JobState, **changes: Any) -> JobRow | None:  # noqa: ANN401 - columns
        """Change a job that is as `job` says; None if somebody else changed its state meanwhile."""
        mine = (_JOBS.c.key == job.key) & (_JOBS.c.state == str(job.state))
        with self._database.begin() as connection:
            update = _JOBS.update().where(mine).values(state=str(state), **changes)
            if not connection.execute(update).rowcount:
                return None
        return replace(job, state=state, **changes)

    def fund(
        self,
        job: JobRow,
        requests: Sequence[RequestRow],
        digest: str,
        *,
        ledger: SpendLedger | None,
        cap: int | None,
        asked_as: str = "",
    ) -> JobRow | Grant | None:
        """Reserve the money of a planned job, and store its requests as they are sent, all in one transaction.

        Args:
            job: as it was read.
            requests: what its file has now; those of the plan are replaced.
            digest: of the file.
            ledger: None: it costs nothing, or nobody knows what.
            cap: nano-dollars that all runs may spend in all; None: no cap.
            asked_as: see `SpendLedger.account`.

        Returns:
            The job, now `UPLOADING`; what the ledger says if the money does not do; None if somebody else was first.

        Raises:
            PastUnknown: see `SpendLedger`.
        """
        reserve = sum(request.reserve for request in requests)
        if ledger is not None and cap is not None:
            ledger.require_past()
        changes = {
            "state": JobState.UPLOADING,
            "digest": digest,
            "reserve": reserve,
            "requests": len(requests),
            "authors": sum(len(request.authors) for request in requests),
        }
        with self._database.begin() as connection:
            mine = (_JOBS.c.key == job.key) & (_JOBS.c.state == str(job.state))
            held = sa.select(_JOBS.c.key).where(mine).with_for_update()
            if connection.execute(held).one_or_none() is None:
                return None
            if ledger is not None:
                account = RunAccount(ledger, job.run_id, job.bucket, asked_as, job=job.key)
                grant = ledger.settle_within(connection, account, Booking(), Wish(0, reserve, reserve), cap)
                if grant.extra < reserve:
                    return grant
            connection.execute(_JOBS.update().where(mine).values({**changes, "state": str(JobState.UPLOADING)}))
            connection.execute(_REQUESTS.delete().where(_REQUESTS.c.key == job.key))
            self._insert(connection, job.key, requests)
        return replace(job, **changes)  # type: ignore[arg-type] # columns of the row

    def settle(
        self,
        job: JobRow,
        state: JobState,
        booking: Booking,
        *,
        ledger: SpendLedger | None,
        reason: str | None = None,
        asked_as: str = "",
    ) -> bool:
        """End a job for good: book what it cost, give back the rest of its money, forget its requests.

        One transaction. False if somebody else settled it, or changed its state: then nothing is booked.
        """
        with self._database.begin() as connection:
            mine = (_JOBS.c.key == job.key) & (_JOBS.c.state == str(job.state)) & _JOBS.c.settled_at.is_(None)
            now = self._database.now(connection)
            values = {"state": str(state), "settled_at": now, "reason": reason, "reserve": 0}
            if not connection.execute(_JOBS.update().where(mine).values(values)).rowcount:
                return False
            if ledger is not None:
                account = RunAccount(ledger, job.run_id, job.bucket, asked_as, job=job.key)
                ledger.settle_within(connection, account, booking, Wish(), None)
            connection.execute(_REQUESTS.delete().where(_REQUESTS.c.key == job.key))
        return True

    def _insert(self, connection: sa.Connection, key: str, requests: Sequence[RequestRow]) -> None:
        rows = [
            {
                **{one.name: getattr(request, one.name) for one in fields(request)},
                "key": key,
                "authors": msgspec.json.encode(request.authors).decode(),
                "hashes": msgspec.json.encode(request.hashes).decode(),
            }
            for request in requests
        ]
        if rows:
            connection.execute(_REQUESTS.insert(), rows)

    def _rows(self, query: sa.Select[Any]) -> list[JobRow]:
        with self._database.begin() as connection:
            rows = connection.execute(query.order_by(_JOBS.c.planned_at, _JOBS.c.key)).all()
        return [JobRow.of(row) for row in rows]


def authors_waiting(connection: sa.Connection, root: str, bucket: str) -> int:
    """How many authors are in live jobs of a bucket."""
    mine = (_JOBS.c.root == root) & (_JOBS.c.bucket == bucket) & _JOBS.c.state.in_(_STATES)
    return int(
        connection.execute(sa.select(sa.func.coalesce(sa.func.sum(_JOBS.c.authors), 0)).where(mine)).scalar_one()
    )


def _request(row: sa.Row[Any]) -> RequestRow:
    values = {one.name: getattr(row, one.name) for one in fields(RequestRow)}
    lists = {name: tuple(msgspec.json.decode(values[name])) for name in ("authors", "hashes")}
    return RequestRow(**{**values, **lists})

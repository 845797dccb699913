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
from summarizer_assets.storage.state_db.batch_tables import JOBS, REQUESTS
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.ledger import SpendLedger
from summarizer_assets.storage.state_db.run_account import RunAccount

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
    factor: float | None = None
    waiting_since: float | None = None
    delete_at: float | None = None

    @property
    def waits_since(self) -> float:
        """Since when its authors are in jobs."""
        return self.planned_at if self.waiting_since is None else self.waiting_since

    @property
    def places(self) -> tuple[str, ...]:
        """Its files at the provider, and where its results are."""
        return tuple(place for place in (self.file_id, self.output_file_id, self.error_file_id) if place)

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
            known = sa.select(JOBS.c.key).where(JOBS.c.key == job.key)
            if connection.execute(known).one_or_none() is not None:
                return False
            values = {one.name: getattr(job, one.name) for one in fields(job)}
            values |= {"root": self._root, "state": str(job.state), "planned_at": self._database.now(connection)}
            connection.execute(JOBS.insert().values(values))
            self._insert(connection, job.key, requests)
        return True

    def live(self, bucket: str | None = None) -> list[JobRow]:
        """Jobs that authors wait for, oldest first."""
        query = sa.select(JOBS).where((JOBS.c.root == self._root) & JOBS.c.state.in_(_STATES))
        return self._rows(query if bucket is None else query.where(JOBS.c.bucket == bucket))

    def newest(self, most: int) -> list[JobRow]:
        """The last jobs of all states, oldest first."""
        query = sa.select(JOBS).where(JOBS.c.root == self._root).order_by(JOBS.c.planned_at.desc()).limit(most)
        return sorted(self._rows(query), key=lambda job: job.planned_at)

    def get(self, key: str) -> JobRow | None:
        return next(iter(self._rows(sa.select(JOBS).where((JOBS.c.root == self._root) & (JOBS.c.key == key)))), None)

    def known(self, remote_ids: Iterable[str]) -> set[str]:
        """Those of the ids whose jobs this store knows, under any root."""
        query = sa.select(JOBS.c.remote_id).where(JOBS.c.remote_id.in_(list(remote_ids)))
        with self._database.begin() as connection:
            return set(connection.execute(query).scalars())

    def requests(self, key: str) -> list[RequestRow]:
        query = sa.select(REQUESTS).where(REQUESTS.c.key == key).order_by(REQUESTS.c.number)
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
        query = sa.select(sa.func.min(JOBS.c.tokens)).where(
            (JOBS.c.account == account)
            & (JOBS.c.model == model)
            & (JOBS.c.verdict == str(Next.AGAIN))
            & (JOBS.c.settled_at > since)
        )
        with self._database.begin() as connection:
            smallest = connection.execute(query).scalar_one_or_none()
        return None if smallest is None else max(1, int(smallest) // 2)

    def move(self, job: JobRow, state: JobState, **changes: Any) -> JobRow | None:  # noqa: ANN401 - columns
        """Change a job that is as `job` says; None if somebody else changed its state meanwhile."""
        mine = (JOBS.c.key == job.key) & (JOBS.c.state == str(job.state))
        with self._database.begin() as connection:
            update = JOBS.update().where(mine).values(state=str(state), **changes)
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
        factor: float | None = None,
    ) -> JobRow | Grant | None:
        """Reserve the money of a planned job, and store its requests as they are sent, all in one transaction.

        Args:
            job: as it was read.
            requests: what its file has now; those of the plan are replaced.
            digest: of the file.
            ledger: None: it costs nothing, or nobody knows what.
            cap: nano-dollars that all runs may spend in all; None: no cap.
            asked_as: see `SpendLedger.account`.
            factor: of the price, at which it is settled.

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
            "factor": factor,
        }
        with self._database.begin() as connection:
            mine = (JOBS.c.key == job.key) & (JOBS.c.state == str(job.state))
            held = sa.select(JOBS.c.key).where(mine).with_for_update()
            if connection.execute(held).one_or_none() is None:
                return None
            if ledger is not None:
                account = RunAccount(ledger, job.run_id, job.bucket, asked_as, job=job.key)
                grant = ledger.settle_within(connection, account, Booking(), Wish(0, reserve, reserve), cap)
                if grant.extra < reserve:
                    return grant
            connection.execute(JOBS.update().where(mine).values({**changes, "state": str(JobState.UPLOADING)}))
            connection.execute(REQUESTS.delete().where(REQUESTS.c.key == job.key))
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
            mine = (JOBS.c.key == job.key) & (JOBS.c.state == str(job.state)) & JOBS.c.settled_at.is_(None)
            now = self._database.now(connection)
            values = {"state": str(state), "settled_at": now, "reason": reason, "reserve": 0}
            values["delete_at"] = now if job.places else None
            if not connection.execute(JOBS.update().where(mine).values(values)).rowcount:
                return False
            if ledger is not None:
                account = RunAccount(ledger, job.run_id, job.bucket, asked_as, job=job.key)
                ledger.settle_within(connection, account, booking, Wish(), None)
            connection.execute(REQUESTS.delete().where(REQUESTS.c.key == job.key))
        return True

    def to_delete(self, account: str, most: int) -> list[JobRow]:
        """Settled jobs of the account whose files are to be deleted now, at most so many."""
        with self._database.begin() as connection:
            now = self._database.now(connection)
            mine = (JOBS.c.root == self._root) & (JOBS.c.account == account)
            query = sa.select(JOBS).where(mine & (JOBS.c.delete_at <= now)).order_by(JOBS.c.delete_at).limit(most)
            return [JobRow.of(row) for row in connection.execute(query).all()]

    def deleted(self, job: JobRow, *, again_at: float | None) -> None:
        """The files of a settled job are gone; or with `again_at` they are not, and are tried again then."""
        with self._database.begin() as connection:
            connection.execute(JOBS.update().where(JOBS.c.key == job.key).values(delete_at=again_at))

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
            connection.execute(REQUESTS.insert(), rows)

    def _rows(self, query: sa.Select[Any]) -> list[JobRow]:
        with self._database.begin() as connection:
            rows = connection.execute(query.order_by(JOBS.c.planned_at, JOBS.c.key)).all()
        return [JobRow.of(row) for row in rows]


def authors_waiting(connection: sa.Connection, root: str, bucket: str) -> int:
    """How many authors are in live jobs of a bucket."""
    mine = (JOBS.c.root == root) & (JOBS.c.bucket == bucket) & JOBS.c.state.in_(_STATES)
    return int(connection.execute(sa.select(sa.func.coalesce(sa.func.sum(JOBS.c.authors), 0)).where(mine)).scalar_one())


def _request(row: sa.Row[Any]) -> RequestRow:
    values = {one.name: getattr(row, one.name) for one in fields(RequestRow)}
    lists = {name: tuple(msgspec.json.decode(values[name])) for name in ("authors", "hashes")}
    return RequestRow(**{**values, **lists})

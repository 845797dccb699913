"""The state store: claims on buckets, heartbeats, and the run history of each bucket, shared by all hosts.

SQLite on one machine, Postgres for several. The truth about authors is in Delta; losing this store loses no answer.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import sqlalchemy as sa

from summarizer_assets.core.lost_runs import Sign
from summarizer_assets.core.quality_breaker import Trust
from summarizer_assets.core.run_records import IN_BATCH, PastRun, trust_after
from summarizer_assets.storage.errors import ClaimLost, ClaimRefused
from summarizer_assets.storage.processes import is_gone, process_name, this_host, whereabouts
from summarizer_assets.storage.roots import ALIVE, COMPACTION
from summarizer_assets.storage.state_db.batch_jobs import authors_waiting
from summarizer_assets.storage.state_db.claim import Claim, LastRun, is_dead
from summarizer_assets.storage.state_db.database import METADATA, Database

LEASE_S = 60.0

_CLAIMS = sa.Table(
    "claims",
    METADATA,
    sa.Column("root", sa.String, primary_key=True),
    sa.Column("bucket", sa.String, primary_key=True),
    sa.Column("token", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("process", sa.String, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("allowance", sa.Integer, nullable=False, server_default="0"),
)

_RUNS = sa.Table(
    "bucket_runs",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("root", sa.String, nullable=False),
    sa.Column("bucket", sa.String, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("ended_at", sa.Float),
    sa.Column("pending_before", sa.Integer, nullable=False),
    sa.Column("pending_after", sa.Integer),
    sa.Column("stop", sa.String),
    sa.Column("host", sa.String),
    sa.Column("fingerprint", sa.String),  # fingerprint of the model, prompt and settings of the run
    sa.Index("bucket_runs_by_bucket", "root", "bucket", "id"),
)


class StateStore:
    """Claims and run history of the tables under one root, known by its name (`storage.roots`)."""

    def __init__(self, database: Database, root: str, *, lease_s: float = LEASE_S) -> None:
        self.lease_s = lease_s
        self._database = database
        self._root = root

    @contextmanager
    def claim(self, bucket: str, run_id: str) -> Iterator[Claim]:
        """Claim the bucket for this run; a thread renews the claim until the block ends.

        Raises:
            ClaimRefused: another run holds it and is alive.
        """
        with self._held("", bucket, run_id) as claim:
            claim.last_run = self.last_run(bucket)
            yield claim

    @contextmanager
    def compaction(self, bucket: str, run_id: str) -> Iterator[bool]:
        """A lock on the bucket's compaction until the block ends; yields whether it was obtained.

        delta-rs lets two compactions of the same files commit, which duplicates each row. So compaction takes this lock
        before it opens the table; if the lock is refused, the other run compacts.
        """
        with ExitStack() as held:
            try:
                held.enter_context(self._held(COMPACTION, bucket, run_id))
            except ClaimRefused:
                yield False
                return
            yield True

    @contextmanager
    def heartbeat(self, run_id: str) -> Iterator[None]:
        """Show until the block ends that this run is alive; for an ingest, which fills all buckets and claims none."""
        with self._held(ALIVE, run_id, run_id, for_ever=True):
            yield

    @contextmanager
    def _held(self, kind: str, what: str, run_id: str, *, for_ever: bool = False) -> Iterator[Claim]:
        """A lease on `what`. `kind`: the suffix of the root's name; empty for the claim of a bucket."""
        store = StateStore(self._database, self._root + kind, lease_s=self.lease_s)
        claim = Claim(store, what, run_id, for_ever=for_ever)
        claim.acquire()
        try:
            yield claim
        finally:
            claim.release()

    def signs_of_life(self) -> dict[str, list[Sign]]:
        """Claims on this root's buckets and heartbeats, by run id; released ones are left out.

        Heartbeats of all roots are included, because a first ingest's begins before the root has a name.
        """
        mine = (_CLAIMS.c.root == self._root) | _CLAIMS.c.root.endswith(ALIVE)
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            rows = connection.execute(sa.select(_CLAIMS).where(mine)).all()
        found: dict[str, list[Sign]] = {}
        for row in rows:
            if row.expires_at > 0:  # otherwise it was released, and only its allowance still counts
                place = f"bucket {row.bucket}" if row.root == self._root else "the source"
                sign = Sign(place, row.host, now - row.expires_at, whereabouts(row.host, row.process))
                found.setdefault(row.run_id, []).append(sign)
        return found

    def holders(self) -> dict[str, str]:
        """The run id of each live claim, by bucket."""
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            rows = connection.execute(sa.select(_CLAIMS).where(_CLAIMS.c.root == self._root)).all()
        return {row.bucket: row.run_id for row in rows if not is_dead(row, now)}

    def active_runs(self) -> int:
        """The number of live runs under any root of this store, which share the provider account."""
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            other = _CLAIMS.c.root.endswith(COMPACTION) | _CLAIMS.c.root.endswith(ALIVE)
            rows = connection.execute(sa.select(_CLAIMS).where(~other)).all()
        return len({row.run_id for row in rows if not is_dead(row, now)})

    def begin_run(self, bucket: str, run_id: str, pending: int, fingerprint: str | None = None) -> int:
        """Add a run record and return its number; `fingerprint`: see `core.quality_breaker.fingerprint`."""
        with self._database.begin() as connection:
            result = connection.execute(
                _RUNS.insert().values(
                    root=self._root,
                    bucket=bucket,
                    run_id=run_id,
                    started_at=self._database.now(connection),
                    pending_before=pending,
                    host=this_host(),
                    fingerprint=fingerprint,
                )
            )
            assert result.inserted_primary_key is not None
            return int(result.inserted_primary_key[0])

    def end_run(self, run: int, pending: int, stop: str | None) -> None:
        with self._database.begin() as connection:
            connection.execute(
                _RUNS.update()
                .where(_RUNS.c.id == run)
                .values(ended_at=self._database.now(connection), pending_after=pending, stop=stop)
            )

    def last_run(self, bucket: str) -> LastRun | None:
        """The newest run record of the bucket; None if it never had work."""
        query = sa.select(_RUNS).where((_RUNS.c.root == self._root) & (_RUNS.c.bucket == bucket))
        with self._database.begin() as connection:
            row = connection.execute(query.order_by(_RUNS.c.id.desc()).limit(1)).one_or_none()
        return None if row is None else LastRun(int(row.id), row.run_id, row.host, row.ended_at)

    def settle_last_run(self, bucket: str, pending: int, seen: LastRun | None) -> None:
        """Correct the last run's record from what a run without work found: it died, or recorded more pending authors.

        Changes only the record `seen` before the tables were read, and only if it is unchanged, because a newer record
        is more accurate. The same statement requires that nobody holds the bucket, whose holder owns the record.
        """
        if seen is None:
            return
        mine = (_CLAIMS.c.root == self._root) & (_CLAIMS.c.bucket == bucket)
        with self._database.begin() as connection:
            now, steady = self._database.now(connection), self._database.steady_now(connection)
            claims = connection.execute(sa.select(_CLAIMS).where(mine)).all()
            gone = [claim.token for claim in claims if is_gone(claim.host, claim.process)]
            held = sa.exists().where(mine & (_CLAIMS.c.expires_at > steady) & _CLAIMS.c.token.not_in(gone))
            connection.execute(
                _RUNS.update()
                .where(
                    (_RUNS.c.id == seen.record)
                    & _RUNS.c.ended_at.is_not_distinct_from(seen.ended_at)
                    & (_RUNS.c.pending_after.is_(None) | (_RUNS.c.pending_after != pending))
                    & ~held
                )
                .values(pending_after=pending, ended_at=sa.func.coalesce(_RUNS.c.ended_at, now))
            )

    def recent_runs(self, each: int = 4) -> dict[str, list[PastRun]]:
        """The last `each` runs of each bucket, newest first."""
        rank = sa.func.row_number().over(partition_by=_RUNS.c.bucket, order_by=_RUNS.c.id.desc()).label("rank")
        ranked = sa.select(_RUNS, rank).where(_RUNS.c.root == self._root).subquery()
        query = sa.select(ranked).where(ranked.c.rank <= each).order_by(ranked.c.bucket, ranked.c.id.desc())
        with self._database.begin() as connection:
            rows = connection.execute(query).all()
        runs: dict[str, list[PastRun]] = {}
        for row in rows:
            runs.setdefault(row.bucket, []).append(_past(row))
        return runs

    def trust(self, fingerprint: str) -> Trust:
        """The result of the last finished run, of any bucket, with this fingerprint.

        One that only sent a batch job says nothing.
        """
        mine = (_RUNS.c.root == self._root) & (_RUNS.c.fingerprint == fingerprint) & _RUNS.c.ended_at.is_not(None)
        told = sa.func.coalesce(_RUNS.c.stop, "") != IN_BATCH
        told |= _RUNS.c.pending_after < _RUNS.c.pending_before
        query = sa.select(_RUNS).where(mine & told).order_by(_RUNS.c.ended_at.desc(), _RUNS.c.id.desc()).limit(1)
        with self._database.begin() as connection:
            now = self._database.now(connection)
            last = connection.execute(query).one_or_none()
        return trust_after(None if last is None else _past(last), now)

    def try_claim(self, bucket: str, run_id: str, token: str) -> str | None:
        """Claim the bucket if it is free, already ours, or its holder is dead; otherwise return the holder's run id."""
        mine = {"token": token, "run_id": run_id, "host": this_host(), "process": process_name(os.getpid())}
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            where = self._on(bucket)
            holder = connection.execute(sa.select(_CLAIMS).where(where).with_for_update()).one_or_none()
            if holder is None:
                try:
                    with connection.begin_nested():
                        connection.execute(
                            _CLAIMS.insert().values(
                                root=self._root, bucket=bucket, expires_at=now + self.lease_s, **mine
                            )
                        )
                except sa.exc.IntegrityError:
                    return "a run that claimed it at the same moment"
                return None
            if holder.token != token and not is_dead(holder, now):
                return str(holder.run_id)
            # A dead holder's allowance counts until we get our own: its answers may exist only in its journal.
            connection.execute(_CLAIMS.update().where(where).values(expires_at=now + self.lease_s, **mine))
            return None

    def grant(self, bucket: str, token: str, wanted: int, limit: int, asked_so_far: Callable[[], int]) -> int:
        """How many of `wanted` new authors this claim may ask, if all runs together may ever ask `limit`.

        Reads the other runs' allowances, then the tables (`asked_so_far`), then the allowances again under a lock, and
        counts the larger of the two readings: an author who moves from an allowance to the tables meanwhile is counted
        twice rather than not at all. If too little is left and an allowance changed meanwhile, this is repeated. Claims
        are renewed under the same lock, so the possibly slow tables are read outside it. The allowance of a run that
        died, broke off or left authors in batch jobs counts until the next run of its bucket is granted one, or ends.
        """
        while True:
            with self._database.begin() as connection:
                before = self._allowances(connection, token)
            asked = asked_so_far()
            with self._database.begin() as connection:
                now = self._allowances(connection, token, lock=True)
                others = sum(max(before.get(other, 0), now.get(other, 0)) for other in before.keys() | now.keys())
                granted = max(0, min(wanted, limit - others - asked))
                if granted < wanted and before != now:
                    continue
                result = connection.execute(_CLAIMS.update().where(self._on(bucket, token)).values(allowance=granted))
                if not result.rowcount:  # no claim would count what we ask
                    raise ClaimLost(f"bucket {bucket}: our claim lapsed and another run took it; this run asks nothing")
                return granted

    def _allowances(self, connection: sa.Connection, token: str, *, lock: bool = False) -> dict[str, int]:
        """The allowance of each other claim of this root, by its token."""
        query = sa.select(_CLAIMS).where(_CLAIMS.c.root == self._root).order_by(_CLAIMS.c.bucket)
        rows = connection.execute(query.with_for_update() if lock else query).all()
        return {row.token: int(row.allowance) for row in rows if row.token != token and row.allowance}

    def _on(self, bucket: str, token: str | None = None) -> sa.ColumnElement[bool]:
        """The condition of the bucket's claim, held by `token` if given."""
        on = (_CLAIMS.c.root == self._root) & (_CLAIMS.c.bucket == bucket)
        return on if token is None else on & (_CLAIMS.c.token == token)

    def renew(self, bucket: str, token: str) -> bool:
        """Extend our claim; return False if it lapsed and another run took it."""
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            longer = _CLAIMS.update().where(self._on(bucket, token)).values(expires_at=now + self.lease_s)
            result = connection.execute(longer)
            return bool(result.rowcount)

    def release(self, bucket: str, token: str) -> None:
        """Release our claim.

        What is not in the tables yet still counts for a pilot's limit (see `grant`): the allowance of a run that broke
        off, as a dead run's does; of one that ended, the authors in batch jobs.
        """
        mine = self._on(bucket, token)
        ended = sa.exists().where(
            (_RUNS.c.root == _CLAIMS.c.root)
            & (_RUNS.c.bucket == _CLAIMS.c.bucket)
            & (_RUNS.c.run_id == _CLAIMS.c.run_id)
            & _RUNS.c.ended_at.is_not(None)
        )
        allowed = mine & (_CLAIMS.c.allowance > 0)
        with self._database.begin() as connection:
            kept = connection.execute(_CLAIMS.update().where(allowed & ~ended).values(expires_at=0.0))
            if not kept.rowcount and (waiting := authors_waiting(connection, self._root, bucket)):
                kept = connection.execute(_CLAIMS.update().where(allowed).values(expires_at=0.0, allowance=waiting))
            if not kept.rowcount:
                connection.execute(_CLAIMS.delete().where(mine))


def _past(row: sa.Row) -> PastRun:  # type: ignore[type-arg] # rows of a table are untyped
    return PastRun(
        row.run_id, row.started_at, row.ended_at, row.pending_before, row.pending_after, row.stop, row.fingerprint
    )

"""What runs on all hosts must agree on: who works on which bucket, and how the last runs of a bucket ended.

SQLite on one machine, Postgres for several. The truth about authors is in Delta; losing this store loses no answer.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from summarizer_assets.core.brake import Trust
from summarizer_assets.core.lost_runs import Sign
from summarizer_assets.core.run_records import PastRun, trust_after
from summarizer_assets.storage.errors import ClaimLost, ClaimRefused
from summarizer_assets.storage.processes import is_gone, process_name, this_host, whereabouts
from summarizer_assets.storage.roots import ALIVE, COMPACTION
from summarizer_assets.storage.state_db.claim import Claim, LastRun
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
    sa.Column("fingerprint", sa.String),  # of the model, the prompt and the settings that it asked with
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
        """Hold the bucket for this run; renewed by a thread until the block ends.

        Raises:
            ClaimRefused: another run holds it and is alive.
        """
        claim = Claim(self, bucket, run_id)
        claim.acquire()
        try:
            claim.last_run = self.last_run(bucket)
            yield claim
        finally:
            claim.release()

    @contextmanager
    def compaction(self, bucket: str, run_id: str) -> Iterator[bool]:
        """Whether the bucket's files may be joined now; nobody else may until the block ends.

        delta-rs lets two compactions of the same files commit, and each row is there twice. So whoever compacts asks
        here first and opens the table after; who is refused leaves it to the other.
        """
        claim = Claim(StateStore(self._database, self._root + COMPACTION, lease_s=self.lease_s), bucket, run_id)
        try:
            claim.acquire()
        except ClaimRefused:
            yield False
            return
        try:
            yield True
        finally:
            claim.release()

    @contextmanager
    def heartbeat(self, run_id: str) -> Iterator[None]:
        """Show until the block ends that this run lives, where it has no bucket to claim: an ingest fills them all."""
        store = StateStore(self._database, self._root + ALIVE, lease_s=self.lease_s)
        claim = Claim(store, run_id, run_id, for_ever=True)
        claim.acquire()
        try:
            yield
        finally:
            claim.release()

    def signs_of_life(self) -> dict[str, list[Sign]]:
        """Of each run what it holds: claims of this root's buckets, heartbeats; given back ones are none.

        Heartbeats of any root: the first ingest's begins when the root has no authors, and so no name, yet.
        """
        mine = (_CLAIMS.c.root == self._root) | _CLAIMS.c.root.endswith(ALIVE)
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            rows = connection.execute(sa.select(_CLAIMS).where(mine)).all()
        found: dict[str, list[Sign]] = {}
        for row in rows:
            if row.expires_at > 0:  # else it was given back, and only its allowance still counts
                place = f"bucket {row.bucket}" if row.root == self._root else "the source"
                sign = Sign(place, row.host, now - row.expires_at, whereabouts(row.host, row.process))
                found.setdefault(row.run_id, []).append(sign)
        return found

    def holders(self) -> dict[str, str]:
        """Run id of each bucket's live claim."""
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            rows = connection.execute(sa.select(_CLAIMS).where(_CLAIMS.c.root == self._root)).all()
        return {row.bucket: row.run_id for row in rows if not _is_dead(row, now)}

    def active_runs(self) -> int:
        """Runs at work now under any root of this store: they share the provider account."""
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            other = _CLAIMS.c.root.endswith(COMPACTION) | _CLAIMS.c.root.endswith(ALIVE)
            rows = connection.execute(sa.select(_CLAIMS).where(~other)).all()
        return len({row.run_id for row in rows if not _is_dead(row, now)})

    def begin_run(self, bucket: str, run_id: str, pending: int, fingerprint: str | None = None) -> int:
        """`fingerprint`: of what it asks with (`core.brake.fingerprint`)."""
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
        """The newest record of the bucket; None: it never had work."""
        query = sa.select(_RUNS).where((_RUNS.c.root == self._root) & (_RUNS.c.bucket == bucket))
        with self._database.begin() as connection:
            row = connection.execute(query.order_by(_RUNS.c.id.desc()).limit(1)).one_or_none()
        return None if row is None else LastRun(int(row.id), row.run_id, row.host, row.ended_at)

    def settle_last_run(self, bucket: str, pending: int, seen: LastRun | None) -> None:
        """What a run without work found: correct the record of a last run that died, or left more than there is.

        Only the record `seen` before the tables were, and as it was: one that is written or ended meanwhile knows
        better. And only while nobody holds the bucket, which the same statement looks at: that record is its own.
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
        """The last `each` runs of every bucket, newest first."""
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
        """What the last run of any bucket that asked with the same showed, once it had ended."""
        mine = (_RUNS.c.root == self._root) & (_RUNS.c.fingerprint == fingerprint) & _RUNS.c.ended_at.is_not(None)
        query = sa.select(_RUNS).where(mine).order_by(_RUNS.c.ended_at.desc(), _RUNS.c.id.desc()).limit(1)
        with self._database.begin() as connection:
            now = self._database.now(connection)
            last = connection.execute(query).one_or_none()
        return trust_after(None if last is None else _past(last), now)

    def try_claim(self, bucket: str, run_id: str, token: str) -> str | None:
        """Take the bucket if it is free, ours already, or its holder is dead; else the holder's run id."""
        mine = {
            "token": token,
            "run_id": run_id,
            "host": this_host(),
            "process": process_name(os.getpid()),
        }
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            where = (_CLAIMS.c.root == self._root) & (_CLAIMS.c.bucket == bucket)
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
            if holder.token != token and not _is_dead(holder, now):
                return str(holder.run_id)
            # A dead holder's allowance stands until we are granted one: what it asked may lie in its journal only.
            connection.execute(_CLAIMS.update().where(where).values(expires_at=now + self.lease_s, **mine))
            return None

    def grant(self, bucket: str, token: str, wanted: int, limit: int, asked_so_far: Callable[[], int]) -> int:
        """How many of `wanted` new authors this claim may ask, when all runs together may ask `limit` ever.

        Counted is first what other runs were granted, then what the tables hold, and under a lock once more what they
        were granted, the larger of both: an author who moves from the one to the other meanwhile is counted twice
        rather than not at all. Where that leaves too little, it is done again, for as long as somebody moves. The lock
        is on all claims, which are renewed under it, so the tables, slow perhaps, are read outside of it. A run that
        died or broke off counts until the next run of its bucket was granted something in its place, or ended.
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
                mine = (_CLAIMS.c.root == self._root) & (_CLAIMS.c.bucket == bucket) & (_CLAIMS.c.token == token)
                result = connection.execute(_CLAIMS.update().where(mine).values(allowance=granted))
                if not result.rowcount:  # nobody would count what we ask now
                    raise ClaimLost(f"bucket {bucket}: our claim lapsed and another run took it; this run asks nothing")
                return granted

    def _allowances(self, connection: sa.Connection, token: str, *, lock: bool = False) -> dict[str, int]:
        """What each other claim of this root was granted, by its token."""
        query = sa.select(_CLAIMS).where(_CLAIMS.c.root == self._root).order_by(_CLAIMS.c.bucket)
        rows = connection.execute(query.with_for_update() if lock else query).all()
        return {row.token: int(row.allowance) for row in rows if row.token != token and row.allowance}

    def renew(self, bucket: str, token: str) -> bool:
        """Extend our claim; False when another run took it after it had lapsed."""
        with self._database.begin() as connection:
            now = self._database.steady_now(connection)
            result = connection.execute(
                _CLAIMS.update()
                .where((_CLAIMS.c.root == self._root) & (_CLAIMS.c.bucket == bucket) & (_CLAIMS.c.token == token))
                .values(expires_at=now + self.lease_s)
            )
            return bool(result.rowcount)

    def release(self, bucket: str, token: str) -> None:
        """Give our claim back. That of a run that broke off keeps its allowance, as a dead run's does (see `grant`)."""
        mine = (_CLAIMS.c.root == self._root) & (_CLAIMS.c.bucket == bucket) & (_CLAIMS.c.token == token)
        ended = sa.exists().where(
            (_RUNS.c.root == _CLAIMS.c.root)
            & (_RUNS.c.bucket == _CLAIMS.c.bucket)
            & (_RUNS.c.run_id == _CLAIMS.c.run_id)
            & _RUNS.c.ended_at.is_not(None)
        )
        with self._database.begin() as connection:
            kept = connection.execute(
                _CLAIMS.update().where(mine & (_CLAIMS.c.allowance > 0) & ~ended).values(expires_at=0.0)
            )
            if not kept.rowcount:
                connection.execute(_CLAIMS.delete().where(mine))


def _is_dead(claim: sa.Row, now: float) -> bool:  # type: ignore[type-arg] # rows of a table are untyped
    """Lapsed, or held by a process of this host that is gone: a crash need not wait for the lease."""
    return bool(claim.expires_at <= now) or is_gone(claim.host, claim.process)


def _past(row: sa.Row) -> PastRun:  # type: ignore[type-arg] # rows of a table are untyped
    return PastRun(
        row.run_id, row.started_at, row.ended_at, row.pending_before, row.pending_after, row.stop, row.fingerprint
    )

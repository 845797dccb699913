"""The spend ledger of a root: what all runs on all hosts have spent since it was created, and what they have reserved.

Rows are only added. Their sums per root are stored separately and updated in the same transaction, so that a grant
reads one row; `audit` compares the two. Amounts are nano-dollars.

A run has one lease: the amount reserved and not yet booked. An amount that a dead run left reserved may have been
billed, so it becomes uncertain and still counts; it is corrected if the run was only suspended and comes back. A
booking whose commit was not confirmed is booked again, so that too much counts rather than too little.
"""

import contextlib
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa

from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.money.excess import NOTHING_SEEN, Excess
from summarizer_assets.core.money.spending import Booking, Grant, PastUnknown, Wish, granted
from summarizer_assets.storage.processes import process_name, this_host
from summarizer_assets.storage.state_db.claim import is_dead
from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.storage.state_db.run_account import RunAccount

_KEY = sa.BigInteger().with_variant(sa.Integer, "sqlite")  # SQLite assigns row numbers only to an INTEGER key
_SUMS = ("spent", "uncertain", "wasted", "reserved", "prompt_tokens", "cached_tokens", "completion_tokens", "requests")

_ROWS = sa.Table(
    "spend_rows",
    METADATA,
    sa.Column("id", _KEY, primary_key=True, autoincrement=True),
    sa.Column("root", sa.String, nullable=False, index=True),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("bucket", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _SUMS),
)

_TOTALS = sa.Table(
    "spend_totals",
    METADATA,
    sa.Column("root", sa.String, primary_key=True),
    *(sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in _SUMS),
)

_LEASES = sa.Table(
    "spend_leases",
    METADATA,
    sa.Column("token", sa.String, primary_key=True),
    sa.Column("root", sa.String, nullable=False, index=True),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("bucket", sa.String, nullable=False),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("process", sa.String, nullable=False),
    sa.Column("expires_at", sa.Float, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Column("lost", sa.Boolean, nullable=False),  # its amount is counted as uncertain and no longer as reserved
)

#: How far replies of one model exceeded what their requests allow; respected by every run, under any root.
_EXCESSES = sa.Table(
    "spend_excesses",
    METADATA,
    sa.Column("asked_as", sa.String, primary_key=True),
    sa.Column("worst", sa.BigInteger, nullable=False),
    sa.Column("replies", sa.BigInteger, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)
_NEVER: Final = 1e18  # when a lasting lease lapses
_EXCESS_S: Final = 3600.0  # forgotten after an hour without another: providers fix errors, and one case may be an error

BOOKED, LOST, RETURNED, RELEASED = "booked", "run lost", "run returned", "released by a person"
FOUND = "found in the tables"


class SpendLedger:
    """The ledger of one root. Safe for several threads and processes.

    Args:
        database: the shared state database.
        root: as given to `StateStore`.
        place: address of the root, for messages.
        lease_s: seconds without renewal after which a run counts as dead; on its own host the process is checked.
        in_tables: returns the cost of the answers in the root's tables and journal. Called if a budget is set and no
            run under this root has booked anything here: once in a root's life, unless the store was replaced.
    """

    def __init__(
        self,
        database: Database,
        root: str,
        *,
        place: str = "",
        lease_s: float = 60.0,
        in_tables: Callable[[], int] = lambda: 0,
    ) -> None:
        self.lease_s = lease_s
        self._place = place or root
        self._in_tables = in_tables
        self._database = database
        self._root = root

    def account(self, run_id: str, bucket: str, asked_as: str = "") -> RunAccount:
        """The account of one run of a bucket; `asked_as` identifies the model and the form of its requests."""
        return RunAccount(self, run_id, bucket, asked_as)

    def totals(self) -> Mapping[str, int]:
        """The totals of the root: `spent`, `uncertain`, `wasted`, `reserved` (nano-dollars), tokens, `requests`."""
        with self._database.begin() as connection:
            found = connection.execute(sa.select(_TOTALS).where(_TOTALS.c.root == self._root)).one_or_none()
        return dict.fromkeys(_SUMS, 0) if found is None else {name: int(getattr(found, name)) for name in _SUMS}

    def audit(self) -> list[str]:
        """All inconsistencies between rows, totals and leases; none unless something else wrote to the tables."""
        sums = [sa.func.sum(_ROWS.c[name]).label(name) for name in _SUMS]
        rows = sa.select(*sums).where(_ROWS.c.root == self._root).subquery()
        leased = sa.select(sa.func.sum(_LEASES.c.amount).label("reserved"))
        leases = leased.where((_LEASES.c.root == self._root) & ~_LEASES.c.lost).subquery()
        totals = sa.select(_TOTALS).where(_TOTALS.c.root == self._root).subquery()
        # One statement, because separate ones would see bookings made in between.
        query = sa.select(leases.c.reserved, *rows.c, *(totals.c[name] for name in _SUMS)).select_from(
            rows.join(leases, sa.true()).outerjoin(totals, sa.true())
        )
        with self._database.begin() as connection:
            reserved, *found = (int(value or 0) for value in connection.execute(query).one())
        summed, kept = (dict(zip(_SUMS, half, strict=True)) for half in (found[: len(_SUMS)], found[len(_SUMS) :]))
        wrong = [
            f"{name}: the rows sum to {summed[name]}, the total is {kept[name]}"
            for name in _SUMS
            if summed[name] != kept[name]
        ]
        if reserved != kept["reserved"]:
            wrong.append(f"reserved: the leases sum to {reserved}, the total is {kept['reserved']}")
        return wrong

    def release_uncertain(self) -> int:
        """Release all uncertain amounts, once a person has checked the provider's bill. Returns nano-dollars."""
        with self._database.begin() as connection:
            totals = self._found_totals(connection)
            amount = 0 if totals is None else int(totals.uncertain)
            if amount:
                self._add(connection, "", "", RELEASED, {"uncertain": -amount})
            connection.execute(_LEASES.delete().where((_LEASES.c.root == self._root) & _LEASES.c.lost))
        return amount

    def raise_to(self, spent: int) -> int:
        """Book the part of `spent` that no row has, after a loss of the store. Returns the amount in nano-dollars."""
        with self._database.begin() as connection:
            missing = max(0, spent - int(self._locked_totals(connection).spent))
            self._add(connection, "", "", FOUND, {"spent": missing})
        return missing

    def excess(self, asked_as: str) -> Excess:
        """The recent excess of replies to requests `asked_as`."""
        with self._database.begin() as connection:
            return self._excess(connection, asked_as, Booking())

    def settle(self, run: RunAccount, booking: Booking, wish: Wish, cap: int | None) -> Grant:
        """See `RunAccount.settle`."""
        grant = self._settle(run, booking, wish, cap, first=cap is None)
        if grant is None:
            self.require_past()
            grant = self._settle(run, booking, wish, cap, first=True)
            assert grant is not None
        return grant

    def _settle(self, run: RunAccount, booking: Booking, wish: Wish, cap: int | None, *, first: bool) -> Grant | None:
        """None if nothing was ever booked under this root and this may not be the `first` booking."""
        with self._database.begin() as connection:
            if self._found_totals(connection) is None and not first:
                return None
            return self.settle_within(connection, run, booking, wish, cap)

    def settle_within(
        self, connection: sa.Connection, run: RunAccount, booking: Booking, wish: Wish, cap: int | None
    ) -> Grant:
        """As `RunAccount.settle`, as a part of a transaction; whoever has a cap calls `require_past` before it."""
        now = self._database.steady_now(connection)
        self._locked_totals(connection)
        had = self._sweep(connection, run.token, now)
        totals = connection.execute(sa.select(_TOTALS).where(_TOTALS.c.root == self._root)).one()
        others = int(totals.reserved) - had
        spent, uncertain = int(totals.spent) + booking.spent, int(totals.uncertain) + booking.uncertain
        extra = granted(wish, None if cap is None else cap - spent - uncertain - others)
        has = wish.floor + extra
        changes = {
            "spent": booking.spent,
            "uncertain": booking.uncertain,
            "wasted": booking.wasted,
            "reserved": has - had,
            "prompt_tokens": booking.prompt_tokens,
            "cached_tokens": booking.cached_tokens,
            "completion_tokens": booking.completion_tokens,
            "requests": booking.requests,
        }
        self._add(connection, run.run_id, run.bucket, BOOKED, changes)
        self._lease(connection, run, has, now)
        return Grant(extra, others, spent, uncertain, self._excess(connection, run.asked_as, booking))

    def _excess(self, connection: sa.Connection, asked_as: str, booking: Booking) -> Excess:
        """The known excess, updated by a run's booking."""
        mine = _EXCESSES.c.asked_as == asked_as
        row = connection.execute(sa.select(_EXCESSES).where(mine).with_for_update()).one_or_none()
        now = self._database.now(connection)
        lately = row is not None and 0 <= now - row.at <= _EXCESS_S
        known = Excess(int(row.worst), int(row.replies)) if row is not None and lately else NOTHING_SEEN
        seen = Excess(max(known.worst, booking.worst), known.replies + booking.requests)
        if not seen.beyond:
            return NOTHING_SEEN
        if booking.requests:
            at = now if row is None or Excess(booking.worst).beyond else row.at
            values = {"worst": seen.worst, "replies": seen.replies, "at": at}
            if not connection.execute(_EXCESSES.update().where(mine).values(values)).rowcount:
                with contextlib.suppress(sa.exc.IntegrityError), connection.begin_nested():  # another root did
                    connection.execute(_EXCESSES.insert().values(asked_as=asked_as, **values))
        return seen

    def require_past(self) -> None:
        """Check that the tables hold no paid answers while the ledger is empty.

        Runs outside a transaction, because reading the tables may be slow. A run books before it writes to the tables,
        so a run that finds another's rows in them also finds its bookings, if it reads the ledger afterwards.

        Raises:
            PastUnknown: the tables hold paid answers that this ledger does not know.
        """
        cost = self._in_tables()
        if not cost:
            return
        with self._database.begin() as connection:
            if self._found_totals(connection) is not None:
                return
        raise PastUnknown(
            f"the state store {self._database.shown} knows nothing of what was spent under {self._place}, whose "
            f"answers cost {exact_usd(cost)}: it was lost, or SUMMARIZER_STATE names another one than before, and "
            "SUMMARIZER_BUDGET_USD would begin anew; nothing was asked. Correct SUMMARIZER_STATE; where it is right, "
            "book what the answers cost, then run again: summarizer spend --book-tables"
        )

    def _found_totals(self, connection: sa.Connection) -> sa.Row[Any] | None:
        """The locked row of totals; None if nothing was ever booked under this root."""
        query = sa.select(_TOTALS).where(_TOTALS.c.root == self._root).with_for_update()
        return connection.execute(query).one_or_none()

    def _locked_totals(self, connection: sa.Connection) -> sa.Row[Any]:
        found = self._found_totals(connection)
        if found is not None:
            return found
        try:
            with connection.begin_nested():
                connection.execute(_TOTALS.insert().values(root=self._root))
        except sa.exc.IntegrityError:
            pass  # another run inserted it at the same moment
        found = self._found_totals(connection)
        assert found is not None
        return found

    def _sweep(self, connection: sa.Connection, token: str, now: float) -> int:
        """Make the leases of dead runs uncertain, and take back our own if it was lost. Returns our reserved amount."""
        mine = 0
        of_interest = (_LEASES.c.root == self._root) & (~_LEASES.c.lost | (_LEASES.c.token == token))
        for lease in connection.execute(sa.select(_LEASES).where(of_interest)).all():
            amount = int(lease.amount)
            if lease.token == token:
                mine = amount
                if lease.lost:
                    self._add(
                        connection, lease.run_id, lease.bucket, RETURNED, {"uncertain": -amount, "reserved": amount}
                    )
            elif not lease.lost and is_dead(lease, now):
                connection.execute(_LEASES.update().where(_LEASES.c.token == lease.token).values(lost=True))
                self._add(connection, lease.run_id, lease.bucket, LOST, {"uncertain": amount, "reserved": -amount})
        return mine

    def _add(self, connection: sa.Connection, run_id: str, bucket: str, why: str, changes: Mapping[str, int]) -> None:
        """Add one row and update the totals."""
        if not any(changes.values()):
            return
        at = self._database.now(connection)
        connection.execute(
            _ROWS.insert().values(root=self._root, run_id=run_id, bucket=bucket, at=at, why=why, **changes)
        )
        connection.execute(
            _TOTALS.update()
            .where(_TOTALS.c.root == self._root)
            .values({name: _TOTALS.c[name] + change for name, change in changes.items() if change})
        )

    def _lease(self, connection: sa.Connection, run: RunAccount, amount: int, now: float) -> None:
        where = _LEASES.c.token == run.token
        if not amount:
            connection.execute(_LEASES.delete().where(where))
            return
        state = {"amount": amount, "expires_at": _NEVER if run.lasting else now + self.lease_s, "lost": False}
        if not connection.execute(_LEASES.update().where(where).values(state)).rowcount:
            who = {"token": run.token, "root": self._root, "run_id": run.run_id, "bucket": run.bucket}
            where_from = {"host": this_host(), "process": process_name(os.getpid())}
            if run.lasting:
                where_from = {"host": "", "process": ""}
            connection.execute(_LEASES.insert().values({**who, **where_from, **state}))

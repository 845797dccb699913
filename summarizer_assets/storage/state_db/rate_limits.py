"""The shared rate limiter: a provider account's schedule in the state store, so that limits hold over all hosts.

One row per account. An account is identified by a hash of address, key and model; the key itself is not stored.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from summarizer_assets.core import rate_schedule
from summarizer_assets.core.rate_schedule import Account, Ask, Lease, RateLimits
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.database import METADATA, Database

_NUMBERS = (
    "requests_at",
    "tokens_at",
    "slowed",
    "slowed_at",
    "guess",
    "guess_at",
    "reached",
    "reached_at",
    "seen_at",
)
_ACCOUNTS = sa.Table(
    "provider_accounts",
    METADATA,
    sa.Column("account", sa.String, primary_key=True),
    *(sa.Column(name, sa.Float) for name in _NUMBERS),
    sa.Column("learnt_requests", sa.Float),
    sa.Column("learnt_tokens", sa.Float),
)


def account_key(address: str, model: str, secret: str | None) -> str:
    """The identifier by which runs recognise that they use the same account."""
    text = "\0".join((address, model, secret or ""))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


class SharedAccount:
    """One account, as seen by one run. Thread-safe.

    Args:
        database: the shared state database.
        account: see `account_key`.
        given: configured limits, which the provider's announcements do not change.
        runs: returns the number of runs that use the account, to extrapolate one run's measurement to all.
    """

    blocking = True
    outage: type[Exception] = StorageError

    def __init__(self, database: Database, account: str, given: RateLimits, runs: Callable[[], int]) -> None:
        self._database = database
        self._key = account
        self._given = given
        self._runs = runs

    def lease(self, ask: Ask) -> Lease:
        """See `core.rate_schedule.lease`.

        Raises:
            StorageError: the store does not answer; the same for all methods.
        """
        with self._database.begin() as connection:
            account, now = self._read(connection)
            after, granted = rate_schedule.lease(rate_schedule.rewound(account, now), now, ask, self._given)
            self._write(connection, account, after, now)
        return granted

    def give_back(self, requests: float, tokens: float) -> None:
        self._change(lambda account, now: rate_schedule.give_back(account, now, requests, tokens, self._given))

    def throttled(self, wait_s: float, served: float) -> None:
        in_all = served * max(1, self._runs())
        self._change(lambda account, now: rate_schedule.throttled(account, now, wait_s, in_all, self._given))

    def reach(self, in_flight: int) -> None:
        self._change(lambda account, now: rate_schedule.reach(account, now, in_flight))

    def learn(self, announced: RateLimits) -> None:
        self._change(lambda account, _: rate_schedule.learn(account, announced))

    def _change(self, how: Callable[[Account, float], Account]) -> None:
        with self._database.begin() as connection:
            account, now = self._read(connection)
            self._write(connection, account, how(rate_schedule.rewound(account, now), now), now)

    def _read(self, connection: sa.Connection) -> tuple[Account, float]:
        """The locked account and the store's time."""
        query = sa.select(_ACCOUNTS).where(_ACCOUNTS.c.account == self._key).with_for_update()
        found = connection.execute(query).one_or_none()
        if found is None:
            try:
                with connection.begin_nested():
                    connection.execute(_ACCOUNTS.insert().values(account=self._key, **_columns(Account())))
            except sa.exc.IntegrityError:
                pass  # another run inserted it at the same moment
            found = connection.execute(query).one()
        learnt = RateLimits(found.learnt_requests, found.learnt_tokens)
        numbers = {name: getattr(found, name) for name in _NUMBERS}
        return Account(**numbers, learnt=learnt), self._database.steady_now(connection)

    def _write(self, connection: sa.Connection, before: Account, after: Account, now: float) -> None:
        if after != before:
            values = _columns(replace(after, seen_at=now))
            connection.execute(_ACCOUNTS.update().where(_ACCOUNTS.c.account == self._key).values(**values))


def _columns(account: Account) -> dict[str, Any]:
    numbers = {name: getattr(account, name) for name in _NUMBERS}
    return {**numbers, "learnt_requests": account.learnt.requests, "learnt_tokens": account.learnt.tokens}

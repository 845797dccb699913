"""The schedule of a provider account in the shared store, so that its limits hold over all runs on all hosts.

One row an account. The account is known by a hash of its address, key and model: the key itself is stored nowhere.
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

_NUMBERS = ("requests_at", "tokens_at", "slowed", "slowed_at", "guess", "guess_at", "seen_at")
_ACCOUNTS = sa.Table(
    "provider_accounts",
    METADATA,
    sa.Column("account", sa.String, primary_key=True),
    *(sa.Column(name, sa.Float) for name in _NUMBERS),
    sa.Column("learnt_requests", sa.Float),
    sa.Column("learnt_tokens", sa.Float),
)


def account_key(address: str, model: str, secret: str | None) -> str:
    """By what runs know that they use the same account."""
    text = "\0".join((address, model, secret or ""))
    return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


class SharedAccount:
    """One account, as one run sees it. May be called from any thread.

    Args:
        database: the store that all hosts share.
        account: see `account_key`.
        given: the limits set by a person, of which the provider's announcements change nothing.
        runs: how many runs are at work with it, to make one run's measure a guess for all.
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
            StorageError: the store does not answer; as of all methods.
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

    def learn(self, announced: RateLimits) -> None:
        self._change(lambda account, _: rate_schedule.learn(account, announced))

    def _change(self, how: Callable[[Account, float], Account]) -> None:
        with self._database.begin() as connection:
            account, now = self._read(connection)
            self._write(connection, account, how(rate_schedule.rewound(account, now), now), now)

    def _read(self, connection: sa.Connection) -> tuple[Account, float]:
        """The account, locked, and the store's time."""
        query = sa.select(_ACCOUNTS).where(_ACCOUNTS.c.account == self._key).with_for_update()
        found = connection.execute(query).one_or_none()
        if found is None:
            try:
                with connection.begin_nested():
                    connection.execute(_ACCOUNTS.insert().values(account=self._key, **_columns(Account())))
            except sa.exc.IntegrityError:
                pass  # another run made it at the same moment
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

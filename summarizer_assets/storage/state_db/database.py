"""The database that all hosts share: SQLite on one machine, Postgres for several.

What is kept in it says its own module: claims and run history `state.py`; each declares its tables on `METADATA`.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from summarizer_assets.storage import disk
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.processes import this_boot
from summarizer_assets.storage.state_db import postgres, schema

_ALLOWED = "allowed: a file for SQLite, or postgresql://… with `pip install summarizer-assets[postgres]`"
METADATA = sa.MetaData()
_BUSY_S = 30  # that a transaction waits for those of other processes
_WAL_AGAIN_S = 0.02

#: SQLite has no clock of its own, and the machine's may be set, or jump when it wakes up: then each lease would seem to
#: have lapsed. So each boot fixes once how far its steady clock is from the wall's, and leases are counted by that.
_CLOCKS = sa.Table(
    "steady_clocks",
    METADATA,
    sa.Column("boot", sa.String, primary_key=True),
    sa.Column("offset_s", sa.Float, nullable=False),
)


class Database:
    """Transactions on one database, made with its tables at the first use. May be used by several threads.

    Args:
        url: a file for SQLite, or a URL of SQLAlchemy's; `shown`: without its password.

    Raises:
        StorageError: not a URL, no driver, no writable folder. Never shows a password.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = (
                sa.make_url(url) if "://" in url else sa.URL.create("sqlite", database=str(Path(url).absolute()))
            )
        except (sa.exc.ArgumentError, ValueError):
            # `from None`, and no text of the cause: it quotes parts of the URL, perhaps of its password.
            raise StorageError(f"SUMMARIZER_STATE is no URL of a database; {_ALLOWED}") from None
        shown = self.shown = _without_secrets(self._url)
        self._of_postgres = postgres.speaks_libpq(self._url)
        try:
            if self._url.drivername == "sqlite" and self._url.database:
                Path(self._url.database).parent.mkdir(parents=True, exist_ok=True)
            held = postgres.held_well(self._url) if self._of_postgres else self._url
            self._engine = sa.create_engine(held, pool_pre_ping=True)
        except (sa.exc.ArgumentError, ModuleNotFoundError) as error:
            raise StorageError(f"SUMMARIZER_STATE={shown}: no driver for it ({error}); {_ALLOWED}") from error
        except OSError as error:
            raise StorageError(
                f"SUMMARIZER_STATE={shown}: its folder cannot be made ({error}); give a file on a disk that this user "
                "may write to"
            ) from error
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", _sqlite_settings)
            sa.event.listen(self._engine, "begin", _sqlite_begin)
        self._ready = False
        self._opened: tuple[int, int] | None = None  # the file that SQLite's connections are on

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction; on SQLite the only one that writes, from its first statement on.

        Raises:
            StorageError: the database does not answer.
        """
        try:
            if self._ready and self._opened != self._file():
                self._engine.dispose()  # deleted or replaced: what goes on in the old file, nobody else sees
                self._ready = False
            if not self._ready:
                from summarizer_assets.storage.state_db import tables  # noqa: PLC0415 - they import this module

                self._make_file()
                with self._engine.begin() as connection:
                    schema.complete(connection, tables.METADATA)
                self._opened = self._file()
                self._ready = True
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            said = " ".join(str(cause).split()) if cause is not error else type(error).__name__
            raise StorageError(
                f"the state store {self.shown} does not answer: {said}; {self._remedy(cause)}"
            ) from None  # the cause prints connection arguments

    def _make_file(self) -> None:
        """SQLite would give it rights of its own choice, which no umask widens: a group could not work on it."""
        if self._engine.dialect.name != "sqlite" or not self._url.database:
            return
        try:
            Path(self._url.database).touch()
        except OSError as error:
            raise StorageError(
                f"the state store {self.shown} does not answer: {error}; {self._remedy(error)}"
            ) from error

    def _file(self) -> tuple[int, int] | None:
        """Which file SQLite's path leads to now; None: to none, or the database is no file of ours."""
        if self._engine.dialect.name != "sqlite" or not self._url.database:
            return None
        try:
            found = Path(self._url.database).stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError(
                f"the state store {self.shown} cannot be looked at: {error}; {self._remedy(error)}"
            ) from error
        return found.st_dev, found.st_ino

    def _remedy(self, cause: BaseException) -> str:
        if self._of_postgres:
            return postgres.remedy(cause)
        if self._engine.dialect.name == "sqlite":
            return f"{disk.remedy(cause)}, or check SUMMARIZER_STATE"
        return "check SUMMARIZER_STATE"

    def now(self, connection: sa.Connection) -> float:
        """The store's own clock where hosts share it, so that hosts need not agree on theirs."""
        if self._engine.dialect.name == "sqlite":
            return time.time()
        return float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def steady_now(self, connection: sa.Connection) -> float:
        """A time for leases that runs evenly: the server's, or on SQLite this machine's since it was booted."""
        boot = this_boot()
        if connection.dialect.name != "sqlite" or boot is None:
            return self.now(connection)
        # Of the whole machine, not of this process. It stands while the machine sleeps, as all do who use this file.
        steady = time.monotonic()
        found = connection.execute(sa.select(_CLOCKS.c.offset_s).where(_CLOCKS.c.boot == boot)).scalar_one_or_none()
        if found is None:
            found = self.now(connection) - steady
            connection.execute(_CLOCKS.insert().values(boot=boot, offset_s=found))
        return float(found) + steady


def _without_secrets(url: sa.URL) -> str:
    """Without its password, wherever it stands: libpq takes those of the user and of a key from the query, too."""
    secret = [name for name in url.query if "password" in name.lower()]
    return url.difference_update_query(secret).render_as_string(hide_password=True)


def _sqlite_settings(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined] # a DBAPI connection has no static type
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_S * 1000}")  # first, for the next one has to wait for others too
    _use_wal(cursor)
    cursor.close()
    connection.isolation_level = None  # type: ignore[attr-defined] # the driver would begin late and upgrade its lock


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Of several processes that open a new file at once, all but one are told `locked` here, whatever the timeout."""
    until = time.monotonic() + _BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= until:
                raise
            time.sleep(_WAL_AGAIN_S)
        else:
            return


def _sqlite_begin(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")

"""Connections and transactions of the state database: SQLite on one machine, Postgres for several hosts.

Each kind of data has its own module (for example claims and run history in `state.py`), which declares its tables on
`METADATA`.
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
from summarizer_assets.storage.state_db import postgres

_ALLOWED = "allowed: a file for SQLite, or postgresql://… with `pip install summarizer-assets[postgres]`"
METADATA = sa.MetaData()
_BUSY_S = 30  # how long a transaction waits for those of other processes
_WAL_AGAIN_S = 0.02
_ONE_AT_A_TIME = 0x5EED_AB1E  # key of the lock that serialises table creation by hosts that start together

#: SQLite has no clock of its own, and the wall clock may be set, or jump after a suspension, so that all leases would
#: seem to have lapsed. So each boot records the offset of its monotonic clock once, and leases use that clock.
_CLOCKS = sa.Table(
    "steady_clocks",
    METADATA,
    sa.Column("boot", sa.String, primary_key=True),
    sa.Column("offset_s", sa.Float, nullable=False),
)


class Database:
    """Transactions on one database, which is created with its tables at the first use. Thread-safe.

    Args:
        url: a file for SQLite, or an SQLAlchemy URL; `shown` is the URL without its password.

    Raises:
        StorageError: not a URL, no driver, or no writable folder. The message never shows a password.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = (
                sa.make_url(url) if "://" in url else sa.URL.create("sqlite", database=str(Path(url).absolute()))
            )
        except (sa.exc.ArgumentError, ValueError):
            # `from None` and without the cause's text, which quotes parts of the URL, perhaps of its password.
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
        self._opened: tuple[int, int] | None = None  # the file that SQLite's connections use

    @contextmanager
    def begin(self) -> Iterator[sa.Connection]:
        """A transaction; on SQLite it holds the write lock from its first statement on.

        Raises:
            StorageError: the database does not answer.
        """
        try:
            if self._ready and self._opened != self._file():
                self._engine.dispose()  # deleted or replaced: nobody else would see writes to the old file
                self._ready = False
            if not self._ready:
                from summarizer_assets.storage.state_db import tables  # noqa: PLC0415 - they import this module

                self._make_file()
                with self._engine.begin() as connection:
                    _complete(connection, tables.METADATA)
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
        """Create SQLite's file with the umask's permissions; SQLite would choose its own, which may exclude a group."""
        if self._engine.dialect.name != "sqlite" or not self._url.database:
            return
        try:
            Path(self._url.database).touch()
        except OSError as error:
            raise StorageError(
                f"the state store {self.shown} does not answer: {error}; {self._remedy(error)}"
            ) from error

    def _file(self) -> tuple[int, int] | None:
        """The identity of the file at SQLite's path; None if there is none, or the database is not such a file."""
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
        """The time in epoch seconds, by the server's clock if hosts share the store, so that their own may differ."""
        if self._engine.dialect.name == "sqlite":
            return time.time()
        return float(connection.execute(sa.text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())

    def steady_now(self, connection: sa.Connection) -> float:
        """A steady time in seconds for leases: the server's clock, or on SQLite this machine's monotonic clock."""
        boot = this_boot()
        if connection.dialect.name != "sqlite" or boot is None:
            return self.now(connection)
        # The clock of the machine, not the process. It stops during suspension, and so do all users of this file.
        steady = time.monotonic()
        found = connection.execute(sa.select(_CLOCKS.c.offset_s).where(_CLOCKS.c.boot == boot)).scalar_one_or_none()
        if found is None:
            found = self.now(connection) - steady
            connection.execute(_CLOCKS.insert().values(boot=boot, offset_s=found))
        return float(found) + steady


def _complete(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Create the missing tables and columns of `metadata`; nothing is removed. Needs no DDL rights if none is missing.

    Later columns have a default or are nullable, so an older version can use the tables of a newer one.

    Raises:
        StorageError: a missing column is neither nullable nor has a default.
    """
    if not _missing(connection, metadata):
        return
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ONE_AT_A_TIME)))
    metadata.create_all(connection)
    for column in _missing(connection, metadata):
        if not column.nullable and column.server_default is None:
            raise StorageError(
                f"the state store's table {column.table.name} was made by another version and has no column "
                f"{column.name}, for which its rows have no value; give SUMMARIZER_STATE a store of its own"
            )
        written = sa.schema.CreateColumn(column).compile(dialect=connection.dialect)
        table = connection.dialect.identifier_preparer.format_table(column.table)
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {written}")


def _missing(connection: sa.Connection, metadata: sa.MetaData) -> list[sa.Column[object]]:
    found = sa.inspect(connection).get_multi_columns()
    there = {(table, str(column["name"])) for (_, table), columns in found.items() for column in columns}
    return [
        column for table in metadata.sorted_tables for column in table.columns if (table.name, column.name) not in there
    ]


def _without_secrets(url: sa.URL) -> str:
    """The URL without passwords, also in the query, where libpq accepts those of the user and of a key."""
    secret = [name for name in url.query if "password" in name.lower()]
    return url.difference_update_query(secret).render_as_string(hide_password=True)


def _sqlite_settings(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined] # a DBAPI connection has no static type
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_S * 1000}")  # first, because the next statement also waits for others
    _use_wal(cursor)
    cursor.close()
    connection.isolation_level = None  # type: ignore[attr-defined] # the driver would begin late and upgrade its lock


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Enable WAL, with retries: if several processes open a new file at once, all but one get `locked` at once."""
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

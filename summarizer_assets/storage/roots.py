"""The identity of a root, however its address is spelt, linked or moved, and its name in the state store.

A root's id is the id of its `authors` table. It is created with the table, so two concurrent first writers agree on
it, on a disk and on an object store, and roots of older versions have it too. The id moves with the tables, and a copy
has the same id; so the store remembers the place of each id. If the id appears at another place and the old place is
empty, the root was moved; otherwise one of the two is a copy, and it is refused until a person decides.

Older versions stored their rows under the text of the setting. That text stays the root's name in the store, so no row
is rewritten, and an older version still finds its rows.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from summarizer_assets.core.delta_log import FOLDER
from summarizer_assets.storage.delta.commits import commit_properties
from summarizer_assets.storage.delta.log_check import cannot_open
from summarizer_assets.storage.delta.store_errors import store_errors
from summarizer_assets.storage.errors import RootCopied, StorageError, TableError
from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.tables_root import tables_root

#: Property of the `authors` table with the id that a person gave to a copy; takes precedence over the table's id.
ROOT_PROPERTY = "summarizer.root"
#: Suffixes of claims that are not claims on a bucket's rows: a compaction, and a run's heartbeat.
COMPACTION, ALIVE = PASSING = ("#compaction", "#alive")
#: Tag of Dagster runs with the root they work on (see `RootHere.mark`).
RUN_MARK = "summarizer/root"
_AUTHORS = "authors"
_COMMAND = "summarizer root"

_ROOTS = sa.Table(
    "roots",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),  # the value in the column `root` of the other tables
    sa.Column("place", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


def id_of(authors: DeltaTable) -> str:
    """The id of the root to which this `authors` table belongs."""
    found = authors.metadata()
    return found.configuration.get(ROOT_PROPERTY) or str(found.id)


def give_new_id(authors: DeltaTable) -> str:
    """Give a copied root a new id, and return it; no run may be working on it."""
    made = str(uuid4())
    authors.alter.set_table_properties(
        {ROOT_PROPERTY: made}, raise_if_not_exists=False, commit_properties=commit_properties()
    )
    return made


@dataclass(frozen=True)
class Root:
    """One root as seen by this process.

    `place`: see `tables_root`. `own_store`: the state store lies in the root, so no other root uses it. `options`: the
    object store's settings.
    """

    id: str
    place: str
    own_store: bool
    options: Mapping[str, str]

    def name_in(self, database: Database, *, here: bool = False) -> str:
        """The root's name in the state store, which is registered if it is new.

        Args:
            database: the state store.
            here: a person confirmed that the root is here, whatever exists at its former place.

        Raises:
            RootCopied: the root's id also exists at another place.
            StorageError: the store does not answer.
        """
        with database.begin() as connection:
            row = connection.execute(sa.select(_ROOTS).where(_ROOTS.c.id == self.id)).one_or_none()
        if row is None:
            return self._entered(database, here=here)
        if row.place != self.place and not _same_folder(row.place, self.place):
            if not here:
                self._require_gone(row.place)
            with database.begin() as connection:
                connection.execute(_ROOTS.update().where(_ROOTS.c.id == self.id).values(place=self.place))
        return str(row.name)

    def _entered(self, database: Database, *, here: bool) -> str:
        """Register a new id, and adopt the rows that an older version stored under some text."""
        with database.begin() as connection:
            texts = _unnamed(connection)
        mine = [text for text in texts if self._is_told_by(text, here=here)]
        with database.begin() as connection:
            name = max(mine, key=lambda text: _spent(connection, text)) if mine else self.id
            values = {"id": self.id, "name": name, "place": self.place, "at": database.now(connection)}
            try:
                with connection.begin_nested():
                    connection.execute(_ROOTS.insert().values(values))
            except sa.exc.IntegrityError:  # another first run registered the id, or the name for another root
                found = connection.execute(sa.select(_ROOTS.c.name).where(_ROOTS.c.id == self.id)).scalar_one_or_none()
                if found is not None:
                    return str(found)
                connection.execute(_ROOTS.insert().values({**values, "name": self.id}))
                return self.id
            _unite(connection, name, [text for text in mine if text != name])
        return name

    def _is_told_by(self, text: str, *, here: bool) -> bool:
        """Whether the rows that an older version stored under `text` belong to this root."""
        try:
            place = tables_root(text)
        except ValueError:  # no longer a valid address of a root
            return self.own_store
        if place == self.place or _same_folder(place, self.place):
            return True
        try:
            there = _id_at(place, self.options) == self.id
        except StorageError:
            there = False
        if there and not here:
            raise self._copied(place)
        return there or self.own_store

    def _require_gone(self, place: str) -> None:
        try:
            there = _id_at(place, self.options)
        except StorageError as error:
            raise RootCopied(
                f"the tables in {self.place} were in {place}, and whether they still are cannot be told: {error}. "
                f"Nothing was done. Where they were moved, say so: {_COMMAND} --here; where these are a copy, make "
                f"them a root of their own: {_COMMAND} --new-id"
            ) from error
        if there == self.id:
            raise self._copied(place)

    def _copied(self, place: str) -> RootCopied:
        return RootCopied(
            f"{self.place} holds a copy of the tables in {place}, or they of these: both have one id, so one budget "
            "and one record of runs would stand for both. Nothing was done. To make this a root of its own: "
            f"{_COMMAND} --new-id; to go on here, and there no more: {_COMMAND} --here"
        )


def _same_folder(one: str, other: str) -> bool:
    """Whether both are one folder, through a mount or other letter case; links are already resolved."""
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - texts, perhaps of an object store
    except OSError:
        return False


def _id_at(place: str, options: Mapping[str, str]) -> str | None:
    uri = f"{place}/{_AUTHORS}"
    if "://" not in place and not Path(uri).is_dir():
        return None
    try:
        with store_errors(uri, options, "the Delta table cannot be opened"):
            return id_of(DeltaTable(uri, storage_options=dict(options) if "://" in place else None))
    except TableNotFoundError:
        return None
    except (DeltaError, OSError, ValueError) as error:
        raise cannot_open(uri, error) from error


def _unnamed(connection: sa.Connection) -> list[str]:
    """Names in the store that no id is registered for; names with a suffix of `PASSING` are ignored."""
    named = {row.name for row in connection.execute(sa.select(_ROOTS.c.name))}
    found = {str(row.root) for table in _of_roots() for row in connection.execute(sa.select(table.c.root).distinct())}
    return sorted(text for text in found - named if not text.endswith(PASSING))


def _of_roots() -> list[sa.Table]:
    return [table for table in METADATA.sorted_tables if "root" in table.c]


def _spent(connection: sa.Connection, text: str) -> tuple[int, str]:
    totals = METADATA.tables["spend_totals"]
    found = connection.execute(sa.select(totals.c.spent).where(totals.c.root == text)).scalar_one_or_none()
    return int(found or 0), text


def _unite(connection: sa.Connection, name: str, others: list[str]) -> None:
    """Move the rows of a root that was stored under several spellings to one name."""
    for other in others:
        for table in _of_roots():
            theirs = table.c.root == other
            if table.name == "spend_totals":
                _add_totals(connection, table, name, other)
            if "bucket" in table.primary_key.columns:
                held = sa.select(table.c.bucket).where(table.c.root == name)
                connection.execute(table.delete().where(theirs & table.c.bucket.in_(held.scalar_subquery())))
            connection.execute(table.update().where(theirs).values(root=name))


def _add_totals(connection: sa.Connection, table: sa.Table, name: str, other: str) -> None:
    there = connection.execute(sa.select(table).where(table.c.root == other)).one_or_none()
    if there is None or connection.execute(sa.select(table).where(table.c.root == name)).one_or_none() is None:
        return  # then the update moves it
    sums = {column.name: column + getattr(there, column.name) for column in table.c if column.name != "root"}
    connection.execute(table.update().where(table.c.root == name).values(sums))
    connection.execute(table.delete().where(table.c.root == other))


class RootHere:
    """The root of this installation, looked up on demand and cached while it is unchanged.

    Args:
        authors: opens its `authors` table; returns None if there is none.
        place: see `tables_root`.
        own_store, options: see `Root`.
    """

    def __init__(
        self,
        authors: Callable[[], DeltaTable | None],
        place: str,
        *,
        own_store: bool,
        options: Mapping[str, str],
    ) -> None:
        self.place = place
        self._authors = authors
        self._own_store = own_store
        self._options = options
        self._known: tuple[object, Root] | None = None
        self._names: dict[str, str] = {}

    @property
    def found(self) -> Root | None:
        """The root; None if it has no `authors` table, and so no id yet."""
        folder = _folder_of(self.place)
        if self._known is not None and self._known[0] == folder:
            return self._known[1]
        table = self._authors()
        if table is None:
            return None
        root = Root(id_of(table), self.place, self._own_store, self._options)
        self._known = folder, root
        return root

    @property
    def mark(self) -> str:
        """The tag value of runs on this root: its id, or its place while it has none."""
        root = self.found
        return self.place if root is None else root.id

    @property
    def marks(self) -> frozenset[str | None]:
        """Tag values of runs that may belong to this root; runs of older versions have no tag (None)."""
        return frozenset({None, self.place, self.mark})

    def name_in(self, database: Database) -> str:
        """As `Root.name_in`; without an `authors` table the place, under which nothing lasting is stored."""
        root = self.found
        if root is None:
            return self.place
        if root.id not in self._names:
            self._names[root.id] = root.name_in(database)
        return self._names[root.id]

    def require(self) -> Root:
        """The root; raises TableError if there are no tables."""
        root = self.found
        if root is None:
            raise TableError(
                f"{self.place}: there are no authors yet, no tables here at all; nothing was done or written. Is "
                "SUMMARIZER_ROOT right? If it is, materialise the asset `authors` first"
            )
        return root


def _folder_of(place: str) -> object:
    """A value that changes when tables are re-created; constant on an object store, where processes must restart."""
    if "://" in place:
        return place
    try:
        found = Path(place, _AUTHORS, FOLDER).stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns  # an inode number alone is soon reused

"""Which root this is, however it is spelt, linked or moved, and under which name the state store knows it.

A root's id is that of its table of authors: made with the table, so that each of two first writers finds the one that
won, on a disk as on an object store, and there in every root that an older version made. It moves with the tables, and
a copy has it too. So the store remembers the place of each id. The same id elsewhere is a move where the old place is
empty; where it is not, one of the two is a copy, and nothing is done for it until a person says what it is to be.

What older versions kept stands under the text of their setting. Such a name is kept for the root that it led to, so no
row is rewritten, and an older version still finds them.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from summarizer_assets.storage.delta.commits import commit_properties
from summarizer_assets.storage.delta.log_check import cannot_open
from summarizer_assets.storage.delta.store_errors import store_errors
from summarizer_assets.storage.errors import RootCopied, StorageError, TableError
from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.tables_root import tables_root

#: Of the table of authors, where a person gave a copy an id of its own; it goes before the table's own id.
ROOT_PROPERTY = "summarizer.root"
#: Ends of names in claims that are none on a bucket's rows: of who compacts it, and of a run that lives.
COMPACTION, ALIVE = PASSING = ("#compaction", "#alive")
#: Of runs of Dagster: which root they worked on (see `RootHere.mark`).
RUN_MARK = "summarizer/root"
_AUTHORS = "authors"
_COMMAND = "python -m summarizer_assets.root"

_ROOTS = sa.Table(
    "roots",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False, unique=True),  # what stands in the other tables' column `root`
    sa.Column("place", sa.String, nullable=False),
    sa.Column("at", sa.Float, nullable=False),
)


def id_of(authors: DeltaTable) -> str:
    """The id of the root whose table of authors this is."""
    found = authors.metadata()
    return found.configuration.get(ROOT_PROPERTY) or str(found.id)


def give_new_id(authors: DeltaTable) -> str:
    """Make the root another one than those whose tables were copied; nobody may be at work on it."""
    made = str(uuid4())
    authors.alter.set_table_properties(
        {ROOT_PROPERTY: made}, raise_if_not_exists=False, commit_properties=commit_properties()
    )
    return made


@dataclass(frozen=True)
class Root:
    """One root as this process sees it.

    `place`: see `tables_root`. `own_store`: the state store lies in the root, so nobody else uses it. `options`: of the
    object store.
    """

    id: str
    place: str
    own_store: bool
    options: Mapping[str, str]

    def name_in(self, database: Database, *, here: bool = False) -> str:
        """Under which name the store keeps what it knows of this root.

        Args:
            database: the store.
            here: a person says that the root is here, whatever is where it was.

        Raises:
            RootCopied: the root's id is at another place, too.
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
        """At the first start with this id: with what an older version kept of the root under some text."""
        with database.begin() as connection:
            texts = _unnamed(connection)
        mine = [text for text in texts if self._is_told_by(text, here=here)]
        with database.begin() as connection:
            name = max(mine, key=lambda text: _spent(connection, text)) if mine else self.id
            values = {"id": self.id, "name": name, "place": self.place, "at": database.now(connection)}
            try:
                with connection.begin_nested():
                    connection.execute(_ROOTS.insert().values(values))
            except sa.exc.IntegrityError:  # another first run entered it, or this name for another root
                found = connection.execute(sa.select(_ROOTS.c.name).where(_ROOTS.c.id == self.id)).scalar_one_or_none()
                if found is not None:
                    return str(found)
                connection.execute(_ROOTS.insert().values({**values, "name": self.id}))
                return self.id
            _unite(connection, name, [text for text in mine if text != name])
        return name

    def _is_told_by(self, text: str, *, here: bool) -> bool:
        """Whether what an older version kept under `text` is of this root."""
        try:
            place = tables_root(text)
        except ValueError:  # not as a root is written any more
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
    """By a mount or a name in other letters; links are followed already."""
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
    """Texts of roots that no id has yet; those with such an end stand for what only passes."""
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
    """One root that was spelt in several ways was several to the store: from now on its rows stand under one name."""
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
    """The root of this installation, looked up when it is needed and remembered while it is the same.

    Args:
        authors: opens its table of authors; None: there is none.
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
        """None: it has no authors, and so no id yet."""
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
        """By what runs on this root are known: its id, or its place while it has none."""
        root = self.found
        return self.place if root is None else root.id

    @property
    def marks(self) -> frozenset[str | None]:
        """Of runs that may have been on this root; older ones have none."""
        return frozenset({None, self.place, self.mark})

    def name_in(self, database: Database) -> str:
        """As `Root.name_in`; where there are no authors, the place, under which nothing is kept that lasts."""
        root = self.found
        if root is None:
            return self.place
        if root.id not in self._names:
            self._names[root.id] = root.name_in(database)
        return self._names[root.id]

    def require(self) -> Root:
        """Raises TableError: there are no tables."""
        root = self.found
        if root is None:
            raise TableError(
                f"{self.place}: there are no authors yet, no tables here at all; nothing was done or written. Is "
                "SUMMARIZER_ROOT right? If it is, materialise the asset `authors` first"
            )
        return root


def _folder_of(place: str) -> object:
    """What changes when tables are made anew, at the latest; on an object store nothing: processes are to be ended."""
    if "://" in place:
        return place
    try:
        found = Path(place, _AUTHORS, "_delta_log").stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_ctime_ns  # the number alone is soon given to another folder

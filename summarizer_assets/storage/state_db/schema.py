"""Schema migration of the state database: missing tables and columns are added, nothing is removed.

Later columns have a default or are nullable, so an older version can use the tables of a newer one.
"""

import sqlalchemy as sa

from summarizer_assets.storage.errors import StorageError

_ONE_AT_A_TIME = 0x5EED_AB1E  # key of the lock that serialises table creation by hosts that start together


def complete(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Create the missing tables and columns of `metadata`. Needs no DDL rights while nothing is missing.

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

"""The tables of the shared database: what this version knows and they lack is added, nothing is taken away.

So an older version works on the tables of a newer one: a column that came later has a default, or may be empty.
"""

import sqlalchemy as sa

from summarizer_assets.storage.errors import StorageError

_ONE_AT_A_TIME = 0x5EED_AB1E  # names the lock under which hosts that start together make tables one after the other


def complete(connection: sa.Connection, metadata: sa.MetaData) -> None:
    """Make the tables and columns of `metadata` that the database lacks. Asks for no right while none is missing.

    Raises:
        StorageError: a column is missing that older rows have no value for.
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

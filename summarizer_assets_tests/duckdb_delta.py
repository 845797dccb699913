"""DuckDB with its own Delta reader, from the installed package: nothing is downloaded."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files

import duckdb


@contextmanager
def duckdb_with_delta() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads with `delta_scan`; whatever else it would load or download by itself is refused."""
    extension = files("duckdb_extension_delta") / f"extensions/v{duckdb.__version__}/delta.duckdb_extension"
    off = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false", "threads": "2"}
    with duckdb.connect(config=off) as connection:
        connection.execute(f"LOAD '{extension}'")
        connection.execute("SET TimeZone = 'UTC'")
        yield connection

"""One function for each engine: the rows of a version of a table, as Python values.

A process of its own each: `python -m interop.readers ENGINE` imports that engine alone, reads as JSON a list of
`[table, address, version]`, and answers with a line of JSON each: rows and their digest, or what the engine said.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version as version_of
from typing import Any

from interop.canonical import digest

#: What `interop.__main__` asks of an engine: the name of a table, its address, and which version of it.
Wanted = tuple[str, str, int]
_Read = Callable[[str, int], Sequence[Mapping[str, Any]]]


def polars() -> _Read:
    import polars as pl

    return lambda uri, version: pl.scan_delta(uri, version=version).collect().to_dicts()


def duckdb() -> _Read:
    from importlib.resources import files

    import duckdb

    connection = duckdb.connect()
    extension = files("duckdb_extension_delta") / f"extensions/v{duckdb.__version__}/delta.duckdb_extension"
    connection.execute(f"LOAD '{extension}'")

    def read(uri: str, version: int) -> Sequence[Mapping[str, Any]]:
        found = connection.sql(f"SELECT * FROM delta_scan('{uri}', version={version})")
        return list(found.to_arrow_table().to_pylist())

    return read


def daft() -> _Read:
    import daft

    return lambda uri, version: list(daft.read_deltalake(uri, version=version).to_arrow().to_pylist())


def chdb() -> _Read:
    from chdb import connect

    os.chdir("/")  # it reads no files but those under the folder in which it is started
    connection = connect()

    def read(uri: str, version: int) -> Sequence[Mapping[str, Any]]:
        query = f"SELECT * FROM deltaLakeLocal('{uri}') SETTINGS delta_lake_snapshot_version = {version}"
        return list(connection.query(query, "ArrowTable").to_pylist())

    return read


def datafusion() -> _Read:
    from datafusion import SessionContext
    from deltalake import DeltaTable

    def read(uri: str, version: int) -> Sequence[Mapping[str, Any]]:
        context = SessionContext()
        context.register_table("found", DeltaTable(uri, version=version))
        return list(context.sql("SELECT * FROM found").to_arrow_table().to_pylist())

    return read


def pandas() -> _Read:
    import pandas as pd
    from deltalake import DeltaTable

    def read(uri: str, version: int) -> Sequence[Mapping[str, Any]]:
        # By itself pandas makes a float of a whole number where another row has none.
        frame = DeltaTable(uri, version=version).to_pandas(types_mapper=pd.ArrowDtype)
        rows = frame.to_dict("records")
        return [{name: None if value is pd.NA else value for name, value in row.items()} for row in rows]

    return read


def pyarrow() -> _Read:
    from deltalake import DeltaTable

    return lambda uri, version: list(DeltaTable(uri, version=version).to_pyarrow_table().to_pylist())


ENGINES: Mapping[str, Callable[[], _Read]] = {
    engine.__name__: engine for engine in (polars, duckdb, daft, chdb, datafusion, pandas, pyarrow)
}


def answers(read: _Read, wanted: Sequence[Wanted]) -> Iterator[dict[str, Any]]:
    for table, uri, version in wanted:
        told: dict[str, Any] = {"table": table, "version": version}
        try:
            rows = read(uri, version)
            told |= {"rows": len(rows), "digest": digest(rows)}
        except Exception as error:  # noqa: BLE001 - whatever an engine raises is what it says of the table
            told["error"] = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        yield told


def main() -> None:
    engine = sys.argv[1]
    print(json.dumps({"engine": engine, "is": version_of(engine)}), flush=True)
    for answer in answers(ENGINES[engine](), json.load(sys.stdin)):
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()

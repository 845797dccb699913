"""Dagster's definition metadata of a table: its columns and what they are made of, its partition column, its place."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import polars as pl

from summarizer_assets.storage.delta.table import BucketedTable

#: The groups of assets: the tables, what is told before money is spent, and what is done beside the runs.
TABLES, PLANNING, UPKEEP = "summaries", "planning", "upkeep"


def table_metadata(schema: pl.Schema, meanings: Mapping[str, str]) -> dict[str, Any]:
    """Of an asset that is stored under `schema`. The IO manager reads `partition_expr`.

    `meanings`: what each column holds.
    """
    columns = [dg.TableColumn(name, _type(dtype), meanings.get(name)) for name, dtype in schema.items()]
    return {"partition_expr": "bucket", "dagster/column_schema": dg.TableSchema(columns)}


def place_metadata(table: BucketedTable) -> dict[str, Any]:
    """Where the table lies, and its name."""
    return {"dagster/uri": table.uri, "dagster/table_name": table.uri.rpartition("/")[2]}


def lineage_metadata(made_of: Mapping[str, Sequence[str]], upstream: dg.AssetKey) -> dict[str, Any]:
    """`made_of`: by column, the columns of the asset `upstream` that decide its value."""
    deps = {name: [dg.TableColumnDep(upstream, column) for column in columns] for name, columns in made_of.items()}
    return {"dagster/column_lineage": dg.TableColumnLineage(deps)}


def _type(dtype: object) -> str:
    if isinstance(dtype, pl.List):
        return f"list[{_type(dtype.inner)}]"
    if isinstance(dtype, pl.Struct):
        return f"struct[{', '.join(field.name for field in dtype.fields)}]"
    if isinstance(dtype, pl.Datetime):
        return "timestamp" if dtype.time_zone is None else f"timestamp {dtype.time_zone}"
    return str(dtype).lower()

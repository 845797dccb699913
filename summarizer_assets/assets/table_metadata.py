"""Dagster's definition metadata of a table: its columns and its partition column."""

from typing import Any

import dagster as dg
import polars as pl

GROUP = "summarizer"


def table_metadata(schema: pl.Schema) -> dict[str, Any]:
    """Definition metadata of an asset stored under `schema`; the IO manager reads `partition_expr`."""
    columns = [dg.TableColumn(name, _type(dtype)) for name, dtype in schema.items()]
    return {"partition_expr": "bucket", "dagster/column_schema": dg.TableSchema(columns)}


def _type(dtype: object) -> str:
    if isinstance(dtype, pl.List):
        return f"list[{_type(dtype.inner)}]"
    if isinstance(dtype, pl.Struct):
        return f"struct[{', '.join(field.name for field in dtype.fields)}]"
    if isinstance(dtype, pl.Datetime):
        return "timestamp" if dtype.time_zone is None else f"timestamp {dtype.time_zone}"
    return str(dtype).lower()

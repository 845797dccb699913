"""Checks that Delta does not make: of a table's columns before it is used, and of rows before they are written."""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import polars as pl
from deltalake import Schema

from summarizer_assets.core.records import ADDED
from summarizer_assets.storage.errors import ColumnsDiffer, TableError, cause_of


def check_columns(uri: str, wanted: pl.Schema, table: Schema) -> None:
    """Raise ColumnsDiffer unless the table has exactly the columns `wanted`; nullability is not compared.

    Otherwise a commit would fail only after the money was spent. The table may lack later columns (`records.ADDED`).
    """
    held = json.loads(table.to_json())
    ours = _types(_without_lacking(_in_delta(tuple(wanted.items())), held))
    theirs = _types(held)
    wrong = [
        *(f"{name} is missing" for name in ours if name not in theirs),
        *(f"{name} is not ours" for name in theirs if name not in ours),
        *(
            f"{name} is {theirs[name]} instead of {kind}"
            for name, kind in ours.items()
            if name in theirs and theirs[name] != kind
        ),
    ]
    if wrong:
        raise ColumnsDiffer(
            f"{uri} has other columns than this project writes ({'; '.join(wrong)}): it was written by "
            "another version or by something else; give another SUMMARIZER_ROOT, or alter the table",
            tuple(wrong),
        )


@contextmanager
def reading(uri: str) -> Iterator[None]:
    """Context for reading rows of the table at `uri`: errors name the table and the remedy.

    Raises:
        TableError: a data file is missing or damaged.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise TableError(
            f"{uri}: a file of the version that was being read is gone ({cause_of(error)}): a vacuum removed it, or "
            "somebody; run again, which reads the newest version, and if that lacks it too, put it back from a backup"
        ) from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise TableError(
            f"{uri}: the table's rows cannot be read ({cause_of(error)}); run again, and if it fails alike, put the "
            "table's files back from a backup"
        ) from error


def wrong_rows(frame: pl.DataFrame, bucket: str, removed: Collection[str]) -> str | None:
    """Why `frame` must not be written to `bucket` together with the removal of `removed`; None if it may."""
    strangers = frame.filter(pl.col("bucket").ne_missing(bucket))
    if not strangers.is_empty():
        return f"{strangers.height} rows of bucket {strangers['bucket'][0]}"
    ids = frame["author_id"]
    if ids.has_nulls():
        return "rows without an author id"
    # Delta has no unique keys, and a MERGE inserts an author twice if the source has it twice.
    twice = ids.filter(ids.is_duplicated() | ids.is_in(list(removed)))
    return None if twice.is_empty() else f"author {twice[0]} more than once"


@cache
def _in_delta(columns: tuple[tuple[str, pl.DataType], ...]) -> Any:  # noqa: ANN401 - JSON of Delta's schema
    """A run opens the same few tables a dozen times."""
    return json.loads(Schema.from_arrow(pl.DataFrame(schema=dict(columns)).to_arrow().schema).to_json())


def _types(schema: Any) -> dict[str, str]:  # noqa: ANN401 - JSON of Delta's schema
    return {column["name"]: _name(column["type"]) for column in schema["fields"]}


def _without_lacking(ours: Any, theirs: Any) -> Any:  # noqa: ANN401 - JSON of Delta's schema
    """`ours` without the columns and fields of `ADDED` that `theirs` lacks."""
    match ours, theirs:
        case {"fields": list(wanted)}, {"fields": list(held)}:
            types = {part["name"]: part["type"] for part in held}
            fields = [
                {**part, "type": _without_lacking(part["type"], types.get(part["name"]))}
                for part in wanted
                if part["name"] in types or part["name"] not in ADDED
            ]
            return {**ours, "fields": fields}
        case {"elementType": wanted}, {"elementType": held}:
            return {**ours, "elementType": _without_lacking(wanted, held)}
    return ours


def _name(kind: Any) -> str:  # noqa: ANN401 - JSON of Delta's schema
    if isinstance(kind, str):
        return kind
    if kind["type"] == "array":
        return f"array<{_name(kind['elementType'])}>"
    if kind["type"] == "struct":
        parts = ", ".join(f"{part['name']}: {_name(part['type'])}" for part in kind["fields"])
        return f"struct<{parts}>"
    return str(kind["type"])

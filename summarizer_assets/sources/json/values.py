"""Conversion of decoded JSON to text columns; a value of the wrong shape makes its own row null, and is reported.

A number keeps all its digits as text. A list of scalar values is accepted for a text; an object is not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import polars as pl

from summarizer_assets.core.paper_fields import PAPER_FIELDS, Kind
from summarizer_assets.sources.lists import lists_of
from summarizer_assets.sources.numbers import EXACT_BELOW

#: Columns in which a list of texts is accepted for a text.
_LISTED = {"author_name", "primary_affiliation", "topics"} | {
    field.name for field in PAPER_FIELDS if field.kind in (Kind.TEXT, Kind.TEXTS)
}
_IDS = {"author_id"} | {field.name for field in PAPER_FIELDS if field.kind is Kind.KEY}
_DECODER = msgspec.json.Decoder()

Object = dict[str, object]


class _WrongShapeError(Exception):
    """A value whose shape does not fit its column."""


def decoded(text: str) -> object:
    """The value of a JSON text.

    Raises:
        ValueError: the text is not JSON, or has a number too large to represent.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


@dataclass(frozen=True)
class Columns:
    """One row per object, and the indexes of rows that are null because a value has the wrong shape."""

    frame: pl.DataFrame
    bad: frozenset[int]


def columns(objects: Sequence[Object], keys: Mapping[str, Sequence[str]]) -> Columns:
    """A String or List(String) column for each of our names.

    Args:
        objects: one per row.
        keys: our names mapped to the keys that may hold their value; the first non-null value is taken.
    """
    made, bad = [], set[int]()
    for name, wanted in keys.items():
        values = [found.get(wanted[0]) for found in objects]
        for key in wanted[1:]:
            values = [found.get(key) if value is None else value for value, found in zip(values, objects, strict=True)]
        column, wrong = _column(name, values)
        made.append(column)
        bad |= wrong
    return Columns(pl.DataFrame(made) if made else pl.DataFrame(), frozenset(bad))


def papers(values: Sequence[object], keys: Mapping[str, Sequence[str]]) -> tuple[pl.Series, frozenset[int]]:
    """A column of lists of papers, and the indexes of rows that are null because a value has the wrong shape.

    The papers' fields have our names; fields without a key are left out.
    """
    bad = {row for row, value in enumerate(values) if not _is_papers(value)}
    while True:  # at most twice: the second pass omits the bad rows
        lists = [value if isinstance(value, list) and row not in bad else [] for row, value in enumerate(values)]
        items = [item or {} for one in lists for item in one]
        found = columns(items, keys)
        if not found.bad:
            break
        owners = [row for row, one in enumerate(lists) for _ in one]
        bad |= {owners[item] for item in found.bad}
    lengths = pl.Series([len(one) for one in lists], dtype=pl.Int64)
    return lists_of(found.frame.to_struct("papers"), lengths).alias("papers"), frozenset(bad)


def keys_of_papers(values: Sequence[object]) -> dict[str, None]:
    """All keys of papers, in order of appearance."""
    keys: dict[str, None] = {}
    for value in values:
        if isinstance(value, list):
            for item in value:
                if isinstance(item, dict):
                    keys.update(dict.fromkeys(item))
    return keys


def _is_papers(value: object) -> bool:
    if value is None:
        return True
    return isinstance(value, list) and all(item is None or isinstance(item, dict) for item in value)


def _column(name: str, values: list[object]) -> tuple[pl.Series, set[int]]:
    kinds = set(map(type, values))
    if kinds <= {str, type(None)}:
        return pl.Series(name, values, dtype=pl.String), set()
    bad: set[int] = set()
    if list in kinds and name in _LISTED:
        if name == "topics" and kinds - {list, type(None)}:  # one text of several topics must not become one list item
            return _made(
                name, values, lambda value: _list_text(value) if isinstance(value, list) else _text(value), bad
            )
        return _made(name, values, _list, bad, pl.List(pl.String))
    return _made(name, values, _number if name in _IDS else _text, bad)


def _made(
    name: str,
    values: list[object],
    read: Callable[[object], object],
    bad: set[int],
    dtype: pl.DataType | type[pl.DataType] = pl.String,
) -> tuple[pl.Series, set[int]]:
    texts: list[object] = []
    for row, value in enumerate(values):
        try:
            texts.append(None if value is None else read(value))
        except _WrongShapeError:
            texts.append(None)
            bad.add(row)
    return pl.Series(name, texts, dtype=dtype, strict=True), bad


def _text(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float() if value.is_integer() and abs(value) < EXACT_BELOW:
            return str(int(value))
        case int() | float():
            return str(value)
    raise _WrongShapeError


def _number(value: object) -> str:
    """As `_text`, but a float that is not certainly a whole number is written so that the rule for ids rejects it."""
    if isinstance(value, bool):
        raise _WrongShapeError
    if isinstance(value, float) and not (value.is_integer() and abs(value) < EXACT_BELOW):
        return f"{value:.17e}"
    return _text(value)


def _list(value: object) -> list[str | None]:
    return [None if item is None else _text(item) for item in (value if isinstance(value, list) else [value])]


def _list_text(value: list[object]) -> str:
    return msgspec.json.encode(_list(value)).decode()

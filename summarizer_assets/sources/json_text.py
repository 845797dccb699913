"""JSON in texts, decoded by a stated type in bulk; a broken text costs only itself."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import polars as pl

from summarizer_assets.sources.columns import PAPER_NAMES, known_paper_fields

_PEEKED = 1000


def decode(texts: pl.Series, dtype: pl.DataType) -> tuple[pl.Series, pl.Series]:
    """Decode JSON `texts` (String, no blanks).

    Returns:
        The values in `dtype`, and a Boolean series: true where the text could not be decoded and the value is null.
    """
    values, broken = [], []
    for part, ok in _decoded(texts, dtype):
        values.append(part)
        broken.append(pl.repeat(not ok, part.len(), dtype=pl.Boolean, eager=True))
    if not values:
        return pl.Series(texts.name, [], dtype=dtype), pl.Series([], dtype=pl.Boolean)
    return pl.concat(values, rechunk=True), pl.concat(broken, rechunk=True)


def _decoded(texts: pl.Series, dtype: pl.DataType) -> Iterator[tuple[pl.Series, bool]]:
    """Halve what fails, until each broken text stands alone: the bulk decoder does not say which one it was."""
    if texts.is_empty():
        return
    try:
        values = texts.str.json_decode(dtype)
    except pl.exceptions.ComputeError:
        if texts.len() == 1:
            yield _leniently(texts, dtype)
            return
        middle = texts.len() // 2
        yield from _decoded(texts.head(middle), dtype)
        yield from _decoded(texts.tail(texts.len() - middle), dtype)
    else:
        yield values, True


def _leniently(texts: pl.Series, dtype: pl.DataType) -> tuple[pl.Series, bool]:
    """One text that has not the stated type: where a list or object stands for a text, its JSON becomes the text."""
    try:
        value = msgspec.json.decode(texts.item())
        fitted = pl.Series(texts.name, [_fit(value, dtype)], dtype=dtype)
    except (msgspec.DecodeError, TypeError, RecursionError):
        return pl.Series(texts.name, [None], dtype=dtype), False
    return fitted, True


def _fit(value: object, dtype: pl.DataType) -> object:
    if value is None:
        return None
    if isinstance(dtype, pl.Struct):
        if not isinstance(value, dict):
            raise TypeError("no object")
        return {field.name: _fit(value.get(field.name), _instance(field.dtype)) for field in dtype.fields}
    if isinstance(dtype, pl.List):
        items = value if isinstance(value, list) else [value]
        return [_fit(item, _instance(dtype.inner)) for item in items]
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _instance(dtype: object) -> pl.DataType:
    assert isinstance(dtype, pl.DataType)
    return dtype


def peek(texts: pl.Series) -> list[object]:
    """The first texts as Python values, to learn names and shapes from; broken ones left out."""
    values: list[object] = []
    for text in texts.drop_nulls().head(_PEEKED):
        try:
            values.append(msgspec.json.decode(text))
        except (msgspec.DecodeError, RecursionError):
            continue  # told apart and counted when it is read
    return values


def papers_type(papers: Sequence[Mapping[str, object]], mapping: Mapping[str, str], where: str) -> pl.DataType:
    """The type of a list of papers, learnt from some of them: texts, or lists of texts, under the source's names.

    Fields that these papers lack are in it under our names: later ones may have them.
    """
    keys = list(dict.fromkeys(str(key) for paper in papers for key in paper))
    fields = known_paper_fields(keys, mapping, where)
    return pl.List(
        pl.Struct({fields[name]: field_type(name, [p.get(fields[name]) for p in papers]) for name in PAPER_NAMES})
    )


def field_type(name: str, values: Sequence[object]) -> pl.DataType:
    """String, or a list of strings where a value is a list: numbers keep all their digits as text.

    Columns that are joined to one text anyway are always lists, which a single text fits into.
    """
    listed = name in {"prefinstitution", "woscategory"} or any(isinstance(value, list) for value in values)
    return pl.List(pl.String) if listed else pl.String()

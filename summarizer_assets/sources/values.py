"""Conversion of values of any source type to ours, as polars expressions: lossless, or null and counted."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from summarizer_assets.sources import null_words
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.list_text import LIST, list_in, lists_in_texts
from summarizer_assets.sources.numbers import EXACT_BELOW, without_float_form

#: Longer texts are cut (characters): a title of 10 MB is an export error, and no summary needs it.
MAX_TEXT = 20_000

_TRUE = ("1", "true", "t", "yes", "y", "1.0")
_FALSE = ("0", "false", "f", "no", "n", "0.0")
_EXACT: dict[pl.DataType, int] = {pl.Float64(): EXACT_BELOW, pl.Float32(): 2**24, pl.Float16(): 2**11}
_QUOTED_LIST = r"""(?s)^\[\s*["'].*["']\s*\]$"""


@dataclass(frozen=True)
class Parsed:
    """Expressions for a column.

    Attributes:
        value: the values in our type.
        unparsable: whether a row's value could not be read; None if that cannot happen.
        nothing: number of null words that became null in a row; None if that cannot happen.
    """

    value: pl.Expr
    unparsable: pl.Expr | None = None
    nothing: pl.Expr | None = None


def _decode_utf8(series: pl.Series) -> pl.Series:
    def decode(raw: bytes | None) -> str | None:
        try:
            return None if raw is None else raw.decode()
        except UnicodeDecodeError:
            return None  # the caller counts values that became null

    return pl.Series(series.name, [decode(raw) for raw in series], dtype=pl.String)


def is_missing(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether a value is null or NaN."""
    return column.is_null() | column.is_nan() if dtype.is_float() else column.is_null()


def is_written(dtype: pl.DataType) -> bool:
    """Whether values of this type are texts that a tool wrote, perhaps for numbers."""
    return dtype in (pl.String, pl.Binary, pl.Categorical, pl.Enum)


def as_text(column: pl.Expr, dtype: pl.DataType, what: str) -> pl.Expr:
    """The value as text; null if it has no exact text.

    Raises:
        SourceError: the type has no text form.
    """
    if dtype == pl.String:
        return column
    if dtype.is_float():
        exact = column.is_finite() & (column == column.floor()) & (column.abs() < _EXACT[dtype])
        return pl.when(exact).then(column.cast(pl.Int64, strict=False)).cast(pl.String)
    if dtype.is_decimal():
        text = column.cast(pl.String).str.replace(r"\.0+$", "")
        return pl.when(~text.str.contains(".", literal=True)).then(text)
    if dtype == pl.Binary:
        return column.map_batches(_decode_utf8, return_dtype=pl.String, is_elementwise=True)
    temporal = dtype.is_temporal() and dtype != pl.Duration
    if dtype.is_integer() or temporal or dtype in (pl.Boolean, pl.Categorical, pl.Enum, pl.Null):
        return column.cast(pl.String)
    raise SourceError(f"{what} has the type {dtype}, which is no text; map another column, or convert it in the source")


def blank_to_null(text: pl.Expr) -> pl.Expr:
    """The trimmed text; null if nothing is left."""
    stripped = text.str.strip_chars()
    return pl.when(stripped.str.len_bytes() > 0).then(stripped)


def text(column: pl.Expr, dtype: pl.DataType, what: str, words: Sequence[str] = null_words.IN_TEXTS) -> Parsed:
    """A trimmed text; blank and null words become null; a list of texts is joined with `; `.

    The caller cuts long texts, and counts them.
    """
    if isinstance(dtype, pl.List | pl.Array):
        items, nothing = _items(column, dtype, what)
        joined = items.list.join("; ")
        return Parsed(pl.when(joined.str.len_bytes() > 0).then(joined), nothing=nothing)
    if dtype.is_float():  # a score or a year: its exact text if it has one, otherwise as printed
        exact = as_text(column, dtype, what)
        return Parsed(pl.when(~is_missing(column, dtype)).then(pl.coalesce(exact, column.cast(pl.String))))
    if dtype.is_decimal():
        return Parsed(column.cast(pl.String).str.replace(r"\.0+$", ""))
    exact = as_text(column, dtype, what)
    unparsable = column.is_not_null() & exact.is_null() if dtype == pl.Binary else None
    if not is_written(dtype):
        return Parsed(blank_to_null(exact), unparsable)
    value = exact.map_batches(_trimmed_without(words), pl.String, is_elementwise=True)
    return Parsed(value, unparsable, exact.str.strip_chars().is_in(words))


def _trimmed_without(words: Sequence[str]) -> Callable[[pl.Series], pl.Series]:
    """The function that trims texts; blank ones and `words` become null.

    No expression, which would trim once for each place where the trimmed text stands.
    """
    nothing = ["", *words]

    def trimmed_without(texts: pl.Series) -> pl.Series:
        trimmed = texts.str.strip_chars()
        void = trimmed.is_in(nothing)
        return trimmed.set(void, None) if void.any() else trimmed

    return trimmed_without


def name(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """An author's name: a text, which may be a word that means null in other fields."""
    return text(column, dtype, what, null_words.IN_NAMES)


def joined(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A text that lists several things: as `text`, and a list printed as text by a tool is also joined."""
    if not is_written(dtype):
        return text(column, dtype, what)
    plain = text(column, dtype, what)
    value = plain.value.map_batches(_without_list_form, pl.String, is_elementwise=True)
    return Parsed(value, plain.unparsable, plain.nothing)


def _without_list_form(texts: pl.Series) -> pl.Series:
    """Trimmed texts, with printed lists replaced by their items, joined."""
    printed = texts.str.contains(_QUOTED_LIST)
    if not printed.any():
        return texts
    rows = printed.arg_true()
    lists = ((text, list_in(text)) for text in texts.gather(rows))
    plain = [text if items is None else "; ".join(item for item in items if item is not None) for text, items in lists]
    return texts.scatter(rows, plain)


def key(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A paper's key, by the rule for ids; an uncertain number is unparsable, never rounded."""
    if isinstance(dtype, pl.List | pl.Array):
        return text(column, dtype, what)
    exact = as_text(column, dtype, what)
    if not is_written(dtype):
        return Parsed(exact, ~is_missing(column, dtype) & exact.is_null())
    written = blank_to_null(exact)
    number = written.map_batches(without_float_form, pl.String, is_elementwise=True)
    blank = written.is_null() & exact.is_not_null()
    unparsable = column.is_not_null() & number.is_null() & ~blank
    value = exact.map_batches(_written_key, pl.String, is_elementwise=True)
    return Parsed(value, unparsable, null_words.is_in_code(written))


def _written_key(texts: pl.Series) -> pl.Series:
    trimmed = texts.str.strip_chars()
    text = pl.col(texts.name)
    void = trimmed.to_frame().select((text.str.len_bytes() == 0) | null_words.is_in_code(text)).to_series()
    return without_float_form(trimmed.set(void, None) if void.any() else trimmed)


def flag(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A Boolean from a Boolean, 0 and 1, or the usual words for true and false."""
    if dtype in (pl.Boolean, pl.Null):
        return Parsed(column.cast(pl.Boolean))
    if dtype.is_numeric():
        column = column.cast(pl.Float64) if dtype.is_decimal() else column
        value = pl.when(column == 1).then(pl.lit(True)).when(column == 0).then(pl.lit(False))
        return Parsed(value, ~is_missing(column, dtype) & (column != 0) & (column != 1))
    word = blank_to_null(as_text(column, dtype, what)).str.to_lowercase()
    value = pl.when(word.is_in(_TRUE)).then(pl.lit(True)).when(word.is_in(_FALSE)).then(pl.lit(False))
    empty = null_words.is_in_code(word)
    return Parsed(value, word.is_not_null() & value.is_null() & ~empty, empty)


def count(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A non-negative whole number; `1,234` and `1234.0` are accepted, negative or uncertain numbers are unparsable.

    `1.000` is uncertain: one, or a thousand in much of Europe's notation.
    """
    if dtype == pl.Null:
        return Parsed(column.cast(pl.Int64))
    if dtype.is_integer():
        number = column.cast(pl.Int64, strict=False)
    elif dtype.is_numeric():
        number = as_text(column, dtype, what).cast(pl.Int64, strict=False)
    else:
        word = blank_to_null(as_text(column, dtype, what))
        grouped = word.str.contains(r"^\+?[1-9]\d{0,2}(,\d{3})+(\.0*)?$")
        plain = pl.when(grouped).then(word.str.replace_all(r"[+,]|\.0*$", "")).otherwise(word)
        exact = plain.map_batches(without_float_form, pl.String, is_elementwise=True)
        number = exact.cast(pl.Int64, strict=False)
        value = pl.when(number >= 0).then(number)
        empty = null_words.is_in_code(word)
        return Parsed(value, word.is_not_null() & value.is_null() & ~empty, empty)
    value = pl.when(number >= 0).then(number)
    return Parsed(value, ~is_missing(column, dtype) & value.is_null())


def topics(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A list of distinct topics in the source's order.

    Accepts a list, a list written as text (`list_text`), or a text, which is split at `;`, else at `|`, else at `,`.
    """
    if isinstance(dtype, pl.List | pl.Array):
        items, words = _items(column, dtype, what)
        return Parsed(items.list.unique(maintain_order=True), nothing=words)
    whole = blank_to_null(as_text(column, dtype, what))
    is_list = whole.str.contains(LIST)
    printed = pl.when(is_list).then(whole).map_batches(lists_in_texts, pl.List(pl.String), is_elementwise=True)
    split = pl.when(is_list.not_()).then(_split(whole))
    items, words = _items(pl.coalesce(printed, split), pl.List(pl.String()), what)
    return Parsed(items.list.unique(maintain_order=True), is_list & printed.is_null(), words)


def _items(column: pl.Expr, dtype: pl.List | pl.Array, what: str) -> tuple[pl.Expr, pl.Expr | None]:
    """The non-empty texts of a list, and the number of null words in it."""
    inner = dtype.inner
    assert isinstance(inner, pl.DataType)
    parts = column if isinstance(dtype, pl.List) else column.arr.to_list()
    item = text(pl.element(), inner, what)
    words = None if item.nothing is None else parts.list.eval(item.nothing).list.sum()
    return parts.list.eval(item.value).list.drop_nulls(), words


def _split(joined: pl.Expr) -> pl.Expr:
    mark = "\x1f"
    marked = (
        pl.when(joined.str.contains(";", literal=True))
        .then(joined.str.replace_all(";", mark, literal=True))
        .when(joined.str.contains("|", literal=True))
        .then(joined.str.replace_all("|", mark, literal=True))
        .otherwise(joined.str.replace_all(",", mark, literal=True))
    )
    return marked.str.split(mark)

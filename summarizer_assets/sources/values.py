"""Values of any source type to ours, as polars expressions: lossless, or null and counted as unparsable."""

from dataclasses import dataclass

import polars as pl

from summarizer_assets.sources.errors import SourceError

#: Longer texts are cut: a title of 10 MB is an export's accident, and no summary needs it.
MAX_TEXT = 20_000
MAX_ID = 512

#: Ids that are some tool's way to write "none": taken literally they would merge strangers into one author.
NULL_IDS = ("NaN", "nan", "null", "NULL", "None", "<NA>", "\\N")

_TRUE = ("1", "true", "t", "yes", "y", "1.0")
_FALSE = ("0", "false", "f", "no", "n", "0.0")
_EXACT: dict[pl.DataType, int] = {pl.Float64(): 2**53, pl.Float32(): 2**24, pl.Float16(): 2**11}
_CONTROL = r"[\p{Cc}\u{2028}\u{2029}]"


@dataclass(frozen=True)
class Parsed:
    """A column's values, and where the source held something that could not be read (None: it cannot happen)."""

    value: pl.Expr
    unparsable: pl.Expr | None = None


def _decode_utf8(series: pl.Series) -> pl.Series:
    def decode(raw: bytes | None) -> str | None:
        try:
            return None if raw is None else raw.decode()
        except UnicodeDecodeError:
            return None  # the caller sees a value that became null, and counts it

    return pl.Series(series.name, [decode(raw) for raw in series], dtype=pl.String)


def _missing(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    return column.is_null() | column.is_nan() if dtype.is_float() else column.is_null()


def _as_text(column: pl.Expr, dtype: pl.DataType, what: str) -> pl.Expr:
    """The value's own text, null where it has no exact one."""
    if dtype == pl.String:
        return column
    if dtype.is_float():
        exact = column.is_finite() & (column == column.floor()) & (column.abs() < _EXACT[dtype])
        return pl.when(exact).then(column.cast(pl.Int64, strict=False)).cast(pl.String)
    if dtype.is_decimal():
        text = column.cast(pl.String).str.replace(r"\.0+$", "")
        return pl.when(~text.str.contains(".", literal=True)).then(text)
    if dtype == pl.Binary:
        return column.map_batches(_decode_utf8, return_dtype=pl.String)
    if dtype.is_integer() or dtype.is_temporal() or dtype in (pl.Boolean, pl.Categorical, pl.Enum, pl.Null):
        return column.cast(pl.String)
    raise SourceError(f"{what} has the type {dtype}, which is no text; map another column, or convert it in the source")


def _blank_to_null(text: pl.Expr) -> pl.Expr:
    stripped = text.str.strip_chars()
    return pl.when(stripped.str.len_bytes() > 0).then(stripped)


def author_id(column: pl.Expr, dtype: pl.DataType, what: str, *, untyped: bool) -> tuple[pl.Expr, pl.Expr]:
    """An author's id, and the reason why a row has none (null: it has one).

    `untyped`: the source has no types (CSV), so `123.0` is an integer that some tool wrote as a float.
    """
    if dtype in (pl.Boolean, pl.Date, pl.Time, pl.Duration) or isinstance(dtype, pl.Datetime):
        raise SourceError(f"{what} has the type {dtype}, which cannot be an id; map another column")
    exact = _as_text(column, dtype, what)
    text = _blank_to_null(exact)
    if untyped:
        text = text.str.replace(r"^([+-]?\d{1,16})\.0+$", "$1")
    reason = (
        pl.when(_missing(column, dtype))
        .then(pl.lit("null_id"))
        .when(exact.is_null())
        .then(pl.lit("unusable_id"))
        .when(text.is_null() | text.is_in(NULL_IDS))
        .then(pl.lit("null_id"))
        .when(text.str.len_chars() > MAX_ID)
        .then(pl.lit("id_too_long"))
        .when(text.str.contains(_CONTROL))
        .then(pl.lit("id_with_control_characters"))
    )
    return text, reason


def text(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A text: trimmed, blank is null; a list of texts is joined with `; `. Cutting is the caller's, who counts it."""
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner
        assert isinstance(inner, pl.DataType)
        parts = column if isinstance(dtype, pl.List) else column.arr.to_list()
        item = text(pl.element(), inner, what)
        joined = parts.list.eval(item.value).list.drop_nulls().list.join("; ")
        return Parsed(pl.when(joined.str.len_bytes() > 0).then(joined))
    if dtype.is_float():  # a score or a year: its text if it has an exact one, else as it prints
        exact = _as_text(column, dtype, what)
        return Parsed(pl.when(~_missing(column, dtype)).then(pl.coalesce(exact, column.cast(pl.String))))
    if dtype.is_decimal():
        return Parsed(column.cast(pl.String).str.replace(r"\.0+$", ""))
    exact = _as_text(column, dtype, what)
    unparsable = column.is_not_null() & exact.is_null() if dtype == pl.Binary else None
    return Parsed(_blank_to_null(exact), unparsable)


def key(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A paper's identity: as `text`, but a number without an exact text is unparsable, not rounded."""
    if not (dtype.is_float() or dtype.is_decimal()):
        return text(column, dtype, what)
    exact = _as_text(column, dtype, what)
    return Parsed(exact, ~_missing(column, dtype) & exact.is_null())


def flag(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """True or false from a Boolean, 0 and 1, or their usual words."""
    if dtype in (pl.Boolean, pl.Null):
        return Parsed(column.cast(pl.Boolean))
    if dtype.is_numeric():
        column = column.cast(pl.Float64) if dtype.is_decimal() else column
        value = pl.when(column == 1).then(pl.lit(True)).when(column == 0).then(pl.lit(False))
        return Parsed(value, ~_missing(column, dtype) & (column != 0) & (column != 1))
    word = _blank_to_null(_as_text(column, dtype, what)).str.to_lowercase()
    value = pl.when(word.is_in(_TRUE)).then(pl.lit(True)).when(word.is_in(_FALSE)).then(pl.lit(False))
    return Parsed(value, word.is_not_null() & value.is_null())


def count(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A whole number of 0 or more; `1,234` and `1234.0` are read, a negative or a broken one is unparsable."""
    if dtype == pl.Null:
        return Parsed(column.cast(pl.Int64))
    if dtype.is_integer():
        number = column.cast(pl.Int64, strict=False)
    elif dtype.is_numeric():
        number = _as_text(column, dtype, what).cast(pl.Int64, strict=False)
    else:
        word = _blank_to_null(_as_text(column, dtype, what))
        grouped = word.str.contains(r"^\+?\d{1,3}(,\d{3})+(\.0*)?$")
        digits = pl.when(grouped).then(word.str.replace_all(",", "", literal=True)).otherwise(word)
        number = digits.str.replace(r"\.0*$", "").cast(pl.Int64, strict=False)
        value = pl.when(number >= 0).then(number)
        return Parsed(value, word.is_not_null() & value.is_null())
    value = pl.when(number >= 0).then(number)
    return Parsed(value, ~_missing(column, dtype) & value.is_null())


def topics(column: pl.Expr, dtype: pl.DataType, what: str) -> Parsed:
    """A list of distinct topics in the order of the source.

    From a list; or from a text, split at `;`, else at `|`, else at `,`. A text in square brackets is a list that some
    tool printed: it is split at the commas between quotes.
    """
    if isinstance(dtype, pl.List | pl.Array):
        inner = dtype.inner
        assert isinstance(inner, pl.DataType)
        parts = column if isinstance(dtype, pl.List) else column.arr.to_list()
        cleaned = parts.list.eval(text(pl.element(), inner, what).value)
        return Parsed(cleaned.list.drop_nulls().list.unique(maintain_order=True))
    return Parsed(_split(_as_text(column, dtype, what)).list.drop_nulls().list.unique(maintain_order=True))


def _split(joined: pl.Expr) -> pl.Expr:
    stripped = joined.str.strip_chars()
    bracketed = stripped.str.starts_with("[") & stripped.str.ends_with("]")
    mark = "\x1f"
    marked = (
        pl.when(bracketed)
        .then(stripped.str.strip_chars("[]").str.replace_all(r"""["']\s*,\s*["']""", mark))
        .when(stripped.str.contains(";", literal=True))
        .then(stripped.str.replace_all(";", mark, literal=True))
        .when(stripped.str.contains("|", literal=True))
        .then(stripped.str.replace_all("|", mark, literal=True))
        .otherwise(stripped.str.replace_all(",", mark, literal=True))
    )
    quotes = pl.when(bracketed).then(marked.str.strip_chars(" \"'")).otherwise(marked)
    return quotes.str.split(mark).list.eval(_blank_to_null(pl.element()))

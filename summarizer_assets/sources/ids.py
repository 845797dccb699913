"""Normalisation of author ids: one rule for all formats, so that integer, float, decimal and text give the same id.

An id is a text. Integers and decimals become their digits, and so do floats if they are certain (`sources.numbers`). A
text in a tool's float notation counts as that float; any other text is kept, leading zeros included. Binary ids are
UTF-8 texts; readers have already converted UUIDs to texts.
"""

import polars as pl

from summarizer_assets.sources import null_words
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.numbers import without_float_form
from summarizer_assets.sources.values import as_text, blank_to_null, is_missing, is_written

MAX_ID = 512
_INFINITE = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")
_CONTROL = r"[\p{Cc}\u{2028}\u{2029}]"


def author_id(column: pl.Expr, dtype: pl.DataType, what: str) -> tuple[pl.Expr, pl.Expr]:
    """Expressions for an author's id and for the reason why a row has none (null if it has one).

    Raises:
        SourceError: values of this type cannot be ids.
    """
    if dtype in (pl.Boolean, pl.Date, pl.Time, pl.Duration) or isinstance(dtype, pl.Datetime):
        raise SourceError(f"{what} has the type {dtype}, which cannot be an id; map another column")
    exact = as_text(column, dtype, what)
    if dtype.is_integer():
        return exact, pl.when(column.is_null()).then(pl.lit("null_id"))
    written = blank_to_null(exact)
    text = written.map_batches(without_float_form, pl.String, is_elementwise=True) if is_written(dtype) else written
    reason = (
        pl.when(is_missing(column, dtype))
        .then(pl.lit("null_id"))
        .when(exact.is_null())
        .then(pl.lit("unusable_id"))
        .when(written.is_null() | null_words.is_in_code(written))
        .then(pl.lit("null_id"))
        .when(text.is_null() | text.str.to_lowercase().is_in(_INFINITE))
        .then(pl.lit("unusable_id"))
        .when(text.str.len_chars() > MAX_ID)
        .then(pl.lit("id_too_long"))
        .when(text.str.contains(_CONTROL))
        .then(pl.lit("id_with_control_characters"))
    )
    return text, reason

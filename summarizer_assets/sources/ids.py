"""One rule of ids for all formats: the same author has the same id as integer, float, decimal or text, or none.

An id is a text. Integers and decimals give their digits, floats too where they are certain (`sources.numbers`); a text
that a tool wrote for a float counts as that float; any other text is itself, leading zeros included. Binary ids are
texts in UTF-8; UUIDs were made texts by the reader.
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
    """An author's id, and the reason why a row has none (null: it has one).

    Raises:
        SourceError: no value of this type can be an id.
    """
    if dtype in (pl.Boolean, pl.Date, pl.Time, pl.Duration) or isinstance(dtype, pl.Datetime):
        raise SourceError(f"{what} has the type {dtype}, which cannot be an id; map another column")
    exact = as_text(column, dtype, what)
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

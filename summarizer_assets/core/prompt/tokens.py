"""Token estimation without a tokenizer: 0.2 µs per text instead of 40.

Fitted to o200k over rendered records: off by an eighth for a single record, by less than a tenth for thousands.
Non-Latin scripts take more tokens per character, as their bytes show; Indic scripts are overestimated, never
underestimated. Grouping and pace need no more precision, and the budget settles by the provider's `usage`.
"""

import math

import polars as pl

_PER_RECORD = 5.0
_PER_CHARACTER = 0.215
_PER_EXTRA_BYTE = 0.28
#: Tokens of a chat request besides its texts: roles, separators, first and last line of the user message.
PER_REQUEST = 40
_PER_WORD = 1.6
_AROUND_A_SUMMARY = 30


def tokens_of(texts: pl.Series) -> pl.Series:
    """Estimated tokens (Int64) of each text."""
    characters = texts.str.len_chars().cast(pl.Float64)
    extra = texts.str.len_bytes().cast(pl.Float64) - characters
    return (characters * _PER_CHARACTER + extra * _PER_EXTRA_BYTE + _PER_RECORD).ceil().cast(pl.Int64)


def estimate_tokens(text: str) -> int:
    """`tokens_of` for one text."""
    extra = len(text.encode()) - len(text)
    return math.ceil(len(text) * _PER_CHARACTER + extra * _PER_EXTRA_BYTE + _PER_RECORD)


def expected_output_tokens(words: int) -> int:
    """Estimated output tokens of one summary of `words`, with its id and JSON: generous, settled by `usage` later."""
    return round(words * _PER_WORD) + _AROUND_A_SUMMARY

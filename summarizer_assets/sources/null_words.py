"""The words that tools write where there is nothing, and where each of them means it.

The lists differ by kind of field, for people and things bear such names: "Null" is a family name, "Nan" and "Na" are
names of people, Na is sodium.
"""

import polars as pl

#: No name of anybody, in any field: the spellings that databases, R, Python, spreadsheets and JavaScript write.
_MARKED = (
    "N/A", "n/a", "N/a", "#N/A", "#n/a", "#N/A N/A", "#NA", "<NA>", "<na>", "<null>", "<NULL>", "(null)", "(NULL)",
    "[NULL]", "[null]", r"\N", "-nan", "-NaN", "NaT", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND", "#NULL!", "#VALUE!",
    "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "undefined",
)  # fmt: skip
#: In the name of an author: only as tools spell them.
IN_NAMES = (*_MARKED, "NA", "NULL", "null", "None", "none", "NaN", "nan")
#: In any other text. Not "Na", "Nan", "na".
IN_TEXTS = (*IN_NAMES, "Null", "NONE", "NAN")
#: In ids, keys, counts and flags, which are no words: in any case, so these are in lower case.
IN_CODES = tuple(dict.fromkeys(word.lower() for word in IN_TEXTS))


def is_in_name(text: pl.Expr) -> pl.Expr:
    """Whether a trimmed name of an author is a word for nothing."""
    return text.is_in(IN_NAMES)


def is_in_text(text: pl.Expr) -> pl.Expr:
    """The same for any other trimmed text."""
    return text.is_in(IN_TEXTS)


def is_in_code(text: pl.Expr) -> pl.Expr:
    """The same for a trimmed id, key, count or flag."""
    return text.str.to_lowercase().is_in(IN_CODES)

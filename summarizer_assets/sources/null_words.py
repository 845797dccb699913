"""The words that tools write for null, by kind of field.

The lists differ because such words are also names: "Null" is a family name, "Nan" and "Na" are names of people, Na is
sodium.
"""

import polars as pl

#: Null in any field: spellings of databases, R, Python, spreadsheets and JavaScript that are nobody's name.
_MARKED = (
    "N/A", "n/a", "N/a", "#N/A", "#n/a", "#N/A N/A", "#NA", "<NA>", "<na>", "<null>", "<NULL>", "(null)", "(NULL)",
    "[NULL]", "[null]", r"\N", "-nan", "-NaN", "NaT", "1.#QNAN", "-1.#QNAN", "1.#IND", "-1.#IND", "#NULL!", "#VALUE!",
    "#REF!", "#DIV/0!", "#NAME?", "#NUM!", "undefined",
)  # fmt: skip
#: Null in the name of an author: only in the tools' own spelling.
IN_NAMES = (*_MARKED, "NA", "NULL", "null", "None", "none", "NaN", "nan")
#: Null in any other text. Not "Na", "Nan", "na".
IN_TEXTS = (*IN_NAMES, "Null", "NONE", "NAN")
#: Null in ids, keys, counts and flags: compared in lower case.
IN_CODES = tuple(dict.fromkeys(word.lower() for word in IN_TEXTS))
_LONGEST_CODE = max(map(len, IN_CODES))  # in bytes: no other text than ASCII is one of them in lower case


def is_in_code(text: pl.Expr) -> pl.Expr:
    """Whether a trimmed id, key, count or flag is a null word."""
    short = text.str.len_bytes() <= _LONGEST_CODE
    return short & pl.when(short).then(text).str.to_lowercase().is_in(IN_CODES)

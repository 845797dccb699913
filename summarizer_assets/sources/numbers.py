"""Parsing of whole numbers written as floats: exactly the original number, or null.

One rule for ids, keys of papers and counts, in every format. The text of a float is accepted only if its writer cannot
have rounded the number:

- `4.0`, `123.00`: accepted below 2^53, above which floats skip integers. `1.000` may be one or a thousand: null.
- `1.23456789012E11`: accepted, because all digits are present.
- `1.2e11`, `1.2E11`: accepted; Spark, Java and Polars write this and omit only zeros.
- `1e+05`: accepted up to four digits; R writes this and omits only zeros, but C's `%g` and MATLAB round to five or six
  digits.
- `1.2E+11`: null unless all digits are present; a spreadsheet shows only as many digits as fit.
"""

import re

import polars as pl

#: From here on a float cannot represent every whole number.
EXACT_BELOW = 2**53
_FLOAT = r"^-?(?:0|[1-9]\d*)\.0*$|^-?\d(?:[.,]\d*)?[eE](?:\+\d{1,3}|-\d{1,3}|0|[1-9]\d{0,2})$"
_PARTS = re.compile(r"(-?)(\d+)(?:([.,])(\d*))?(?:([eE])([+-]?)(\d+))?")
_LARGEST_EXPONENT = 308
_SURE_DIGITS = 4  # accepted before an exponent with a plus sign
_THOUSANDS = 3


def without_float_form(texts: pl.Series) -> pl.Series:
    """Trimmed texts, with float notation replaced by the whole number, or by null if it is uncertain."""
    floats = texts.str.contains(_FLOAT)
    if not floats.any():
        return texts
    rows = floats.arg_true()
    return texts.scatter(rows, [whole_number(text) for text in texts.gather(rows)])


def whole_number(text: str) -> str | None:
    """The digits of a text in float notation; None if the number is uncertain; any other text unchanged."""
    parts = _PARTS.fullmatch(text)
    if parts is None or not re.match(_FLOAT, text):
        return text
    sign, whole, point, fraction, mark, plus, power = (part or "" for part in parts.groups())
    if not mark:
        digits = None if fraction == "0" * _THOUSANDS and len(whole) <= _THOUSANDS and whole != "0" else whole
    elif int(power) > _LARGEST_EXPONENT:
        return text  # not float notation
    else:
        shift = int(f"{plus}{power}") - len(fraction)
        digits = _shifted(whole + fraction, shift)
        if digits is not None and shift > 0 and digits != "0" and _may_be_rounded(whole + fraction, point, mark, plus):
            digits = None
    if digits is None or int(digits) >= EXACT_BELOW:
        return None
    return digits if digits == "0" else sign + digits


def _shifted(digits: str, shift: int) -> str | None:
    """`digits` times ten to the power `shift`; None if that is not a whole number."""
    if shift >= 0:
        return (digits + "0" * shift).lstrip("0") or "0"
    if digits[shift:].strip("0"):
        return None
    return digits[:shift].lstrip("0") or "0"


def _may_be_rounded(digits: str, point: str, mark: str, plus: str) -> bool:
    if point == "," or (plus and mark == "E"):
        return True
    return bool(plus) and len(digits.rstrip("0")) > _SURE_DIGITS

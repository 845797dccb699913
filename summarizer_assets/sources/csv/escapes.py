"""Replacement of backslash escapes by marker bytes that a CSV parser ignores, and back."""

from dataclasses import dataclass, fields

import numpy as np
import polars as pl

from summarizer_assets.sources.csv.dialect import Dialect
from summarizer_assets.sources.errors import SourceError

#: Control characters, which texts rarely contain; those that a text contains are not used as its markers.
_UNUSED = bytes([*range(1, 9), *range(14, 32)])
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


@dataclass(frozen=True)
class Marks:
    """One byte each for an escaped backslash, quote, delimiter, LF and CR, and for a `bare` quote, which is text."""

    backslash: bytes
    quote: bytes
    delimiter: bytes
    lf: bytes
    cr: bytes
    bare: bytes

    @classmethod
    def of(cls, text: bytes, dialect: Dialect) -> "Marks":
        """Choose bytes that `text` does not contain.

        Raises:
            SourceError: the text contains nearly all control characters.
        """
        free = [bytes([byte]) for byte in _UNUSED if byte not in text and bytes([byte]) != dialect.delimiter]
        if len(free) < len(fields(cls)):
            raise SourceError("the text holds all the control characters there are; take them out of the source")
        return cls(*free[: len(fields(cls))])


def hidden(text: bytes, dialect: Dialect, marks: Marks) -> bytes:
    """`text` with each escape replaced by its mark twice, so that the length and all positions stay the same."""
    if dialect.escape == "text" or b"\\" not in text:
        return text
    if dialect.escape != "quote":  # only R does not escape backslashes
        text = text.replace(b"\\\\", 2 * marks.backslash)
    if dialect.escape != "letters":
        text = text.replace(b"\\" + (dialect.quote or b'"'), 2 * marks.quote)
    if dialect.escape in ("all", "letters"):
        text = text.replace(b"\\" + dialect.delimiter, 2 * marks.delimiter)
        text = text.replace(b"\\\n", 2 * marks.lf).replace(b"\\\r", 2 * marks.cr)
    return text


def unhide_unquoted(text: bytes, dialect: Dialect, marks: Marks) -> bytes:
    """Restore double backslashes outside quotes: Spark escapes a backslash only in quotes."""
    if dialect.escape != "quoted" or dialect.quote is None or marks.backslash not in text:
        return text
    bytes_ = np.frombuffer(text, np.uint8).copy()
    inside = np.cumsum(bytes_ == dialect.quote[0], dtype=np.uint8) & 1
    bytes_[(bytes_ == marks.backslash[0]) & (inside == 0)] = ord("\\")
    return bytes_.tobytes()


def restored(frame: pl.DataFrame, dialect: Dialect, marks: Marks) -> pl.DataFrame:
    """The parsed fields with each mark replaced by the character it stands for."""
    pairs: list[tuple[str, str]] = [(marks.bare.decode(), (dialect.quote or b'"').decode())]
    if dialect.escape != "text":
        pairs += [
            (2 * marks.quote.decode(), (dialect.quote or b'"').decode()),
            (2 * marks.delimiter.decode(), dialect.delimiter.decode()),
            (2 * marks.lf.decode(), "\n"),
            (2 * marks.cr.decode(), "\r"),
        ]
        if dialect.escape == "letters":
            pairs += [("\\" + letter, meant) for letter, meant in _LETTERS.items()]
        pairs.append((2 * marks.backslash.decode(), "\\"))
    return _replaced(frame, pairs)


def swapped_line_ends(frame: pl.DataFrame) -> pl.DataFrame:
    """Swap CR and LF back in fields of a file in which they were swapped for parsing."""
    return _replaced(frame, [("\r", "\0"), ("\n", "\r"), ("\0", "\n")])


def _replaced(frame: pl.DataFrame, pairs: list[tuple[str, str]]) -> pl.DataFrame:
    columns = []
    for name in frame.columns:
        column = frame[name]
        for mark, meant in pairs:
            if column.str.contains(mark, literal=True).any():
                column = column.str.replace_all(mark, meant, literal=True)
        columns.append(column)
    return pl.DataFrame(columns)

"""Row splitting: a piece of CSV text to whole rows, and broken rows with line and reason. Reads no file.

Two methods: arithmetic on the positions of delimiters, quotes and line ends checks a whole piece at once; only a piece
that fails this check is parsed row by row.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from summarizer_assets.sources.csv.dialect import Dialect
from summarizer_assets.sources.csv.id_shape import IdShape
from summarizer_assets.sources.csv.signs import places
from summarizer_assets.sources.csv.syntax import Syntax

Kind = Literal[
    "whole",
    "too_few_fields",
    "too_many_fields",
    "broken_quotes",
    "beside_broken_row",
    "unlike_other_ids",
    "repeated_header",
]

_BY_ITSELF: tuple[Kind, ...] = ("whole", "repeated_header")  # do not make their neighbours suspect
_LF, _CR = 10, 13
_BYTE = 255
_WIDE = 4  # fields per row from which on a line with as many is not prose


@dataclass(frozen=True)
class Row:
    """A row's byte range in its piece, the line of the piece on which it begins (from 0), and its kind of defect."""

    start: int
    end: int
    line: int
    kind: Kind


@dataclass(frozen=True)
class Rules:
    """How the rows of a file are separated. Texts passed to the methods have their escapes hidden (`escapes.hidden`).

    Attributes:
        dialect: the file's dialect.
        shape: the characters of its ids.
        header: the header line without its end, because joined files repeat it among the rows; empty if unknown.
    """

    dialect: Dialect
    shape: IdShape
    header: bytes = b""

    @property
    def width(self) -> int:
        return self.dialect.width

    @cached_property
    def syntax(self) -> Syntax:
        return Syntax(self.dialect)

    def ends(self, text: bytes) -> NDArray[np.int64] | None:
        """Positions of the line ends of all rows that end in `text`, if all have sound quotes and `width` fields.

        None if a row does not, a quoted value contains what looks like a row, or the header is among the rows.
        """
        if self.header and self.header in text:
            return None
        data = np.frombuffer(text, np.uint8)
        ends = np.flatnonzero(data == _LF)
        is_delimiter = data == self.dialect.delimiter[0]
        if self.dialect.quote is not None and self.dialect.quote in text:
            quotes, outside = places(data, self.dialect.quote)
            is_outside = outside[ends]
            within, ends = ends[~is_outside], ends[is_outside]
            if not ends.size:
                return ends
            if not self._sound(data, quotes[: np.searchsorted(quotes, ends[-1])]):
                return None
            within = within[within < ends[-1]]
            if within.size and self._hold_rows(text, within, ends):
                return None
            is_delimiter &= outside
        return ends if self._all_wide(is_delimiter, ends) else None

    def _all_wide(self, is_delimiter: NDArray[np.bool_], ends: NDArray[np.int64]) -> bool:
        """Whether each row has `width` - 1 delimiters."""
        if not ends.size:
            return True
        starts = np.concatenate(([0], ends[:-1] + 1))
        is_delimiter = is_delimiter[: ends[-1]]
        if np.count_nonzero(is_delimiter) != ends.size * (self.width - 1):
            return False
        # Sums in bytes are eight times as fast but wrap at 256; the total, checked above, excludes a wrong result.
        counted_in = np.uint8 if self.width <= _BYTE else np.uint32
        of_row = np.add.reduceat(is_delimiter.view(np.uint8), starts, dtype=counted_in)
        return bool((of_row == self.width - 1).all())

    def lines(self, text: bytes, rows: int) -> NDArray[np.int64]:
        """The line (from 0) on which each of the `rows` begins, for a sound text that ends with a whole row."""
        if self.dialect.quote is None or self.dialect.quote not in text or rows == text.count(b"\n"):
            return np.arange(rows, dtype=np.int64)
        ends = self.ends(text)
        assert ends is not None
        starts = np.concatenate(([0], ends[:-1] + 1))
        return np.searchsorted(np.flatnonzero(np.frombuffer(text, np.uint8) == _LF), starts)

    def _sound(self, data: NDArray[np.uint8], quotes: NDArray[np.int64]) -> bool:
        """Whether each quote opens or closes a whole field, or is half of a doubled quote."""
        assert self.dialect.quote is not None
        quote, delimiter = self.dialect.quote[0], self.dialect.delimiter[0]
        openers, closers = quotes[0::2], quotes[1::2]
        before = data[openers[1:] - 1] if openers.size and openers[0] == 0 else data[openers - 1]
        after = data[closers + 1]
        opened = (before == delimiter) | (before == _LF) | (before == quote)
        closed = (after == delimiter) | (after == _LF) | (after == quote)
        if not closed.all():
            carriage = closers[~closed]
            closed = (data[carriage + 1] == _CR) & (data[carriage + 2] == _LF)
        return bool(opened.all() and closed.all())

    def _hold_rows(self, text: bytes, within: NDArray[np.int64], ends: NDArray[np.int64]) -> bool:
        """Whether a row with line ends within its quotes contains what looks like another row."""
        for row in np.unique(np.searchsorted(ends, within)):
            start = int(ends[row - 1]) + 1 if row else 0
            if self._swallows(text[start : int(ends[row])]):
                return True
        return False

    def _swallows(self, row: bytes) -> bool:
        """Whether a line after the first looks like a row of its own: then a stray quote joined them."""
        lines = row.split(b"\n")
        if len(lines) == 1 or self.dialect.quote is None:
            return False
        if any(self._is_like_row(line) for line in lines[1:-1]):
            return True
        of_value = lines[-1].partition(self.dialect.quote)[0]
        return of_value.count(self.dialect.delimiter) > self.shape.place and self._is_like_row(lines[-1])

    def _is_like_row(self, line: bytes) -> bool:
        fields = line.split(self.dialect.delimiter)
        if len(fields) != self.width:
            return False
        return self.width >= _WIDE if self.shape.kinds is None else self.shape.is_like(fields[self.shape.place])

    def rows(self, text: bytes, *, final: bool) -> list[Row]:
        """Parse `text` row by row; unless it is `final`, the last row is left out if it may continue.

        A line with broken quotes is a broken row of its own, and parsing restarts after it. The fragments of a torn row
        are broken rows, and so is a neighbour that may contain a fragment.
        """
        found: list[Row] = []
        at = line = 0
        while at < len(text):
            blank = self.syntax.blank(text, at)
            if blank is not None:
                at, line = blank, line + 1
                continue
            row = self.syntax.row(text, at)
            if not final and (self.syntax.is_open(text, at) if row is None else not row.endswith(b"\n")):
                break
            if row is None:
                end = text.find(b"\n", at) + 1 or len(text)
                found.append(Row(at, end, line, "broken_quotes"))
            else:
                end = at + len(row)
                swallowed = self._swallows(row.rstrip(b"\r\n"))
                found += _line_by_line(text, at, end, line) if swallowed else [Row(at, end, line, self._kind(row))]
            line += text.count(b"\n", at, end)
            at = end
        return self._with_neighbours(text, found)

    def _kind(self, row: bytes) -> Kind:
        if self.header and row.rstrip(b"\r\n") == self.header:
            return "repeated_header"
        fields = self.syntax.fields(row)
        if len(fields) != self.width:
            return "too_few_fields" if len(fields) < self.width else "too_many_fields"
        return "whole" if self.shape.kinds is None or self.shape.fits(fields[self.shape.place]) else "unlike_other_ids"

    def _with_neighbours(self, text: bytes, rows: list[Row]) -> list[Row]:
        """Mark whole rows as broken if they may contain a fragment of a neighbour; odd ids alone mark nothing."""
        if all(row.kind in (*_BY_ITSELF, "unlike_other_ids") for row in rows):
            return [replace(row, kind="whole") if row.kind == "unlike_other_ids" else row for row in rows]
        result = list(rows)
        known = self.shape.kinds is not None
        at = 0
        while at < len(rows):
            if rows[at].kind in _BY_ITSELF:
                at += 1
                continue
            first = at
            while at < len(rows) and rows[at].kind not in _BY_ITSELF:
                at += 1
            run = rows[first:at]
            if not known and self._explained(text, run):
                continue
            if (
                first
                and rows[first - 1].kind == "whole"
                and not (known and self._starts_row(text[run[0].start : run[0].end]))
            ):
                result[first - 1] = replace(rows[first - 1], kind="beside_broken_row")
            if at < len(rows) and rows[at].kind == "whole" and not known:
                result[at] = replace(rows[at], kind="beside_broken_row")
        return result

    def _starts_row(self, text: bytes) -> bool:
        """Whether `text` has an id in the id's field."""
        fields = text.split(self.dialect.delimiter, self.shape.place + 1)
        return len(fields) > self.shape.place and self.shape.fits(fields[self.shape.place])

    def _explained(self, text: bytes, run: Iterable[Row]) -> bool:
        """Whether the fragments add up to whole rows, or each is one row with too many delimiters."""
        have = 0
        for row in run:
            if row.kind == "too_many_fields" and not have:
                continue
            if row.kind != "too_few_fields":
                return False
            fields = len(self.syntax.fields(text[row.start : row.end]))
            if not have and fields == 1 < self.width:
                return False  # may also be the end of the row before
            have += fields - (1 if have else 0)
            if have > self.width:
                return False
            have %= self.width
        return not have


def _line_by_line(text: bytes, start: int, end: int, line: int) -> list[Row]:
    """Each line as a broken row, where one row looks like several."""
    found: list[Row] = []
    while start < end:
        stop = text.find(b"\n", start, end) + 1 or end
        found.append(Row(start, stop, line + len(found), "broken_quotes"))
        start = stop
    return found

"""A regular-expression parser of single CSV rows and their fields: slow, but correct where quotes are broken."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from summarizer_assets.sources.csv.dialect import Dialect


@dataclass(frozen=True)
class Syntax:
    """Parses rows of a dialect, escapes hidden. All patterns are possessive (no backtracking), so time is linear."""

    dialect: Dialect

    @cached_property
    def _field(self) -> bytes:
        """Pattern of a field: soundly quoted, or not beginning with a quote or with blanks and a quote."""
        d = re.escape(self.dialect.delimiter)
        if self.dialect.quote is None:
            return b"[^" + d + rb"\n]*+"
        q = re.escape(self.dialect.quote)
        quoted = q + b"(?:[^" + q + b"]++|" + q + q + b")*+" + q + b"(?=" + d + rb"|\r?\n|\r?\Z)"
        blanks = b"[ \t]*+".replace(self.dialect.delimiter, b"")
        return b"(?:" + quoted + b"|(?!" + blanks + q + b")[^" + d + rb"\n]*+)"

    @cached_property
    def _before(self) -> bytes:
        """Pattern of the fields before the last one of a row."""
        return b"(?:" + self._field + re.escape(self.dialect.delimiter) + b")*+"

    @cached_property
    def _row(self) -> re.Pattern[bytes]:
        return re.compile(self._before + self._field + rb"\r?+(?:\n|\Z)")

    @cached_property
    def _open(self) -> re.Pattern[bytes]:
        if self.dialect.quote is None:
            return re.compile(b"(?!)")
        q = re.escape(self.dialect.quote)
        return re.compile(self._before + q + b"(?:[^" + q + b"]++|" + q + q + b")*+" + q + rb"?+\r?+\Z")

    @cached_property
    def _fields(self) -> re.Pattern[bytes]:
        return re.compile(b"(?:^|" + re.escape(self.dialect.delimiter) + b")(" + self._field + b")")

    @cached_property
    def _blank(self) -> re.Pattern[bytes]:
        return re.compile(rb"\r?+\n")

    def blank(self, text: bytes, at: int) -> int | None:
        """The end of the empty line that begins at `at`; None if there is none."""
        match = self._blank.match(text, at)
        return None if match is None else match.end()

    def row(self, text: bytes, at: int) -> bytes | None:
        """The row that begins at `at`, with its line end and any number of fields; None if its quotes are broken."""
        match = self._row.match(text, at)
        return None if match is None else match.group()

    def is_open(self, text: bytes, at: int) -> bool:
        """Whether the row that begins at `at` is sound so far, but the text ends within its quotes."""
        return self._open.match(text, at) is not None

    def fields(self, row: bytes) -> list[bytes]:
        """The fields of a row with sound quotes, as written."""
        row = row.removesuffix(b"\n").removesuffix(b"\r")
        if self.dialect.quote is None or self.dialect.quote not in row:
            return row.split(self.dialect.delimiter)
        return [match.group(1) for match in self._fields.finditer(row)]

    def sound_rows(self, text: bytes, at: int) -> Iterator[list[bytes]]:
        """The fields of each row from `at` on, without blank lines and rows with broken quotes."""
        while at < len(text):
            row = self.row(text, at)
            if row is None:
                at = text.find(b"\n", at) + 1 or len(text)
                continue
            if row.strip(b"\r\n"):
                yield self.fields(row)
            at += len(row)

    def without_bare_quotes(self, row: bytes, mark: bytes) -> bytes:
        """A row with sound quotes, in which each quote that is text is replaced by `mark`."""
        quote = self.dialect.quote
        if quote is None or quote not in row:
            return row
        fields = (field if field.startswith(quote) else field.replace(quote, mark) for field in self.fields(row))
        return self.dialect.delimiter.join(fields) + b"\n"

"""One row of CSV text after the other: where it ends, what its fields are. Slow, and right where quotes are broken."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from summarizer_assets.sources.csv.dialect import Dialect


@dataclass(frozen=True)
class Syntax:
    """The rows of a dialect whose escapes are hidden. No pattern gives back what it took: time is linear."""

    dialect: Dialect

    @cached_property
    def _field(self) -> bytes:
        """A field: in sound quotes, or one that does not begin with a quote, or with blanks and a quote."""
        d = re.escape(self.dialect.delimiter)
        if self.dialect.quote is None:
            return b"[^" + d + rb"\n]*+"
        q = re.escape(self.dialect.quote)
        quoted = q + b"(?:[^" + q + b"]++|" + q + q + b")*+" + q + b"(?=" + d + rb"|\r?\n|\r?\Z)"
        blanks = b"[ \t]*+".replace(self.dialect.delimiter, b"")
        return b"(?:" + quoted + b"|(?!" + blanks + q + b")[^" + d + rb"\n]*+)"

    @cached_property
    def _before(self) -> bytes:
        """The fields before the last one of a row."""
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
        """Where an empty line ends that begins at `at`."""
        match = self._blank.match(text, at)
        return None if match is None else match.end()

    def row(self, text: bytes, at: int) -> bytes | None:
        """The row that begins at `at`, with its line end, of any number of fields; None: its quotes are broken."""
        match = self._row.match(text, at)
        return None if match is None else match.group()

    def is_open(self, text: bytes, at: int) -> bool:
        """Whether the row that begins at `at` is sound as far as the text goes, which ends within quotes."""
        return self._open.match(text, at) is not None

    def fields(self, row: bytes) -> list[bytes]:
        """The fields of a row of sound quotes, as they are written."""
        row = row.removesuffix(b"\n").removesuffix(b"\r")
        if self.dialect.quote is None or self.dialect.quote not in row:
            return row.split(self.dialect.delimiter)
        return [match.group(1) for match in self._fields.finditer(row)]

    def sound_rows(self, text: bytes, at: int) -> Iterator[list[bytes]]:
        """The fields of the rows from `at` on, blank lines and rows of broken quotes left out."""
        while at < len(text):
            row = self.row(text, at)
            if row is None:
                at = text.find(b"\n", at) + 1 or len(text)
                continue
            if row.strip(b"\r\n"):
                yield self.fields(row)
            at += len(row)

    def without_bare_quotes(self, row: bytes, mark: bytes) -> bytes:
        """A row of sound quotes, in which each quote that is text is `mark`."""
        quote = self.dialect.quote
        if quote is None or quote not in row:
            return row
        fields = (field if field.startswith(quote) else field.replace(quote, mark) for field in self.fields(row))
        return self.dialect.delimiter.join(fields) + b"\n"

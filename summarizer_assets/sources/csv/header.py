"""Detection of delimiter, line ends and columns from the start of a CSV file: its header and first rows."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from summarizer_assets.sources.columns import Layout, table_layout
from summarizer_assets.sources.csv.dialect import DELIMITERS, MAY_BE_BARE, Dialect, Escape, unique_names
from summarizer_assets.sources.csv.id_shape import IdShape
from summarizer_assets.sources.csv.rows import Rules
from summarizer_assets.sources.csv.signs import signs
from summarizer_assets.sources.csv.survey import REMEDY, plain_text, survey
from summarizer_assets.sources.errors import SourceError

_SEEN_ROWS = 1000
_SEP = re.compile(rb"sep=(.)\r?(?:\n|\r|\Z)", re.IGNORECASE)
_BLANK = re.compile(rb"(?:[ \t]*(?:\r\n|\n|\r))*")


@dataclass(frozen=True)
class Opened:
    """What the start of a file shows.

    Attributes:
        rules: how its rows are separated.
        names: its column names, each once.
        layout: which of them are ours.
        skip: bytes up to the end of the header.
        line: number of the line on which the first row begins.
        header_quoted: whether the header's names are quoted.
    """

    rules: Rules
    names: tuple[str, ...]
    layout: Layout
    skip: int
    line: int
    header_quoted: bool


@dataclass(frozen=True)
class _Candidate:
    """The start of a file as one dialect reads it.

    Attributes:
        opened: the result.
        share: share of its rows that are whole.
        as_told: the header is one line with a name for each field.
        told_quotes: quotes are doubled within quotes, which proves that they are quotes.
        width: number of fields per row.
    """

    opened: Opened | SourceError
    share: float = 0.0
    as_told: bool = True
    told_quotes: bool = False
    width: int = 1

    def rank(self) -> tuple[bool, float, bool, bool, int]:
        return isinstance(self.opened, Opened), self.share, self.as_told, self.told_quotes, self.width


def open_text(start: bytes, mapping: Mapping[str, str], where: str, *, whole: bool) -> Opened | None:
    """Detect dialect and columns from the start of a text; None if it is empty.

    Raises:
        SourceError: under no dialect do the header's columns make an author.
    """
    begin = _BLANK.match(start)
    skip = begin.end() if begin else 0
    told = _SEP.match(start, skip)
    if told:
        skip = told.end()
    if not start[skip:].strip(b"\x1a \r\n"):
        return None
    first = re.split(rb"[\r\n]", start[skip:], maxsplit=1)[0]
    delimiters = [told[1]] if told else [mark for mark in DELIMITERS if mark in first] or [b","]
    best: _Candidate | None = None
    for dialect in _dialects(start, delimiters):
        found = _tried(start, skip, dialect, mapping, where, whole=whole)
        if found is not None and (best is None or found.rank() > best.rank()):
            best = found
    if best is None:
        raise SourceError(f"{where}: its first line {first[:80]!r} is no header of a table; {REMEDY}")
    if isinstance(best.opened, SourceError):
        raise best.opened
    return best.opened


def _dialects(start: bytes, delimiters: Iterable[bytes]) -> Iterator[Dialect]:
    lone_cr = bool(re.search(rb"\r(?!\n)", start))
    ends = [False, True] if lone_cr else [False]
    for delimiter in delimiters:
        quotes: list[bytes | None] = [b'"']
        edge = b"(?:^|[" + re.escape(delimiter) + b"\r\n])'"
        if re.search(edge, start):
            quotes.append(b"'")
        if b'"' in start and delimiter in MAY_BE_BARE:
            quotes.append(None)
        for quote in quotes:
            escapes: list[Escape] = ["text"]
            if b"\\" in start:
                escapes += ["quote", "all"] if quote else ["all"]
            for escape in escapes:
                for cr in ends:
                    yield Dialect(delimiter, quote, escape, cr)


def _tried(
    start: bytes, skip: int, dialect: Dialect, mapping: Mapping[str, str], where: str, *, whole: bool
) -> _Candidate | None:
    text, _ = plain_text(dialect.with_lf(start), dialect)
    rules = Rules(dialect, IdShape(0))
    header = rules.syntax.row(text, skip)
    if header is None:
        return None
    written = rules.syntax.fields(header)
    if any(b"\r" in field or b"\n" in field for field in written if not (dialect.quote and field[:1] == dialect.quote)):
        return None  # the lines do not end this way
    quoted = bool(dialect.quote) and all(field.startswith(dialect.quote or b"") for field in written if field)
    names = [_unquoted(field, dialect).decode() for field in written]
    rows = list(islice(rules.syntax.sound_rows(text, skip + len(header)), _SEEN_ROWS))
    told = len(names)
    names = _with_extra(names, rows, quoted)
    columns = unique_names([name or f"(column {place})" for place, name in enumerate(names, 1)])
    if len(columns) == 1:
        try:
            table_layout(columns, mapping, where)
        except SourceError as error:
            return _Candidate(error)
        return None
    dialect = replace(dialect, width=len(columns))
    opened: Opened | SourceError
    place = 0
    try:
        layout = table_layout(columns, mapping, where)
        place = columns.index(layout.authors["author_id"])
        shape = IdShape.of(place, (row[place] for row in rows if len(row) > place))
        rules = Rules(dialect, shape, header.rstrip(b"\r\n"))
        line = start.count(b"\r" if dialect.cr else b"\n", 0, skip + len(header)) + 1
        opened = Opened(rules, tuple(columns), layout, skip + len(header), line, quoted)
    except SourceError as error:
        opened = error
        rules = Rules(dialect, IdShape(0))
    seen = survey([start], rules, skip + len(header), 1, where, whole=whole)
    share = 1 - seen.bad / seen.rows if seen.rows else 0.0
    told_quotes = signs(text, text, None, dialect)["doubled"] > 0
    as_told = told == len(names) and not any("\n" in name or "\r" in name for name in names)
    return _Candidate(opened, share, as_told, dialect.quote == b"'" and told_quotes, len(columns))


def _unquoted(field: bytes, dialect: Dialect) -> bytes:
    quote = dialect.quote
    if quote is None or not field.startswith(quote):
        return field.strip()
    return field.removeprefix(quote).removesuffix(quote).replace(2 * quote, quote)


def _with_extra(names: list[str], rows: list[list[bytes]], quoted: bool) -> list[str]:
    """The header's names, plus one if all rows have one field more than the header."""
    widths = {len(row) for row in rows}
    if widths == {len(names) + 1}:
        if not any(row[-1].strip() for row in rows):
            return [*names, ""]
        counted = all(row[0] == b'"%d"' % number for number, row in enumerate(rows, 1))
        if quoted and counted:  # R's row names
            return ["", *names]
    if widths == {len(names) - 1} and not names[-1]:
        return names[:-1]
    return names

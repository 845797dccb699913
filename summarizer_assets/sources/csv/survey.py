"""One pass over a whole CSV text under one dialect: pieces of whole rows, broken rows, and evidence for the dialect."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from summarizer_assets.sources.csv.dialect import MAY_BE_BARE, Dialect
from summarizer_assets.sources.csv.escapes import Marks, hidden
from summarizer_assets.sources.csv.rows import Kind, Row, Rules
from summarizer_assets.sources.csv.signs import SURE, Sign, pairs, signs
from summarizer_assets.sources.errors import SourceError

#: A text with this many bytes and no two consecutive whole rows is not a table.
MOST_UNCUT = 64 * 2**20
_SMALL = 2**15  # bytes that are parsed row by row


@dataclass(frozen=True)
class Piece:
    """Some whole rows.

    Attributes:
        size: bytes.
        line: number of the line, from 1, on which it begins.
        rows: number of rows of all kinds.
        sound: each row has the header's number of fields and sound quotes.
    """

    size: int
    line: int
    rows: int
    sound: bool


@dataclass
class Survey:
    """The result of reading the whole file under one dialect.

    Attributes:
        pieces: pieces of the file after its header, in order, blank lines included.
        rows: number of rows of all kinds.
        broken: number of broken rows, by kind.
        first: line of the first row of each kind.
        signs: evidence for and against the dialect.
        pairs: words around pairs of backslashes, collected until conclusive.
        quotes, backslashes: whether the text has any.
        cut_short: stopped because more than `worth` rows were broken.
    """

    pieces: list[Piece] = field(default_factory=list)
    rows: int = 0
    broken: Counter[Kind] = field(default_factory=Counter)
    first: dict[Kind, int] = field(default_factory=dict)
    signs: Counter[Sign] = field(default_factory=Counter)
    pairs: set[tuple[bytes, bytes]] = field(default_factory=set)
    quotes: bool = False
    backslashes: bool = False
    cut_short: bool = False

    @property
    def bad(self) -> int:
        return self.broken.total()


def text_of(blocks: Iterable[bytes], dialect: Dialect, skip: int) -> Iterator[bytes]:
    """The text after the first `skip` bytes, with the parser's line ends."""
    for block in blocks:
        text = block[skip:]
        skip = max(skip - len(block), 0)
        if text:
            yield dialect.with_lf(text)


def survey(
    blocks: Iterable[bytes],
    rules: Rules,
    skip: int,
    line: int,
    where: str,
    *,
    whole: bool = True,
    worth: int | None = None,
) -> Survey:
    """Read the text once.

    Args:
        blocks: blocks of the file, UTF-8.
        rules: how its rows are separated.
        skip: bytes up to the end of the header.
        line: number of the line on which the first row begins.
        where: the file's name, for errors.
        whole: `blocks` are the whole file; otherwise the last row may be cut off and is left out.
        worth: stop when more rows than this are broken.

    Raises:
        SourceError: 64 MB contain no two consecutive whole rows.
    """
    course = _Course(rules, line)
    rest = b""
    for text in text_of(blocks, rules.dialect, skip):
        rest = course.take(rest + text if rest else text, final=False)
        if worth is not None and course.found.bad > worth:
            course.found.cut_short = True
            return course.found
        if len(rest) > MOST_UNCUT:
            raise SourceError(
                f"{where}: from line {course.line:,} on, {MOST_UNCUT // 2**20} MB hold no two whole rows one after the "
                f"other ({rules.dialect.words()}, {rules.width} columns): its quotes cannot be trusted; {REMEDY}"
            )
    if whole and rest:
        course.take(ended(rest), final=True)
    return course.found


REMEDY = (
    "export it anew with all texts in quotes and quotes doubled (as pandas' to_csv(quoting=csv.QUOTE_ALL)), or as "
    "Parquet or JSON lines"
)


def ended(text: bytes) -> bytes:
    """The last rows of a file with a final line end, without the end-of-file marks of DOS and Postgres."""
    text = text.rstrip(b"\x1a")
    for mark in (b"\n\\.\n", b"\n\\.\r\n", b"\n\\."):
        if text.endswith(mark):
            text = text.removesuffix(mark) + b"\n"
    return text if text.endswith(b"\n") or not text else text + b"\n"


@dataclass
class _Course:
    """A running survey: the next row begins on `line`.

    Sound text is taken as a whole. Otherwise the window shrinks to a quarter again and again, so that only the
    surroundings of broken rows are parsed row by row.
    """

    rules: Rules
    line: int
    found: Survey = field(default_factory=Survey)

    def take(self, text: bytes, *, final: bool) -> bytes:
        """Add the rows of `text`; return the tail that needs more text: the last row, and rows it may affect."""
        at, window, one_by_one = 0, len(text), False
        while at < len(text):
            part = text[at : at + window]
            last = at + window >= len(text)
            size = self._one_by_one(part, final=final and last) if one_by_one else self._sound(part, final and last)
            if size:
                at, window, one_by_one = at + size, 4 * window, False
            elif size is None and window > _SMALL:
                window //= 4
            elif size is None:
                one_by_one = True
            elif last:
                break
            else:  # a row is longer than `_SMALL`
                window, one_by_one = 4 * window, True
        return text[at:]

    def _sound(self, text: bytes, final: bool) -> int | None:
        """Take all rows of `text` except an unfinished last one, and return their size; None if they are not sound."""
        plain, marks = plain_text(text, self.rules.dialect)
        ends = self.rules.ends(plain)
        if ends is None:
            return None
        rows = ends.size if final else ends.size - 1
        size = int(ends[rows - 1]) + 1 if rows > 0 else 0
        if final and size < len(plain):
            return None
        if size:
            self._add(Piece(size, self.line, rows, sound=True), text, plain, marks)
        return size

    def _one_by_one(self, text: bytes, *, final: bool) -> int:
        """Take the rows of `text`, broken ones too, that the text after them cannot affect; return their size."""
        plain, marks = plain_text(text, self.rules.dialect)
        rows = self.rules.rows(plain, final=final)
        size = len(plain) if final else _cut(rows)
        rows = [row for row in rows if row.start < size]
        for row in rows:
            if row.kind != "whole":
                self.found.broken[row.kind] += 1
                self.found.first.setdefault(row.kind, self.line + row.line)
        if size:
            whole = whole_rows(plain, rows, self.rules, b"\0")
            self._add(Piece(size, self.line, len(rows), sound=False), text, whole, marks)
        return size

    def _add(self, piece: Piece, text: bytes, plain: bytes, marks: Marks | None) -> None:
        """Add the piece at the start of `text`; `plain`: the same with escapes hidden, perhaps only its whole rows."""
        found, dialect, size = self.found, self.rules.dialect, piece.size
        quotes, backslashes = text.find(dialect.quote or b'"', 0, size) >= 0, text.find(b"\\", 0, size) >= 0
        found.pieces.append(piece)
        found.rows += piece.rows
        found.quotes = found.quotes or quotes
        found.backslashes = found.backslashes or backslashes
        if backslashes or (quotes and dialect.delimiter in MAY_BE_BARE):
            found.signs.update(signs(text[:size], plain[:size], marks, dialect))
        if backslashes and len(found.pairs) < SURE:
            found.pairs |= pairs(text[:size], dialect.delimiter)
        one_line_each = piece.sound and not quotes and not backslashes
        self.line += piece.rows if one_line_each else text.count(b"\n", 0, size)


def whole_rows(plain: bytes, rows: Iterable[Row], rules: Rules, mark: bytes) -> bytes:
    """The text of the whole rows, with quotes that are text replaced by `mark`."""
    whole = (plain[row.start : row.end] for row in rows if row.kind == "whole")
    return b"".join(rules.syntax.without_bare_quotes(row, mark) for row in whole)


def _cut(rows: list[Row]) -> int:
    """The start of the second of the last two consecutive whole rows: nothing before it affects what follows."""
    for at in range(len(rows) - 1, 0, -1):
        if rows[at].kind == "whole" == rows[at - 1].kind:
            return rows[at].start
    return 0


def plain_text(text: bytes, dialect: Dialect) -> tuple[bytes, Marks | None]:
    """The text with its escapes hidden, and the marks used; None if there is nothing to hide."""
    if dialect.escape == "text" or b"\\" not in text:
        return text, None
    marks = Marks.of(text, dialect)
    return hidden(text, dialect, marks), marks

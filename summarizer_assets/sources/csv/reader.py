"""The CSV file reader: batches of rows, in the dialect detected from the file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from summarizer_assets.sources.columns import Layout
from summarizer_assets.sources.csv.decide import Decided, decide
from summarizer_assets.sources.csv.escapes import Marks, restored, swapped_line_ends, unhide_unquoted
from summarizer_assets.sources.csv.header import Opened, open_text
from summarizer_assets.sources.csv.rows import Row, Rules
from summarizer_assets.sources.csv.survey import REMEDY, Piece, ended, plain_text, text_of, whole_rows
from summarizer_assets.sources.csv.utf8_blocks import Encoding, TextFile
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.readers import Batch, nothing_rejected
from summarizer_assets.sources.shape import LINE, rejected_texts

_START = 2**20


@dataclass(frozen=True)
class CsvReader:
    """A CSV file whose columns are resolved.

    The file is read twice: first to decide the dialect and to check that the rows of each piece are whole, then piece
    by piece with polars' parser. Broken rows are rejected with their line number.
    """

    file: TextFile
    opened: Opened | None

    @property
    def layout(self) -> Layout | None:
        return None if self.opened is None else self.opened.layout

    @cached_property
    def _settled(self) -> tuple[Encoding, Decided]:
        assert self.opened is not None
        opened = self.opened
        encoding: Encoding = self.file.marked() or "utf-8"
        try:
            return encoding, decide(lambda: self.file.blocks(encoding), opened, self.file.path)
        except UnicodeDecodeError:
            encoding = self.file.encoding()
            return encoding, decide(lambda: self.file.blocks(encoding), opened, self.file.path)

    @property
    def words(self) -> str:
        """How the file is read, for a person."""
        if self.opened is None:
            return "empty"
        encoding, decided = self._settled
        return f"{encoding}, {decided.rules.dialect.words()}, {decided.rules.width} columns"

    def batches(self, rows: int) -> Iterator[Batch]:
        if self.opened is None:
            return
        encoding, decided = self._settled
        frames: list[pl.DataFrame] = []
        height = 0
        blocks = self.file.blocks(encoding)
        for piece, text in _pieces(blocks, decided, self.opened.skip, self.file.path):
            frame, rejected = self._piece(text, piece, decided.rules)
            frames.append(frame)
            height += frame.height
            if height >= rows or not rejected.is_empty():
                yield pl.concat(frames), rejected
                frames, height = [], 0
        if frames:
            yield pl.concat(frames), nothing_rejected()
        elif not decided.found.pieces:  # a file with only a header is counted, too
            yield self._frame(b"", np.array([], np.int64), decided.rules, None), nothing_rejected()

    def _piece(self, text: bytes, piece: Piece, rules: Rules) -> Batch:
        dialect = rules.dialect
        plain, marks = plain_text(text, dialect)
        if piece.sound:
            lines = rules.lines(plain, piece.rows) + piece.line
            if marks is not None:
                plain = unhide_unquoted(plain, dialect, marks)
            return self._frame(plain, lines, rules, marks), nothing_rejected()
        marks = marks or Marks.of(text, dialect)
        rows = rules.rows(plain, final=True)
        written = unhide_unquoted(whole_rows(plain, rows, rules, marks.bare), dialect, marks)
        lines = np.array([row.line for row in rows if row.kind == "whole"], np.int64) + piece.line
        frame = self._frame(written, lines, rules, marks)
        return frame, self._rejected(text, [row for row in rows if row.kind != "whole"], piece.line)

    def _frame(self, text: bytes, lines: NDArray[np.int64], rules: Rules, marks: Marks | None) -> pl.DataFrame:
        assert self.opened is not None
        dialect = rules.dialect
        frame = pl.read_csv(
            text,
            has_header=False,
            schema=dict.fromkeys(self.opened.names, pl.String),
            separator=dialect.delimiter.decode(),
            quote_char=None if dialect.quote is None else dialect.quote.decode(),
            raise_if_empty=False,
        )
        if frame.height != lines.size:
            raise SourceError(
                f"{self.file.path}: {frame.height:,} of {lines.size:,} rows could be parsed between the lines "
                f"{lines.min():,} and {lines.max():,}; {REMEDY}"
            )
        frame = frame.select(self.opened.layout.columns)
        if marks is not None:
            frame = restored(frame, dialect, marks)
        if dialect.cr:
            frame = swapped_line_ends(frame)
        return frame.with_columns(pl.Series(LINE, lines, dtype=pl.UInt64))

    def _rejected(self, text: bytes, bad: list[Row], line: int) -> pl.DataFrame:
        if not bad:
            return nothing_rejected()
        texts = pl.Series([text[row.start : row.end].decode().rstrip() for row in bad], dtype=pl.String)
        lines = pl.Series([line + row.line for row in bad], dtype=pl.UInt64)
        return rejected_texts(texts, pl.Series([row.kind for row in bad], dtype=pl.String), self.file.path, lines)


def _pieces(blocks: Iterable[bytes], decided: Decided, skip: int, where: str) -> Iterator[tuple[Piece, bytes]]:
    """Each piece of the survey with its text."""
    rest = b""
    texts = text_of(blocks, decided.rules.dialect, skip)
    last = len(decided.found.pieces) - 1
    for number, piece in enumerate(decided.found.pieces):
        while len(rest) < piece.size or number == last:
            text = next(texts, None)
            if text is None:
                break
            rest += text
        if number == last:
            rest = ended(rest)
        if len(rest) < piece.size:
            raise SourceError(f"{where}: changed while it was read; run the ingest again when it is written")
        yield piece, rest[: piece.size]
        rest = rest[piece.size :]
    if rest.strip() or any(text.strip() for text in texts):
        raise SourceError(f"{where}: changed while it was read; run the ingest again when it is written")


def open_csv(path: str, mapping: Mapping[str, str], options: dict[str, str] | None) -> CsvReader:
    file = TextFile(path, options)
    start, whole = file.start(_START)
    return CsvReader(file, open_text(start, mapping, path, whole=whole))

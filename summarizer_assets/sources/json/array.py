"""Streaming of a file that is one JSON array, element by element, in bounded memory."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from summarizer_assets.sources.csv.utf8_blocks import TextFile
from summarizer_assets.sources.errors import SourceError

_BLOCK = 1 << 20
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\],]', re.DOTALL)
_LARGEST = 1 << 28  # characters of one element


class Line(NamedTuple):
    """A JSON text and the number of the line on which it begins."""

    number: int
    text: str


def starts_array(line: str) -> bool:
    """Whether a file that begins with this line is an array: `[` alone, or before an object or `]`."""
    return re.match(r"\[\s*(?:\{|\]?\s*$)", line) is not None


def elements(path: str, options: dict[str, str] | None) -> Iterator[Line]:
    """Yield the elements of the file's array.

    Raises:
        SourceError: the file ends before the array does, or continues after it.
    """
    array = _Array(path)
    for block in _blocks(path, options):
        yield from array.feed(block)
    if not array.ended:
        raise SourceError(
            f"{path}: ends within the array of objects that it begins with: the file is cut off; write it anew"
        )


class _Array:
    """An incremental tokenizer that finds where elements begin and end."""

    def __init__(self, path: str) -> None:
        self.ended = False
        self._path = path
        self._rest = ""  # text not yet yielded, and how much of it was scanned
        self._seen = 0
        self._line = 1  # the line on which `_rest` begins
        self._depth = 0

    def feed(self, block: str) -> Iterator[Line]:
        text, start, at = self._rest + block, 0, self._seen
        while (token := _TOKEN.search(text, at)) is not None and token[0] != '"':  # a string that continues
            at = token.end()
            if not self._separates(token[0]):
                continue
            piece = text[start : token.start()]
            if piece.strip():
                blank = len(piece) - len(piece.lstrip())
                yield Line(self._line + piece.count("\n", 0, blank), piece.strip())
            self._line += text.count("\n", start, at)
            start = at
        self._seen = (len(text) if token is None else token.start()) - start
        self._rest = text[start:]
        if len(self._rest) > _LARGEST:
            raise SourceError(f"{self._path}:{self._line}: an element has more than {_LARGEST:,} characters")

    def _separates(self, mark: str) -> bool:
        """Whether the token stands before, between or after elements."""
        if self.ended:
            raise SourceError(f"{self._path}: goes on after the array that it begins with; write one array")
        if mark in "[{":
            self._depth += 1
            return self._depth == 1
        if mark in "]}":
            self._depth -= 1
            self.ended = self._depth == 0
            return self.ended
        return mark == "," and self._depth == 1


def _blocks(path: str, options: dict[str, str] | None) -> Iterator[str]:
    file = TextFile(path, options)
    try:
        for block in file.blocks(file.marked() or "utf-8", _BLOCK):
            yield block.decode()
    except UnicodeDecodeError as error:
        raise SourceError(f"{path}: is not UTF-8 ({error.reason}); write it as UTF-8") from error

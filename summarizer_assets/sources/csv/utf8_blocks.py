"""Reading of text files as UTF-8 blocks in bounded memory: decompressed, decoded, without byte order mark.

The encoding is decided from the whole file. A file that is not Unicode is read as Windows' Western code page (cp1252)
only if that gives plausible words; anything else is refused. A library's guess among ninety code pages
(charset-normalizer) would be a guess at people's names.
"""

import codecs
import re
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Literal, cast

import pyarrow as pa

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.stores import filesystem

Encoding = Literal["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be", "cp1252"]

BLOCK = 2 * 2**20

_MARKS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_COMPRESSED = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))
#: Implausible in cp1252: a symbol or control inside a word, runs of capitals and symbols of no Western language.
_SYMBOLS = (
    r"\xa1-\xa9\xab-\xb9\xbb-\xbf\xd7\xf7"
    r"\u02c6\u02dc\u2018\u201a\u201c\u201d\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u2122"
)
_IMPLAUSIBLE = re.compile(rf"(?<=[^\W\d_])[{_SYMBOLS}](?=[a-z\xdf-\xff])|[\x80-\x9f]|[\xa1-\xff]{{4}}")
_MOST_IMPLAUSIBLE = 0.02  # share of the characters beyond ASCII


@dataclass(frozen=True)
class TextFile:
    """A text file, local or on S3, compressed or not.

    Attributes:
        path: path as listed.
        options: `AWS_*` settings of an `s3://` path.
    """

    path: str
    options: dict[str, str] | None = None

    def blocks(self, encoding: Encoding, size: int = BLOCK) -> Generator[bytes, None, None]:
        """The text in UTF-8, about `size` bytes at a time, never split within a character.

        Raises:
            UnicodeDecodeError: the file is not in this encoding.
            OSError: the file cannot be read.
        """
        with self._opened() as stream:
            if encoding in ("utf-8", "utf-8-sig"):
                yield from _checked(_raw(stream, size, encoding))
                return
            decoder = codecs.getincrementaldecoder(encoding)()
            for raw in _raw(stream, size, encoding):
                yield decoder.decode(raw).encode()
            yield decoder.decode(b"", final=True).encode()

    def marked(self) -> Encoding | None:
        """The Unicode encoding that the first bytes show, by a byte order mark or UTF-16's zeros; None if neither.

        Raises:
            SourceError: the file is UTF-32.
        """
        with self._opened() as stream:
            start = stream.read(4096)
        if start.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
            raise self._refused("is UTF-32", "UTF-32")
        for mark, encoding in _MARKS:
            if start.startswith(mark):
                return encoding
        return _unmarked_utf16(start)

    def start(self, size: int) -> tuple[bytes, bool]:
        """About the first `size` bytes of the text, and whether that is the whole text."""
        encoding: Encoding = self.marked() or "utf-8"
        try:
            return self._start(encoding, size)
        except UnicodeDecodeError as error:
            if encoding != "utf-8":
                raise self._refused(f"begins as {encoding} and is not", "UTF-16") from error
            return self._start(self.encoding(), size)

    def _start(self, encoding: Encoding, size: int) -> tuple[bytes, bool]:
        blocks = self.blocks(encoding, size)
        with closing(blocks):
            first = next(blocks, b"")
            return first, not any(blocks)

    def encoding(self) -> Encoding:
        """The encoding, decided from the whole file.

        Raises:
            SourceError: the encoding is not certain.
        """
        marked = self.marked()
        if marked is not None:
            return marked
        read, beyond = 0, False
        try:
            for block in self.blocks("utf-8"):
                read += len(block)
                beyond = beyond or not block.isascii()
        except UnicodeDecodeError as error:
            read += error.start
            if beyond or not error.object[: error.start].isascii():
                raise self._refused(f"is UTF-8 up to byte {read:,} and something else from there", "CP1252") from error
        else:
            return "utf-8"
        if not self._is_western():
            raise self._refused("is neither UTF-8 nor in Windows' Western code page (cp1252)", "GB18030")
        return "cp1252"

    def _is_western(self) -> bool:
        doubtful = beyond = 0
        try:
            for block in self.blocks("cp1252"):
                text = block.decode()
                beyond += sum(map(len, re.findall(r"[^\x00-\x7f]+", text)))
                doubtful += sum(map(len, _IMPLAUSIBLE.findall(text)))
        except UnicodeDecodeError:  # a byte that is not in this code page
            return False
        return doubtful <= _MOST_IMPLAUSIBLE * beyond

    def _refused(self, what: str, example: str) -> SourceError:
        return SourceError(
            f"{self.path}: {what}, and names must not be guessed; convert it to UTF-8, "
            f"as `iconv -f {example} -t UTF-8` does, with the code page that wrote it"
        )

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        with self._unopened() as first:
            start = first.read(4)
        kind = next((name for magic, name in _COMPRESSED if start.startswith(magic)), None)
        with self._unopened() as raw:
            if kind is None:
                yield raw
                return
            with pa.CompressedInputStream(raw, kind) as stream:
                yield cast("BinaryIO", stream)

    def _unopened(self) -> BinaryIO:
        store, place = filesystem(self.path, self.options)
        return cast("BinaryIO", store.open_input_stream(place, compression=None))


def _raw(stream: BinaryIO, size: int, encoding: Encoding) -> Iterator[bytes]:
    marks = tuple(mark for mark, marked in _MARKS if marked == encoding)
    first = True
    while raw := stream.read(size):
        if first:
            raw = next((raw.removeprefix(mark) for mark in marks if raw.startswith(mark)), raw)
            first = False
        yield raw


def _checked(raw: Iterator[bytes]) -> Iterator[bytes]:
    """The same blocks, validated as UTF-8 and cut between characters."""
    rest = b""
    for block in raw:
        data = rest + block if rest else block
        rest = b""
        if not data.isascii():
            try:
                data.decode()
            except UnicodeDecodeError as error:
                if error.reason != "unexpected end of data":
                    raise
                data, rest = data[: error.start], data[error.start :]
        if data:
            yield data
    if rest:
        rest.decode()


def _unmarked_utf16(start: bytes) -> Encoding | None:
    """Detect UTF-16 without a byte order mark: every second byte of Western text is zero."""
    half = max(len(start) // 2, 1)
    if start[1::2].count(0) > 0.6 * half:
        return "utf-16-le"
    return "utf-16-be" if start[0::2].count(0) > 0.6 * half else None

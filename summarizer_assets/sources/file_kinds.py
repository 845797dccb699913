"""Detection of file types by magic bytes, so that a wrong file is named instead of parsed as columns."""

import re
import zlib
from collections.abc import Mapping

import pyarrow as pa

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.formats import FileFormat
from summarizer_assets.sources.stores import filesystem

_LOOKED_AT = 4096
_UNPACK = "unpack it, and give the file or folder that was in it"
_EXPORT = "export it to Parquet, CSV or JSON lines"
_AGAIN = "download it again, and look at what came in its place"
_DECRYPT = "decrypt it first"
_RECODE = "write it as UTF-8, as `iconv -f UTF-16 -t UTF-8` does"

#: Offset of the magic bytes, the bytes, what the file is, and the remedy.
_MAGIC: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"PAR1", "a Parquet file", "name it .parquet"),
    (0, b"PARE", "a Parquet file with an encrypted footer", _DECRYPT),
    (0, b"Obj\x01", "an Avro file", _EXPORT),
    (0, b"ORC", "an ORC file", _EXPORT),
    (0, b"ARROW1", "an Arrow or Feather file", _EXPORT),
    (0, b"FEA1", "a Feather file", _EXPORT),
    (0, b"SQLite format 3\0", "a SQLite database", _EXPORT),
    (8, b"DUCK", "a DuckDB database", _EXPORT),
    (0, b"\x89HDF\r\n", "an HDF5 file", _EXPORT),
    (0, b"\x93NUMPY", "a numpy file", _EXPORT),
    (0, b"SEQ\x06", "a Hadoop sequence file", _EXPORT),
    (0, b"RDX2\n", "an R data file", _EXPORT),
    (0, b"RDX3\n", "an R data file", _EXPORT),
    (0, b"X\n\0\0\0", "an R data file", _EXPORT),
    (0, b"<stata_dta>", "a Stata file", _EXPORT),
    (0, b"$FL2", "an SPSS file", _EXPORT),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls), or one with a password", _EXPORT),
    (0, b"PK\x05\x06", "an empty ZIP archive", _UNPACK),
    (0, b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (257, b"ustar", "a tar archive", _UNPACK),
    (0, b"\x1f\x8b", "compressed by gzip", _UNPACK),
    (0, b"\x28\xb5\x2f\xfd", "compressed by zstd", _UNPACK),
    (0, b"BZh", "compressed by bzip2", _UNPACK),
    (0, b"\xfd7zXZ\0", "compressed by xz", _UNPACK),
    (0, b"\x04\x22\x4d\x18", "compressed by lz4", _UNPACK),
    (0, b"\xff\x06\0\0sNaPpY", "compressed by snappy", _UNPACK),
    (0, b"\x1f\x9d", "compressed by compress (.Z)", _UNPACK),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (0, b"Rar!", "a RAR archive", _UNPACK),
    (0, b"\x89PNG", "an image (PNG)", _AGAIN),
    (0, b"\xff\xd8\xff", "an image (JPEG)", _AGAIN),
    (0, b"GIF8", "an image (GIF)", _AGAIN),
    (0, b"II*\0", "an image (TIFF)", _AGAIN),
    (0, b"MM\0*", "an image (TIFF)", _AGAIN),
    (8, b"WEBP", "an image (WebP)", _AGAIN),
    (0, b"%PDF-", "a PDF document", _EXPORT),
    (0, b"{\\rtf", "an RTF document", _EXPORT),
    (0, b"\x7fELF", "a program", _AGAIN),
    (0, b"Salted__", "encrypted (OpenSSL)", _DECRYPT),
    (0, b"age-encryption.org/", "encrypted (age)", _DECRYPT),
    (0, b"$ANSIBLE_VAULT", "encrypted (Ansible)", _DECRYPT),
    (0, b"-----BEGIN ", "encrypted or a key (PGP or PEM)", _DECRYPT),
    (0, b"\x85\x02\x0c\x03", "encrypted (PGP)", _DECRYPT),
    (0, b"\x8c\x0d\x04", "encrypted (PGP)", _DECRYPT),
    (0, b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "fetch it with `git lfs pull`"),
    (0, b"/annex/objects/", "a pointer of git-annex, not the file itself", "fetch it with `git annex get`"),
    (0, b"\0\x05\x16\x07", "a macOS resource file, not the data beside it", "remove it"),
    (0, b"L\0\0\0\x01\x14\x02\0", "a Windows shortcut, not the file itself", "give the file that it leads to"),
    (0, b"\xff\xfe\0\0", "text in UTF-32", _RECODE.replace("16", "32")),
    (0, b"\0\0\xfe\xff", "text in UTF-32", _RECODE.replace("16", "32")),
    (0, b"\xff\xfe", "text in UTF-16", _RECODE),
    (0, b"\xfe\xff", "text in UTF-16", _RECODE),
)  # fmt: skip
_IN_ZIP: Mapping[bytes, tuple[str, str]] = {
    b"xl/": ("an Excel workbook (.xlsx)", "save its sheet as CSV (UTF-8)"),
    b"[Content_Types].xml": ("an Excel or another Office file", "save its sheet as CSV (UTF-8)"),
    b"opendocument": ("an OpenDocument file", "save its sheet as CSV (UTF-8)"),
}
_HTML = re.compile(rb"<(?:!doctype\s+html|html|head|body|script|title)\b", re.IGNORECASE)
_XML = re.compile(rb"<\?xml|<!--|<[A-Za-z][\w:.-]*>\s*<")
#: Magic bytes of text formats. Other magic bytes made of letters count only if control bytes follow.
_TEXTS = (b"version", b"/annex", b"-----", b"age-", b"$ANSIBLE", b"{\\rtf", b"%PDF-", b"<stata")
_CONTROL = re.compile(rb"[\0-\x08\x0e-\x1f]")
_TEXT_IN_UTF16 = 0.3  # share of zero bytes from which on a text without a mark is UTF-16


def check_kind(path: str, wanted: FileFormat, options: dict[str, str] | None) -> None:
    """Check the first bytes of a file that is to be read as `wanted`.

    Raises:
        SourceError: the file has another, known type.
    """
    start = _start(path, options)
    if not start and not wanted.is_text:
        raise SourceError(f"{path}: is empty (0 bytes), which is not {wanted.meaning}; write it anew")
    inner = _decompressed(start) if wanted.is_text else None
    found = described(start if inner is None else inner)
    if found is None or (wanted.magic and start.startswith(wanted.magic)):
        return
    if wanted.name == "csv" and "UTF-16" in found[0]:
        return
    what, remedy = found
    where = "is" if inner is None else "holds, compressed,"
    raise SourceError(f"{path}: {where} {what}, and not {wanted.meaning}; {remedy}")


def described(start: bytes) -> tuple[str, str] | None:
    """What a file with these first bytes is, and the remedy; None if it is text or unknown."""
    binary = _CONTROL.search(start) is not None
    for place, magic, what, remedy in _MAGIC:
        if start[place:].startswith(magic) and (binary or not magic.isascii() or magic.startswith(_TEXTS)):
            inside = _IN_ZIP if magic.startswith(b"PK\x03") else {}
            return next((told for mark, told in inside.items() if mark in start), (what, remedy))
    begin = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _HTML.match(begin) or (_XML.match(begin) and b"<html" in start.lower()):
        return "an HTML page", _AGAIN
    if _XML.match(begin):
        return "an XML document", "if it is an error of a store, " + _AGAIN + "; else " + _EXPORT
    return _of_zeros(start)


def _of_zeros(start: bytes) -> tuple[str, str] | None:
    if start and not start.strip(b"\0"):
        return "nothing but zero bytes", "write it anew: a copy or a disk failed"
    if start.count(0) > _TEXT_IN_UTF16 * len(start):
        return "text in UTF-16", _RECODE
    return None


def named_otherwise(path: str, options: dict[str, str] | None) -> str:
    """What a file is, if its name does not show it, as the end of a sentence."""
    start = _start(path, options)
    found = described(start) if start else ("empty (0 bytes)", "write it anew")
    return "" if found is None else f"; by its content it is {found[0]}: {found[1]}"


def _start(path: str, options: dict[str, str] | None) -> bytes:
    store, place = filesystem(path, options)
    with store.open_input_stream(place, compression=None) as stream:
        return bytes(stream.read(_LOOKED_AT))


def _decompressed(start: bytes) -> bytes | None:
    """The first bytes after decompression by gzip or zstd; None if not compressed, or damaged."""
    try:
        if start.startswith(b"\x1f\x8b"):
            return zlib.decompressobj(wbits=31).decompress(start, _LOOKED_AT)
        if start.startswith(b"\x28\xb5\x2f\xfd"):
            return bytes(pa.CompressedInputStream(pa.BufferReader(start), "zstd").read(_LOOKED_AT))
    except (zlib.error, OSError):
        return b""
    return None

"""A file that is something else than its name says is told for what it is, and no mapping is proposed for its bytes."""

import gzip
import io
import re
import sqlite3
import tarfile
import zipfile
from pathlib import Path

import duckdb
import polars as pl
import pytest

from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.sources.building import read, write

FRAME = pl.DataFrame({"id": [1, 2], "name": ["A", "B"]})
CSV = b"id,name\n1,A\n2,B\n"


def written(write_to) -> bytes:
    buffer = io.BytesIO()
    write_to(buffer)
    return buffer.getvalue()


def zipped(*names: str) -> bytes:
    def write_to(buffer):
        with zipfile.ZipFile(buffer, "w") as archive:
            for name in names:
                archive.writestr(name, CSV)

    return written(write_to)


def tarred(mode: str) -> bytes:
    def write_to(buffer):
        with tarfile.open(fileobj=buffer, mode=mode) as archive:
            told = tarfile.TarInfo("a.csv")
            told.size = len(CSV)
            archive.addfile(told, io.BytesIO(CSV))

    return written(write_to)


def database(kind: str, folder: Path) -> bytes:
    path = folder / kind
    if kind == "sqlite":
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE t (id)")
        connection.close()
    else:
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE t (id INT)")
    return path.read_bytes()


KINDS = {
    "an Excel workbook": zipped("[Content_Types].xml", "xl/workbook.xml"),
    "an OpenDocument file": zipped("mimetype-application-vnd.oasis.opendocument.spreadsheet"),
    "a ZIP archive": zipped("a.csv"),
    "an empty ZIP archive": zipped(),
    "old Excel workbook": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
    "a tar archive": tarred("w"),
    "compressed by bzip2": __import__("bz2").compress(CSV),
    "compressed by xz": __import__("lzma").compress(CSV),
    "a 7z archive": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40),
    "a RAR archive": b"Rar!\x1a\x07\x01\0" + bytes(40),
    "an Avro file": b"Obj\x01\x04\x14avro.codec" + bytes(20),
    "an ORC file": b"ORC\n\x0b\n\x03\0\0" + bytes(20),
    "an Arrow or Feather file": written(FRAME.write_ipc),
    "an HDF5 file": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "a numpy file": b"\x93NUMPY\x01\0v\0",
    "an image (PNG)": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "an image (JPEG)": b"\xff\xd8\xff\xe0\0\x10JFIF\0",
    "a PDF document": b"%PDF-1.7\n%\xe2\xe3",
    "an HTML page": b"\n <!DOCTYPE html><html><body>Sign in</body></html>",
    "an XML document": b"<?xml version='1.0'?>\n<Error><Code>AccessDenied</Code></Error>",
    "a pointer of Git LFS": b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    "a pointer of git-annex": b"/annex/objects/SHA256E-s5--abc.csv\n",
    "encrypted (OpenSSL)": b"Salted__\x01\x02" + bytes(range(40)),
    "encrypted (age)": b"age-encryption.org/v1\n-> X25519 abc\n",
    "encrypted or a key": b"-----BEGIN PGP MESSAGE-----\n\nhQEMA",
    "a Parquet file with an encrypted footer": b"PARE" + bytes(40) + b"PARE",
    "nothing but zero bytes": bytes(300),
    "text in UTF-32": CSV.decode().encode("utf-32"),
}  # fmt: skip


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet", "a.csv.gz", "a", "a.dat"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_kind_is_told_for_what_it_is(tmp_path, kind, name):
    content = gzip.compress(KINDS[kind]) if name.endswith(".gz") else KINDS[kind]
    with pytest.raises(SourceError, match=re.escape(kind)) as error:
        read(write(tmp_path / name, content))
    assert "SUMMARIZER_COLUMNS" not in str(error.value)


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_database_is_told_for_what_it_is(tmp_path, kind):
    with pytest.raises(SourceError, match=rf"a (?i:{kind}) database"):
        read(write(tmp_path / "a.csv", database(kind, tmp_path)))


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("a.csv", written(FRAME.write_parquet), "is a Parquet file, and not CSV; name it .parquet"),
        ("a.jsonl", written(FRAME.write_parquet), "is a Parquet file"),
        ("part-00000", written(FRAME.write_parquet), "cannot be told from the name.* it is a Parquet file"),
        ("a.parquet", b"", "is empty"),
        ("a.csv", b"", "is empty"),
        ("a.jsonl", b"\n \n", "is empty"),
        ("a", b"", "is empty|it is empty"),
        ("a.parquet", gzip.compress(b"x"), "compressed by gzip, and not a Parquet file; unpack it"),
        ("a.jsonl", '{"id": 1}'.encode("utf-16"), "text in UTF-16, and not JSON lines"),
        ("a.jsonl", '{"id": 1}'.encode("utf-16-le"), "text in UTF-16"),
        ("a.csv.gz", gzip.compress(tarred("w")), "holds, compressed, a tar archive"),
        ("a.csv.gz", gzip.compress(gzip.compress(CSV)), "holds, compressed, compressed by gzip|holds, compressed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",  # gzip's bytes hold the time
)
def test_what_it_is_stands_with_what_to_do(tmp_path, name, content, what):
    with pytest.raises(SourceError, match=what):
        read(write(tmp_path / name, content))


@pytest.mark.parametrize("header", ["ORCID", "Obj", "PAR1", "BZh9", "GIF8", "RDX", "DUCK", "Rar!", "<id>", "version"])
def test_a_header_that_begins_like_another_kind_is_a_header(tmp_path, header):
    authors, _, _ = read(write(tmp_path / "a.csv", f"{header},name\n1,A\n"), {"author_id": header})
    assert authors["author_id"].to_list() == ["1"]


def test_where_no_name_is_near_none_is_proposed(tmp_path):
    with pytest.raises(SourceError) as error:
        read(write(tmp_path / "a.jsonl", '{"message": "Not Found", "documentation_url": "x"}'))
    assert '{"author_id": "message"}' not in str(error.value)
    assert "columns found: message, documentation_url" in str(error.value)

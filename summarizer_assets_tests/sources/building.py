"""Builds small sources of every form, format and compression, all of the same authors."""

import gzip
import io
import json
from pathlib import Path

import polars as pl
import zstandard

from summarizer_assets.core.records import AUTHOR
from summarizer_assets.sources.source import open_source


def paper(ut, title=None, **fields):
    empty = dict.fromkeys(("prefinstitution", "hot_paper", "highly_cited_paper", "citingsrcslocalcount"))
    return {"ut": ut, **empty, "title": title, "woscategory": None, "journal": None, **fields}


FULL = paper(
    "A:1",
    "Ünïcode, “quotes” and 中文",
    prefinstitution="Inst One; Inst Two",
    hot_paper=True,
    highly_cited_paper=False,
    citingsrcslocalcount=45,
    woscategory="Chemistry; Medicine",
    journal="Journal of Tests",
)

AUTHORS_IN = [
    {
        "daisngid": 7,
        "author_name": "Ada Example",
        "primary_affiliation": "Inst One",
        "papers": [FULL, paper("A:2", "Two")],
    },
    {
        "daisngid": 9007199254740993,
        "author_name": "Bo, Comma",
        "primary_affiliation": None,
        "papers": [paper("A:3", "3")],
    },
    {"daisngid": 12, "author_name": "Cy\nNewline", "primary_affiliation": "Inst Two", "papers": [paper("A:4", None)]},
]

EXPECTED = [
    {
        "author_id": str(author["daisngid"]),
        "author_name": author["author_name"],
        "primary_affiliation": author["primary_affiliation"],
        "topics": [],
        "papers": author["papers"],
    }
    for author in AUTHORS_IN
]


def nested() -> pl.DataFrame:
    return pl.DataFrame(AUTHORS_IN, schema_overrides={"papers": AUTHOR["papers"]})


def flat() -> pl.DataFrame:
    return nested().explode("papers").unnest("papers")


def papers_as_json() -> pl.DataFrame:
    texts = [json.dumps(author["papers"], ensure_ascii=False) for author in AUTHORS_IN]
    return nested().with_columns(pl.Series("papers", texts))


def csv_bytes(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_csv(buffer)
    return buffer.getvalue()


def jsonl_bytes(frame: pl.DataFrame) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in frame.to_dicts()).encode()


def compressed(data: bytes, suffix: str) -> bytes:
    if suffix == ".gz":
        return gzip.compress(data)
    return zstandard.compress(data) if suffix == ".zst" else data


def write(path: Path, data: bytes | str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return str(path)


def read(uri: str, columns=None, rows: int = 1000, options=None):
    """All authors, all rejected rows and the chunks of a source."""
    chunks = list(open_source(uri, columns or {}, options).chunks(rows))
    for chunk in chunks:
        assert chunk.authors.schema == AUTHOR
    return pl.concat([c.authors for c in chunks]), pl.concat([c.rejected for c in chunks]), chunks


def read_csv(folder: Path, text: str, columns=None):
    return read(write(folder / "source.csv", text), columns)


def read_jsonl(folder: Path, *rows: object):
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    return read(write(folder / "source.jsonl", "\n".join(lines)))


def read_frame(folder: Path, frame: pl.DataFrame, columns=None):
    frame.write_parquet(folder / "source.parquet")
    return read(str(folder / "source.parquet"), columns)

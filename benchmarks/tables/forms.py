"""The same authors through every form that people have them in: each must come back with the same record hash.

    python -m benchmarks.tables.forms --source authors.parquet

Writes the authors of a nested Parquet file as CSV in the manner of R, Spark, Excel, MySQL, Postgres, Python, Web of
Science and others (flat: a row for each author and paper; nested: papers as JSON), with polars and DuckDB, in several
encodings, compressed, as JSON lines, Parquet and Delta; reads each form as a source, and compares with what the Parquet
file itself gives. Authors that a form cannot hold (a tab in bare tab-delimited text) are left out of it, and counted.
"""

import argparse
import gzip
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"most": 30})
    parser.add_argument("--source", type=Path, help="a nested Parquet file of authors; without one, the bundled sample")
    parser.add_argument("--most", type=int, default=10**9, help="authors")
    options = parser.parse_args()

import duckdb
import polars as pl
import zstandard
from deltalake import write_deltalake

from summarizer_assets.core.records import AUTHOR
from summarizer_assets.ingest.merge import merge, record_hashes
from summarizer_assets.sample import sample_path
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from testing.csv_writers import WRITERS, Unwritable

_BARE = r"[\t\r\n]|^\"\"$"
#: What a form cannot hold in any field of an author, as a pattern.
_CANNOT: Mapping[str, str] = {
    "Web of Science": _BARE,
    "Web of Science, trailing tabs": _BARE,
    "R write.table": r'\\$|\\"',
    "R write.table, tabs": r'\\$|\\"',
    "MySQL OUTFILE": r'^""$',
}


@dataclass(frozen=True)
class Form:
    """A form: its file's name, how it is written, and what it cannot hold."""

    file: str
    write: Callable[[pl.DataFrame, Path], None]
    cannot: str | None = None


def forms() -> dict[str, Form]:
    """All forms, by what is printed of them."""
    found = {f"{name}, flat": Form("a.csv", _csv(name, flat), _CANNOT.get(name)) for name in WRITERS}
    for name in ("python", "Spark", "R write.csv", "MySQL OUTFILE, commas and quotes"):
        found[f"{name}, papers as JSON"] = Form("a.csv", _csv(name, papers_as_json), _CANNOT.get(name))
    excel = _csv("Excel, semicolons", flat)
    found |= {
        "Excel, semicolons and BOM": Form("a.csv", _recoded(excel, "utf-8-sig")),
        "Excel, Unicode text in UTF-16": Form("a.txt.csv", _recoded(_csv("Excel, Unicode text", flat), "utf-16")),
        "Excel, semicolons in cp1252": Form("a.csv", _recoded(excel, "cp1252"), "cp1252"),
        "python, gzip": Form("a.csv.gz", _packed(_csv("python", flat), gzip.compress)),
        "Spark, zstd": Form("a.csv.zst", _packed(_csv("Spark", flat), zstandard.ZstdCompressor().compress)),
        "polars": Form("a.csv", lambda authors, path: flat(authors).write_csv(path)),
        "polars, all in quotes": Form(
            "a.csv", lambda authors, path: flat(authors).write_csv(path, quote_style="always", line_terminator="\r\n")
        ),
        "DuckDB": Form("a.csv", _duckdb(flat, "")),
        "DuckDB, tabs": Form("a.tsv", _duckdb(flat, ", DELIMITER '\t'")),
        "DuckDB, papers as JSON": Form("a.csv", _duckdb(papers_as_json, "")),
        "JSON lines, nested": Form("a.jsonl", _jsonl(lambda authors: authors)),
        "JSON lines, flat": Form("a.jsonl", _jsonl(flat)),
        "Parquet, flat": Form("a.parquet", lambda authors, path: flat(authors).write_parquet(path)),
        "Parquet, nested": Form("a.parquet", lambda authors, path: authors.write_parquet(path)),
        "Parquet, papers as JSON": Form("a.parquet", lambda authors, path: papers_as_json(authors).write_parquet(path)),
        "Delta, nested": Form("table", lambda authors, path: write_deltalake(path, authors.to_arrow())),
        "Delta, flat": Form("table", lambda authors, path: write_deltalake(path, flat(authors).to_arrow())),
    }
    return found


def flat(authors: pl.DataFrame) -> pl.DataFrame:
    return authors.explode("papers", empty_as_null=True, keep_nulls=True).unnest("papers")


def papers_as_json(authors: pl.DataFrame) -> pl.DataFrame:
    texts = [json.dumps(papers, ensure_ascii=False) for papers in authors["papers"].to_list()]
    return authors.with_columns(pl.Series("papers", texts, dtype=pl.String))


def _csv(name: str, shaped: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[pl.DataFrame, Path], None]:
    def write(authors: pl.DataFrame, path: Path) -> None:
        texts = shaped(authors).with_columns(pl.exclude(pl.String).cast(pl.String))
        path.write_bytes(WRITERS[name](texts.columns, texts.rows()).encode())

    return write


def _recoded(write: Callable[[pl.DataFrame, Path], None], encoding: str) -> Callable[[pl.DataFrame, Path], None]:
    def recoded(authors: pl.DataFrame, path: Path) -> None:
        write(authors, path)
        path.write_bytes(path.read_bytes().decode().encode(encoding))

    return recoded


def _packed(
    write: Callable[[pl.DataFrame, Path], None], pack: Callable[[bytes], bytes]
) -> Callable[[pl.DataFrame, Path], None]:
    def packed(authors: pl.DataFrame, path: Path) -> None:
        write(authors, path)
        path.write_bytes(pack(path.read_bytes()))

    return packed


def _duckdb(shaped: Callable[[pl.DataFrame], pl.DataFrame], more: str) -> Callable[[pl.DataFrame, Path], None]:
    def write(authors: pl.DataFrame, path: Path) -> None:
        with duckdb.connect() as connection:
            connection.register("authors", shaped(authors).to_arrow())
            connection.execute(f"COPY authors TO '{path}' (FORMAT csv, HEADER{more})")

    return write


def _jsonl(shaped: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[pl.DataFrame, Path], None]:
    def write(authors: pl.DataFrame, path: Path) -> None:
        with path.open("w") as file:
            file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in shaped(authors).iter_rows(named=True))

    return write


def read(path: Path) -> tuple[pl.DataFrame, int]:
    """All authors of a source, each once, and how many of its rows were rejected."""
    chunks = list(open_source(str(path), {}).chunks(100_000))
    authors = merge(pl.concat([pl.DataFrame(schema=AUTHOR), *(chunk.authors for chunk in chunks)])).authors
    return authors, sum(chunk.rejected["count"].sum() for chunk in chunks)


def hashes(authors: pl.DataFrame) -> pl.DataFrame:
    return authors.select("author_id").with_columns(record_hashes(authors).alias("hash"))


def _holdable(authors: pl.DataFrame, cannot: str | None) -> pl.DataFrame:
    if cannot is None:
        return authors
    of_papers = pl.concat_str([_field(name) for name in ("title", "journal", "prefinstitution", "woscategory", "ut")])
    texts = flat(authors).select(
        "author_id", pl.concat_str(_field("author_name"), _field("primary_affiliation"), of_papers).alias("text")
    )
    rows = authors.select("author_id").join(
        texts.group_by("author_id").agg(pl.col("text").str.join("")), on="author_id", how="left", maintain_order="left"
    )["text"]
    if cannot == "cp1252":
        kept = [text == text.encode("cp1252", "ignore").decode("cp1252") for text in rows]
        return authors.filter(pl.Series(kept))
    pattern = cannot.replace("$", "(?:\x1f|$)").replace("^", "(?:^|\x1f)")
    return authors.filter(~rows.str.contains(pattern))


def _field(name: str) -> pl.Expr:
    return pl.col(name).fill_null("") + pl.lit("\x1f")


@dataclass(frozen=True)
class Found:
    """What came of one form.

    Attributes:
        authors: that the form can hold.
        equal: of them, with the reference's hash.
        surplus: authors beyond them.
        rejected: rows.
        seconds: of CPU, for reading.
        refused: why the form was not read; empty: it was.
    """

    name: str
    authors: int
    equal: int
    surplus: int
    rejected: int
    seconds: float
    refused: str

    @property
    def good(self) -> bool:
        return self.equal == self.authors and not (self.surplus or self.rejected)


def run(authors: pl.DataFrame, folder: Path) -> Iterator[Found]:
    """Write and read `authors` (schema `records.AUTHOR` without topics) in each form."""
    reference = hashes(authors.with_columns(pl.lit([], dtype=AUTHOR["topics"]).alias("topics")).select(AUTHOR.names()))
    for name, form in forms().items():
        held = _holdable(authors, form.cannot)
        with tempfile.TemporaryDirectory(dir=folder) as temporary:
            path = Path(temporary) / form.file
            try:
                form.write(held, path)
            except Unwritable:
                yield Found(name, held.height, 0, 0, 0, 0, "the tool writes what no reader can tell apart: not tried")
                continue
            began = time.process_time()
            try:
                come, rejected = read(path)
            except SourceError as error:
                yield Found(name, held.height, 0, 0, 0, time.process_time() - began, str(error))
                continue
        equal = hashes(come).join(reference, on=["author_id", "hash"], how="semi").height
        yield Found(
            name, held.height, equal, come.height - held.height, rejected, time.process_time() - began, refused=""
        )


def main(options: argparse.Namespace) -> int:
    authors = read(options.source or sample_path())[0].drop("topics").head(options.most)
    print(f"{'form':44}{'authors':>9}{'equal':>9}{'rejected':>9}{'CPU s':>8}")
    good = []
    with tempfile.TemporaryDirectory(prefix="forms-") as temporary:
        for found in run(authors, Path(temporary)):
            good.append(found.good)
            counts = f"{found.authors:9,}{found.equal:9,}{found.rejected:9,}{found.seconds:8.1f}"
            print(f"{found.name:44}{counts}  {found.refused}", flush=True)
    print(f"{len(good)} forms, {sum(good)} with every hash equal")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(options))

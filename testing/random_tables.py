"""Random authors, written by random programs in random dialects, forms and formats; and what reading them gives.

Shared by the property of the suite and by `python -m benchmarks.tables.dialects`, which tries thousands.
"""

import gzip
import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import zstandard
from deltalake import write_deltalake
from hypothesis import strategies as st

from summarizer_assets.core.records import AUTHOR
from summarizer_assets.ingest.merge import merge
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from testing.csv_writers import WRITERS, by_sloppy_hand

_PAPER_COLUMNS = [field.name for field in AUTHOR["papers"].inner.fields]  # type: ignore[attr-defined]
#: What made readers stumble: marks, escapes, and what looks like them.
_PIECES = (
    *("a", "Study", "of", "é", "ß", "中", "Ł", " ", " ", ",", ";", "\t", "|", '"', "'", "\\", "\n", "\r\n", "\r"),
    *("\\n", "\\\\", '\\"', '""', "$\\alpha$", '5" pipe', '"x"', "N", "{", "}", "#", "1,2", "NULL", "-", "="),
)
_texts = st.lists(st.sampled_from(_PIECES), max_size=8).map("".join).map(str.strip)
_words = st.lists(st.sampled_from(("Study", "of", "two", "é", "line\nbreak", "\n", "city")), max_size=6).map(" ".join)
_IDS: tuple[Callable[[int], str], ...] = (
    lambda number: str(number + 1),
    lambda number: f"A-{number:05}",
    lambda number: f"0000-0002-{number:04}-000X",
    lambda number: f"{number * 7919:032x}",
    lambda number: f"https://example.org/A{number}",
)
FORMS = ("flat", "papers as JSON", "narrow")
FORMATS = ("jsonl", "parquet", "delta")


@dataclass(frozen=True)
class Table:
    """Authors, and how they are written.

    Attributes:
        authors: schema `records.AUTHOR`.
        form: one of `FORMS`.
        program: of `WRITERS`, `sloppy`, or one of `FORMATS`.
        encoding: of CSV.
        compression: of CSV: none, gz or zst.
    """

    authors: pl.DataFrame
    form: str
    program: str
    encoding: str
    compression: str


@st.composite
def tables(draw: st.DrawFn, programs: tuple[str, ...] = (*WRITERS, "sloppy", *FORMATS)) -> Table:
    program = draw(st.sampled_from(programs))
    form = draw(st.sampled_from(FORMS))
    texts = _words if program == "sloppy" else _texts
    maybe = st.none() | texts
    name_id = draw(st.sampled_from(_IDS))
    paper = st.fixed_dictionaries(
        {
            "prefinstitution": st.none(),
            "hot_paper": st.none() | st.booleans(),
            "highly_cited_paper": st.booleans(),
            "citingsrcslocalcount": st.none() | st.integers(0, 9999),
            "title": maybe,
            "woscategory": st.none(),
            "journal": maybe,
        }
    )
    authors: list[dict[str, Any]] = []
    for number in range(draw(st.sampled_from((1, 2, 3, 5, 12, 30)))):
        papers = draw(st.lists(paper, min_size=form == "flat", max_size=3)) if form != "narrow" else []
        papers = [{"ut": f"U{number}-{place}", **one} for place, one in enumerate(papers)]
        topics = draw(st.lists(st.sampled_from(("law", "optics", "medical ethics")), max_size=2, unique=True))
        authors.append(
            {
                "author_id": name_id(number),
                "author_name": f"Name {draw(texts)}".strip(),
                "primary_affiliation": draw(maybe),
                "topics": topics if form == "narrow" else [],
                "papers": papers,
            }
        )
    return Table(
        pl.DataFrame(authors, schema=AUTHOR),
        form,
        program,
        draw(st.sampled_from(("utf-8", "utf-8", "utf-8-sig", "utf-16", "cp1252"))),
        draw(st.sampled_from(("", "", ".gz", ".zst"))),
    )


def written(table: Table, folder: Path) -> tuple[Path, int]:
    """The file or folder of the table, and how many rows it has.

    Raises:
        Unwritable: the program would lose something.
    """
    frame = _in_form(table)
    if table.program in FORMATS:
        return _in_format(frame, table.program, folder), frame.height
    rows = [[_text(value) for value in row] for row in frame.rows()]
    writer = by_sloppy_hand if table.program == "sloppy" else WRITERS[table.program]
    text = writer(frame.columns, rows)
    try:
        data = text.encode(table.encoding)
    except UnicodeEncodeError:
        data = text.encode()
    packers: dict[str, Callable[[bytes], bytes]]
    packers = {"": bytes, ".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}
    path = folder / f"authors.csv{table.compression}"
    path.write_bytes(packers[table.compression](data))
    return path, frame.height


def _in_form(table: Table) -> pl.DataFrame:
    authors = table.authors
    if table.form == "flat":
        return authors.drop("topics").explode("papers", empty_as_null=True, keep_nulls=True).unnest("papers")
    if table.form == "narrow":
        return authors.drop("papers").with_columns(pl.col("topics").list.join("; "))
    if table.program in FORMATS:
        return authors.drop("topics")
    papers = [json.dumps(papers, ensure_ascii=False) for papers in authors["papers"].to_list()]
    return authors.drop("topics").with_columns(pl.Series("papers", papers, dtype=pl.String))


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower()


def _in_format(frame: pl.DataFrame, kind: str, folder: Path) -> Path:
    path = folder / f"authors.{kind}"
    match kind:
        case "parquet":
            frame.write_parquet(path)
        case "jsonl":
            path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in frame.to_dicts()))
        case _:
            write_deltalake(path, frame.to_arrow())
    return path


def read(uri: str) -> tuple[pl.DataFrame, int, pl.DataFrame]:
    """All authors, each once; the rows that were seen; the rejected ones."""
    chunks = list(open_source(uri, {}).chunks(1000))
    authors = pl.concat([pl.DataFrame(schema=AUTHOR), *(chunk.authors for chunk in chunks)])
    rejected = [chunk.rejected for chunk in chunks if not chunk.rejected.is_empty()]
    united = merge(authors).authors.sort("author_id")
    return united, sum(chunk.counts.rows for chunk in chunks), pl.concat(rejected) if rejected else pl.DataFrame()


def outcome(table: Table, folder: Path) -> str:
    """`equal`, `rejected …` or `refused …`, with the cause; nothing else may be.

    Raises:
        AssertionError: rows vanished, or somebody has a value or is somebody that was not written.
        Unwritable: there is nothing to read.
    """
    path, rows = written(table, folder)
    reference = io.BytesIO()
    table.authors.write_parquet(reference)
    (folder / "reference.parquet").write_bytes(reference.getvalue())
    wanted, _, _ = read(str(folder / "reference.parquet"))
    try:
        found, seen, rejected = read(str(path))
    except SourceError as error:
        return "refused: " + str(error).removeprefix(f"{path}: ").split(";")[0].split(", as ")[0][:70]
    assert seen >= rows, f"{rows - seen} rows vanished"
    if rejected.is_empty():
        assert found.rows() == wanted.rows()
        return "equal"
    _nothing_invented(found, wanted)
    return "rejected: " + ", ".join(sorted(rejected["reason"].unique()))


def _nothing_invented(found: pl.DataFrame, wanted: pl.DataFrame) -> None:
    by_id: Mapping[str, dict[str, Any]] = {author["author_id"]: author for author in wanted.to_dicts()}
    for author in found.to_dicts():
        original = by_id[author["author_id"]]
        assert all(paper in original["papers"] for paper in author["papers"])
        for name in ("author_name", "primary_affiliation", "topics"):
            assert author[name] == original[name]

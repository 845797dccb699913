"""The faults of sources by their numbers in the list of faults: each with cases, and exactly what comes of them.

A case makes a source in a folder. What comes: the ids of its authors and what is told of the rest, or a refusal that
names the file. Kinds have their own tables and properties in the tests beside this one.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake

from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.sources.building import read, write
from summarizer_assets_tests.sources.delta.databricks_tables import Writer


@dataclass(frozen=True)
class Case:
    """Attributes:
    what: a few words.
    make: makes the source, returns its address.
    ids: of the authors that come; None: the source is refused.
    told: what is told of the rest, as reasons of rows, or columns of values with how often; of a refusal its words.
    holds: further values that the authors must have, as `column: values`.
    """

    what: str
    make: Callable[[Path], str]
    ids: Sequence[str] | None
    told: Sequence[str] = ()
    holds: Sequence[tuple[str, Sequence[object]]] = ()


def text(name: str, *lines: str) -> Callable[[Path], str]:
    return lambda folder: write(folder / name, "\n".join(lines) + "\n")


def parquet(**columns: Sequence[object]) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        pl.DataFrame(columns, strict=False).write_parquet(folder / "a.parquet")
        return str(folder / "a.parquet")

    return make


def arrow(**columns: pa.Array) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        pq.write_table(pa.table(columns), folder / "a.parquet")
        return str(folder / "a.parquet")

    return make


def delta(**columns: Sequence[object]) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        write_deltalake(str(folder / "table"), pl.DataFrame(columns))
        return str(folder / "table")

    return make


def late(key: str, value: object) -> Callable[[Path], str]:
    """A key that begins in the last of 1,501 lines."""
    lines = [json.dumps({"author_id": number, "x": 1, "papers": [{"ut": number}]}) for number in range(1500)]
    return text("a.jsonl", *lines, json.dumps({"author_id": "late", "papers": [{"ut": 1}], key: value}))


def in_folder(name: str, file: str = "a.csv", content: str = "id,title\n1,T\n") -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        write(folder / "source" / name / file, content)
        return str(folder / "source")

    return make


def inside(table: str, address: str) -> Callable[[Path], str]:
    """A folder that holds a table's mark and a data file, and an address of it."""

    def make(folder: Path) -> str:
        write(folder / "lake" / "t" / table, "{}")
        pl.DataFrame({"id": [1], "name": ["N"]}).write_parquet(folder / "lake" / "t" / "a.parquet")
        return str(folder / address)

    return make


def linked(target: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        write(folder / "elsewhere" / "a.csv", "id,name\n1,N\n")
        (folder / "source").mkdir()
        (folder / "source" / "link").symlink_to(target)
        return str(folder / "source")

    return make


def widened(feature: str) -> Callable[[Path], str]:
    def make(folder: Path) -> str:
        schema = pa.schema([("id", pa.int64()), ("name", pa.string())])
        writer = Writer(folder / "table", schema, reader_features=[feature])
        writer.commit(writer.file([{"id": 1, "name": "N"}]))
        return str(writer.folder)

    return make


FAULTS: dict[int, list[Case]] = {
    103: [
        Case("a spreadsheet's floats", text("a.csv", "id,name", "1.23457E+11,A", "1.2E+11,B"), [], ["unusable_id"] * 2),
        Case("R's floats", text("a.csv", "id,name", "1e+05,A", "4.0,B"), ["100000", "4"]),
        Case(
            "floats in Parquet",
            parquet(id=[1e5, 4.0, 2.0**53, 1.5], name=["N"] * 4),
            ["100000", "4"],
            ["unusable_id"] * 2,
        ),
        Case(
            "floats in JSON",
            text("a.jsonl", '{"id": 1e5, "name": "A"}', '{"id": 1e30, "name": "B"}'),
            ["100000"],
            ["unusable_id"],
        ),
        Case(
            "floats as texts in Delta",
            delta(id=["1e+05", "4.0", "1.2E+11"], name=["N"] * 3),
            ["100000", "4"],
            ["unusable_id"],
        ),
        Case("a thousand, or one", text("a.csv", "id,name", "1.000,A"), [], ["unusable_id"]),
        Case("zeros and codes stay", parquet(id=["007", "1.5", "A-1"], name=["N"] * 3), ["007", "1.5", "A-1"]),
    ],
    104: [
        Case(
            "ids",
            text("a.csv", "id,name", *(f"{word},N" for word in ("NA", "#N/A", "null", "None", "nan", r"\N"))),
            [],
            ["null_id"] * 6,
        ),
        Case(
            "texts",
            parquet(id=["1"], name=["NULL"], affiliation=["nan"], title=["None"], journal=["#N/A"]),
            ["1"],
            ["author_name 1", "primary_affiliation 1", "title 1", "journal 1"],
            [("author_name", [None])],
        ),
        Case(
            "people of that name",
            parquet(id=["1", "2", "3"], name=["Null", "Nan", "Na"]),
            ["1", "2", "3"],
            [],
            [("author_name", ["Null", "Nan", "Na"])],
        ),
        Case(
            "in JSON",
            text("a.jsonl", r'{"id": 1, "name": "\\N", "topics": ["NA", "Na"]}'),
            ["1"],
            ["author_name 1", "topics 1"],
            [("topics", [["Na"]])],
        ),
    ],
    105: [
        Case(
            "an object for a text",
            text("a.jsonl", '{"id": 1, "name": "A"}', '{"id": 2, "name": {"en": "B"}}'),
            ["1"],
            ["a.jsonl:2"],
        ),
        Case("NaN", text("a.jsonl", '{"id": 1, "name": "A"}', '{"id": 2, "name": NaN}'), ["1"], ["a.jsonl:2"]),
        Case("in an array", text("a.json", '[{"id": 1, "name": "A"},', '{"id": 2, "name": {}}]'), ["1"], ["a.json:2"]),
        Case("in a cell", parquet(id=[1, 2], papers=['[{"ut": "U"}]', '[{"ut": {}}]']), ["1"], ["unreadable_papers"]),
        Case(
            "an object for a list",
            text("a.jsonl", '{"id": 1, "papers": []}', '{"id": 2, "papers": {"ut": 1}}'),
            ["1"],
            ["a.jsonl:2"],
        ),
    ],
    106: [
        Case(
            "under its own name",
            late("topics", ["t"]),
            [*map(str, range(1500)), "late"],
            [],
            [("topics", [[]] * 1500 + [["t"]])],
        ),
        Case(
            "under an alias",
            late("affiliation", "I"),
            [*map(str, range(1500)), "late"],
            [],
            [("primary_affiliation", [None] * 1500 + ["I"])],
        ),
        Case(
            "in another case",
            late("NAME", "N"),
            [*map(str, range(1500)), "late"],
            [],
            [("author_name", [None] * 1500 + ["N"])],
        ),
    ],
    107: [
        Case("of CSV", in_folder("journal=Cell"), ["1"], [], [("journal", ["Cell"])]),
        Case(
            "of JSON",
            in_folder("journal=A%2FB/x=1", "a.jsonl", '{"id": 1, "title": "T"}'),
            ["1"],
            [],
            [("journal", ["A/B"])],
        ),
        Case("of nothing", in_folder("journal=__HIVE_DEFAULT_PARTITION__"), ["1"], [], [("journal", [None])]),
    ],
    108: [
        Case("above a Delta table", inside("_delta_log/0.json", "lake"), None, ["a Delta table"]),
        Case("a glob into one", inside("_delta_log/0.json", "lake/t/*.parquet"), None, ["a Delta table"]),
        Case("a Hudi table", inside(".hoodie/hoodie.properties", "lake/t"), None, ["a Hudi table"]),
        Case("an Iceberg table", inside("metadata/v1.metadata.json", "lake/t"), None, ["an Iceberg table"]),
        Case("a file of one", inside("metadata/v1.metadata.json", "lake/t/a.parquet"), None, ["an Iceberg table"]),
        Case("the table itself", delta(id=[1], name=["N"]), ["1"]),
    ],
    109: [
        Case("followed", linked("../elsewhere"), ["1"]),
        Case("a loop", linked("."), None, ["a loop"]),
        Case("a longer loop", linked(".."), None, ["a loop"]),
        Case("to nothing", linked("../gone"), None, ["where nothing is"]),
    ],
    110: [
        Case(
            "an offset for a zone",
            arrow(id=pa.array([1]), name=pa.array(["N"]), at=pa.array([0], pa.timestamp("us", "+05:30"))),
            ["1"],
        ),
        Case(
            "a map",
            arrow(id=pa.array([1]), name=pa.array(["N"]), m=pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8()))),
            ["1"],
        ),
        Case("widened types in Delta", widened("typeWidening"), ["1"]),
        Case("a check of vacuum", widened("vacuumProtocolCheck"), ["1"]),
        Case("a feature to come", widened("aFeatureOfNextYear"), None, ["needs the reader feature aFeatureOfNextYear"]),
    ],
    111: [
        Case("numpy", parquet(id=[1], topics=["['a' 'b, c']"]), ["1"], [], [("topics", [["a", "b, c"]])]),
        Case("Postgres", parquet(id=[1], topics=['{a,"b, c"}']), ["1"], [], [("topics", [["a", "b, c"]])]),
        Case("DuckDB", parquet(id=[1], topics=["[a, 'b, c']"]), ["1"], [], [("topics", [["a", "b, c"]])]),
        Case("JSON", parquet(id=[1], topics=[r'["caf\u00e9"]']), ["1"], [], [("topics", [["café"]])]),
        Case(
            "one that left items out",
            parquet(id=[1], topics=["['a' ... 'z']"]),
            ["1"],
            ["topics 1"],
            [("topics", [[]])],
        ),
    ],
    112: [
        Case(
            "uncertain",
            parquet(id=[1, 2, 3], title=["T"] * 3, citingsrcslocalcount=["1.000", "1,5", "1E+03"]),
            ["1", "2", "3"],
            ["citingsrcslocalcount 3"],
            [("citingsrcslocalcount", [None] * 3)],
        ),
        Case(
            "certain",
            parquet(id=[1, 2, 3], title=["T"] * 3, citingsrcslocalcount=[" 12 ", "1e3", "1,234"]),
            ["1", "2", "3"],
            [],
            [("citingsrcslocalcount", [12, 1000, 1234])],
        ),
    ],
    113: [],  # bytes of footers are changed in test_parquet.py
}
FAULTS[113] = [
    Case(
        "a time of 96 bits beyond 2262",
        lambda folder: _in_96_bits(folder, 2500),
        ["1"],
        [],
        [("author_name", ["2500-01-01 00:00:00.000000"])],
    )
]

CASES = [pytest.param(case, id=f"{number} {case.what}") for number, cases in FAULTS.items() for case in cases]


def _in_96_bits(folder: Path, year: int) -> str:
    at = pl.Series([f"{year}-01-01"]).str.to_datetime(time_unit="us").to_arrow()
    table = pa.table({"id": [1], "name": at, "title": ["T"]})
    pq.write_table(table, folder / "a.parquet", use_deprecated_int96_timestamps=True)
    return str(folder / "a.parquet")


@pytest.mark.parametrize("case", CASES)
def test_what_comes_of_a_fault_of_a_source(tmp_path, case):
    uri = case.make(tmp_path)
    if case.ids is None:
        with pytest.raises(SourceError, match=case.told[0]) as error:
            read(uri)
        assert str(tmp_path) in str(error.value)
        assert "SUMMARIZER_COLUMNS" not in str(error.value)
        return
    authors, rejected, chunks = read(uri)
    assert authors["author_id"].to_list() == list(case.ids)
    assert _told(rejected, chunks, case) == sorted(case.told)
    papers = authors["papers"].list.first()
    for column, values in case.holds:
        found = authors[column] if column in authors.columns else papers.struct.field(column)
        assert found.to_list() == list(values), column


def _told(rejected: pl.DataFrame, chunks: Sequence, case: Case) -> list[str]:
    """Rejected rows by their reason, or by their place where the case tells that; values by column and number."""
    by_place = any(".json" in told for told in case.told)
    rows = [
        row.partition(": ")[0].rpartition("/")[2] if by_place else reason for reason, row, _ in rejected.iter_rows()
    ]
    lost = sum((chunk.counts.unparsable + chunk.counts.nothing for chunk in chunks), start=type(chunks[0].counts.cut)())
    return sorted(rows + [f"{column} {number}" for column, number in lost.items()])


def test_each_number_has_its_cases():
    assert set(range(103, 114)) <= FAULTS.keys()
    assert all(FAULTS.values())

"""CSV in the dialects that programs write: decided from the file itself, and told."""

import gzip
import logging
import tempfile
from pathlib import Path

import polars as pl
import pytest
import zstandard
from hypothesis import HealthCheck, assume, given, settings

from benchmarks.tables import csv_cost, forms
from benchmarks.tables.dialects import run
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from testing.csv_writers import WRITERS, Unwritable
from testing.random_tables import Table, outcome, read, tables

logging.getLogger("hypothesis").setLevel(logging.ERROR)

HEADER = ("author_id", "author_name", "primary_affiliation", "ut", "title", "journal")
ROWS = (
    ("1", "Ann, A.", "Inst; One", "U1", 'The "smart" city', "J | K"),
    ("2", "Bob", None, "U2", "C:\\dir and $\\alpha$", None),
    ("3", "Cy d'Arc", "Łódź", "U3", 'a 5" pipe', "Zürich"),
    ("4", "Dee", "Two\nlines", "U4", "plain", "\\"),
    ("5", "Eve", "Tab\there", "U5", "'tis", 'ends "so"'),
)
TAME = tuple(tuple(value and value.replace("\n", " ").replace("\t", " ") for value in row) for row in ROWS)
R_SAFE = tuple(tuple(None if value == "\\" else value for value in row) for row in ROWS)


def authors_of(rows):
    return [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in rows]


def found_in(path):
    frame, seen, rejected = read(str(path))
    rows = [
        (a["author_id"], a["author_name"], a["primary_affiliation"], p["ut"], p["title"], p["journal"])
        for a in frame.to_dicts()
        for p in a["papers"]
    ]
    return rows, seen, rejected


@pytest.mark.parametrize("program", sorted(WRITERS.keys() - {"python, escapes"}))
def test_what_a_program_writes_is_read_as_it_meant_it(tmp_path, program):
    rows = TAME if "Web of" in program else R_SAFE if "write.table" in program else ROWS
    (tmp_path / "a.csv").write_bytes(WRITERS[program](HEADER, rows).encode())
    found, seen, rejected = found_in(tmp_path / "a.csv")
    assert (found, seen, len(rejected)) == (authors_of(rows), len(rows), 0)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("packed", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_the_encoding_is_read_from_the_file(tmp_path, encoding, packed):
    text = WRITERS["Excel, semicolons"](HEADER, ROWS)
    data = text.encode(encoding)
    mark = {"utf-16-le": b"", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    (tmp_path / "a.csv").write_bytes(packed(mark + data))
    assert found_in(tmp_path / "a.csv")[0] == authors_of(ROWS)


def test_windows_western_text_is_read_where_it_is_plausible(tmp_path):
    rows = [["1", "Jürgen Müller", "Université de Genève", "U1", "“Smart” cities, a review", None]]
    (tmp_path / "a.csv").write_bytes(WRITERS["python"](HEADER, rows).encode("cp1252"))
    assert found_in(tmp_path / "a.csv")[0] == authors_of(rows)


@pytest.mark.parametrize(
    ("encoding", "name"),
    [
        ("gb18030", "王小明 与 李华"),
        ("shift-jis", "山田太郎"),
        ("koi8-r", "Иванов Пётр"),
        ("cp1251", "Иванов Пётр"),
        ("cp1250", "Wałęsa Żółtański"),
        ("utf-32", "Ann"),
    ],
)
def test_a_code_page_that_would_have_to_be_guessed_is_refused(tmp_path, encoding, name):
    rows = [["1", name, name, "U1", name, name]]
    (tmp_path / "a.csv").write_bytes(WRITERS["python"](HEADER, rows).encode(encoding))
    with pytest.raises(SourceError, match=r"a\.csv: .*iconv"):
        found_in(tmp_path / "a.csv")


def test_a_file_of_two_encodings_is_refused(tmp_path):
    (tmp_path / "a.csv").write_bytes("id,name\n1,Zoë\n".encode() + "2,Chloë\n".encode("latin-1"))
    with pytest.raises(SourceError, match="is UTF-8 up to byte 21 and something else from there"):
        found_in(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("text", "authors"),
    [
        ("id,name\n1,Ann\n\n\r\n2,Bob\n\n", ["Ann", "Bob"]),
        ("\n\nid,name\n1,Ann\n", ["Ann"]),
        ("id,name,\n1,Ann,\n2,Bob,\n", ["Ann", "Bob"]),
        ("id,name\n1,Ann,\n2,Bob,\n", ["Ann", "Bob"]),
        ("id,name,\n1,Ann\n2,Bob\n", ["Ann", "Bob"]),
        ('"","id","name"\n"1",7,"Ann"\n"2",8,"Bob"\n', ["Ann", "Bob"]),
        ('"id","name"\n"1",7,"Ann"\n"2",8,"Bob"\n', ["Ann", "Bob"]),
        ("sep=|\nid|name\n1|Ann\n", ["Ann"]),
        ("id,name\r\n1,Ann\r\n2,Bob\x1a", ["Ann", "Bob"]),
        ("id\tname\n1\tAnn\n\\.\n", ["Ann"]),
        ("id\x01name\n1\x01Ann\n", ["Ann"]),
        ("id^name\n1^Ann\n", ["Ann"]),
        ("id,name\n1,Ann", ["Ann"]),
        ('id,name\n1,"Ann\n', []),
        ("id,name,name\n1,Ann,other\n", ["Ann"]),
    ],
)
def test_what_stands_around_the_rows_is_no_row(tmp_path, text, authors):
    (tmp_path / "a.csv").write_text(text, newline="")
    assert read(str(tmp_path / "a.csv"))[0]["author_name"].to_list() == authors


def test_a_null_id_is_told_with_its_line(tmp_path):
    (tmp_path / "a.csv").write_text('id,name\n1,"Ann\nB."\n,Bob\n\n3,Cy\nNA,Dee\n')
    rejected = read(str(tmp_path / "a.csv"))[2]
    assert [row.split(": ")[0].rpartition(":")[2] for row in rejected["row"]] == ["4", "7"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id;name\n1;Ann\n", 'utf-8, delimiter semicolon, quotes ", 2 columns'),
        ("id\tname\r1\tAnn\r", 'utf-8, delimiter tab, quotes ", lines end with CR, 2 columns'),
        ('id,name\n1,"A \\"b\\""\n', 'utf-8, delimiter comma, quotes " escaped as \\", 2 columns'),
        ('id\tname\n1\t"A" b\n', "utf-8, delimiter tab, quotes are text, 2 columns"),
        ("id,name\n", 'utf-8, delimiter comma, quotes ", 2 columns'),
    ],
)
def test_how_a_file_is_read_is_told(tmp_path, text, words):
    (tmp_path / "a.csv").write_text(text, newline="")
    chunks = list(open_source(str(tmp_path / "a.csv"), {}).chunks(10))
    assert [dict(chunk.counts.read_as) for chunk in chunks] == [{words: 1}]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(table=tables())
def test_any_table_is_read_back_equal_or_refused(table: Table):
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = outcome(table, Path(folder))
        except Unwritable:
            assume(False)
        assert found.split(":")[0] in ("equal", "refused", "rejected")


def test_the_script_of_thousands_counts_its_outcomes():
    found, wrong = run(8, 5)
    assert not wrong
    assert sum(counts.total() for counts in found.values()) == 8


def test_authors_come_through_every_form_with_the_same_record_hash(tmp_path):
    rows = [*ROWS, *((str(100 + n), f"Name {n}", None, f"V{n}", f"{n} \\\\ and \\alpha", "J") for n in range(5))]
    frame = pl.DataFrame(rows, schema=[*HEADER], orient="row")
    papers = frame.with_columns(
        pl.lit(None, pl.String).alias("prefinstitution"), pl.lit(5).alias("citingsrcslocalcount")
    )
    papers.write_parquet(tmp_path / "a.parquet")
    authors = forms.read(tmp_path / "a.parquet")[0].drop("topics")
    found = {one.name: one for one in forms.run(authors, tmp_path)}
    two_ways = "MySQL OUTFILE, commas and quotes, papers as JSON"  # nothing tells its backslashes from R's
    assert [name for name, one in found.items() if not one.good] == [two_ways]
    assert "two ways" in found[two_ways].refused


def test_the_cost_of_the_proof_is_measured_on_the_same_rows(tmp_path):
    csv_cost.write(tmp_path / "a.csv", 500, quoted=True)
    assert {csv_cost.one(str(tmp_path / "a.csv"), how, "shaped")["rows"] for how in ("proved", "trusted")} == {500}

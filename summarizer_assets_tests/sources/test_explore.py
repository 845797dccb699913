"""What a table with names of its own is taken for: the guess and the reading agree, in each format."""

import json
from pathlib import Path

import polars as pl
import pytest

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.explore import explore, setting
from summarizer_assets.sources.source import open_source
from testing.newcomer import HEADER, write_odd_csv

MAPPING = {
    "author_id": "Researcher No.",
    "author_name": "Full Name",
    "primary_affiliation": "University",
    "citingsrcslocalcount": "Cited by",
    "title": "Paper Title",
    "journal": "Source title",
}


def odd_frame(folder: Path) -> pl.DataFrame:
    return pl.read_csv(write_odd_csv(folder / "all.csv", authors=4), separator=";")


def written(folder: Path, kind: str) -> Path:
    frame, path = odd_frame(folder), folder / f"people.{kind}"
    match kind:
        case "parquet":
            frame.write_parquet(path)
        case "jsonl":
            frame.write_ndjson(path)
        case "delta":
            frame.write_delta(str(path))
        case _:
            frame.write_csv(path, separator="\t" if kind == "tsv" else ",")
    return path


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet", "jsonl", "delta"])
def test_a_flat_table_is_read_with_what_was_guessed(tmp_path: Path, kind: str) -> None:
    path = written(tmp_path, kind)
    found = explore(str(path), {})
    assert (found.form, found.problem, found.unclear) == ("flat", "", {})
    assert dict(found.mapping) == MAPPING
    assert found.columns == HEADER
    assert found.unmapped == ["Year", "Notes"]
    assert found.authors["author_id"].to_list() == ["1000", "1001", "1002", "1003"]
    assert found.authors["papers"].list.len().to_list() == [2] * 4
    again = open_source(str(path), json.loads(setting(found.mapping)))
    assert next(again.chunks(100)).authors.equals(found.authors)


@pytest.mark.parametrize("kind", ["parquet", "jsonl"])
def test_fields_of_nested_papers_are_guessed_too(tmp_path: Path, kind: str) -> None:
    rows = [
        {"authorId": f"a{n}", "name": f"N{n}", "works": [{"paperId": n, "paper_title": "T", "venue": "V", "pages": 3}]}
        for n in range(3)
    ]
    path = tmp_path / f"people.{kind}"
    if kind == "parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = explore(str(path), {})
    assert found.form == "nested"
    assert dict(found.mapping) == {
        "author_id": "authorId",
        "author_name": "name",
        "papers": "works",
        "ut": "paperId",
        "title": "paper_title",
        "journal": "venue",
    }
    assert found.unmapped == ["pages"]
    assert found.authors["papers"][0][0]["title"] == "T"


def test_a_number_of_works_is_no_list_of_papers(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("Author ID,Name,Keywords,Works\n1,Ann,tides;glass,12\n2,Bo,maps,3\n")
    found = explore(str(path), {})
    assert found.form == "narrow"
    assert found.unmapped == ["Works"]
    assert found.authors["topics"].to_list() == [["tides", "glass"], ["maps"]]


def test_known_names_need_no_setting(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("author_id,Author_Name,title,year\n1,Ann,On tides,2001\n")
    found = explore(str(path), {})
    assert found.mapping == {}
    assert found.unmapped == ["year"]


def test_what_a_person_said_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("author id,code,name\n1,x,Ann\n2,y,Bo\n")
    found = explore(str(path), {"author_id": "code"})
    assert found.authors["author_id"].to_list() == ["x", "y"]
    assert found.unmapped == ["author id"]


@pytest.mark.parametrize(
    ("header", "says"),
    [
        ("PT\tAU\tTI\tSO\tID\tPY\tUT", "Web of Science's export of papers"),
        ("first name,family name,paper title", "no column is recognised as the author's id"),
    ],
)
def test_where_no_author_can_be_made_the_reason_is_told_with_what_was_found(
    tmp_path: Path, header: str, says: str
) -> None:
    path = tmp_path / "people.csv"
    delimiter = "\t" if "\t" in header else ","
    path.write_text(f"{header}\n{delimiter.join('x' for _ in header.split(delimiter))}\n")
    found = explore(str(path), {})
    assert found.form is None
    assert says in found.problem
    assert found.mapping == {}


def test_a_source_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="nowhere"):
        explore(str(tmp_path / "nowhere.csv"), {})

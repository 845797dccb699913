"""Names of columns: known, mapped, wrong."""

import polars as pl
import pytest

from summarizer_assets.sources.columns import table_layout
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources import building


@pytest.mark.parametrize("name", ["author_id", "daisngid", "id", "DAISNGID", " Author_ID "])
def test_the_id_is_known_by_its_usual_names_in_any_case(name):
    assert table_layout([name, "author_name"], {}, "t").authors["author_id"] == name


def test_the_mapping_wins_over_an_own_name():
    layout = table_layout(["author_id", "orcid", "Name"], {"author_id": "orcid"}, "t")
    assert layout.authors == {"author_id": "orcid", "author_name": "Name"}


def test_a_column_serves_one_of_ours_only():
    assert table_layout(["id", "name"], {"author_name": "id", "author_id": "name"}, "t").authors == {
        "author_id": "name",
        "author_name": "id",
    }


@pytest.mark.parametrize(
    ("columns", "form"),
    [
        (["id", "papers"], "nested"),
        (["id", "papers", "title"], "nested"),
        (["id", "name", "title"], "flat"),
        (["author_id", "author_name", "affiliation", "topics"], "narrow"),
    ],
)
def test_the_form_follows_from_the_columns(columns, form):
    assert table_layout(columns, {}, "t").form == form


def test_a_missing_id_is_named_with_what_was_found_and_what_to_set():
    with pytest.raises(SourceError) as error:
        table_layout(["autor_id", "author_name"], {}, "people.csv")
    for part in ("people.csv", "author_id", "daisngid", "autor_id, author_name"):
        assert part in str(error.value)
    assert """SUMMARIZER_COLUMNS='{"author_id": "autor_id"}'""" in str(error.value)


def test_a_mapped_column_that_is_not_there_is_named_and_the_whole_mapping_shown():
    with pytest.raises(SourceError) as error:
        table_layout(["person", "papr_title", "name"], {"author_id": "person", "title": "paper_title"}, "t")
    assert """SUMMARIZER_COLUMNS='{"author_id": "person", "title": "papr_title"}'""" in str(error.value)


def test_an_id_alone_makes_no_author():
    with pytest.raises(SourceError, match="nothing but an id"):
        table_layout(["author_id", "x"], {}, "t")


def test_columns_that_differ_in_case_only_must_be_chosen_from():
    with pytest.raises(SourceError, match="differ only in case"):
        table_layout(["AUTHOR_ID", "Author_Id", "name"], {}, "t")


def test_fields_of_nested_papers_are_mapped_too(tmp_path):
    frame = pl.DataFrame({"id": [1], "papers": [[{"ut": "a", "Title": "T", "cites": 3}]]})
    authors, _, _ = building.read_frame(tmp_path, frame, {"citingsrcslocalcount": "cites"})
    assert authors["papers"].to_list()[0] == [building.paper("a", "T", citingsrcslocalcount=3)]


def test_papers_of_unknown_fields_are_an_error(tmp_path):
    with pytest.raises(SourceError, match=r"no field of a paper is known.*headline"):
        building.read_frame(tmp_path, pl.DataFrame({"id": [1], "papers": [[{"headline": "T"}]]}))


def test_papers_that_are_no_list_of_structs_are_an_error(tmp_path):
    with pytest.raises(SourceError, match="list of structs"):
        building.read_frame(tmp_path, pl.DataFrame({"id": [1], "papers": [["T"]]}))


@pytest.mark.parametrize("column", [[True], [{"a": 1}], [[1]]])
def test_a_column_that_cannot_be_an_id_is_an_error(tmp_path, column):
    with pytest.raises(SourceError, match="'id' has the type"):
        building.read_frame(tmp_path, pl.DataFrame({"id": column, "name": ["N"]}))


def test_columns_that_will_be_null_are_listed(tmp_path):
    pl.DataFrame({"id": [1], "title": ["T"]}).write_parquet(tmp_path / "a.parquet")
    missing = open_source(str(tmp_path / "a.parquet"), {}).missing
    assert "title" not in missing
    assert {"author_name", "topics", "ut", "journal"} <= set(missing)

"""What pages of assets tell before anything is materialised: groups, places, columns, lineage, freshness, code."""

from pathlib import Path

import dagster as dg
import pytest

from summarizer_assets.core import column_meanings
from summarizer_assets.definitions import build_defs
from summarizer_assets.settings import load_settings

TABLES = ("authors", "author_summaries", "failed_authors")


@pytest.fixture(scope="module")
def specs(tmp_path_factory) -> dict[str, dg.AssetSpec]:
    folder = tmp_path_factory.mktemp("pages")
    settings = {"columns": {"author_id": "person"}, "buckets": 2}
    defs = build_defs(load_settings(None, root=str(folder), source=str(folder / "authors.parquet"), **settings))
    return {spec.key.to_user_string(): spec for spec in defs.resolve_all_asset_specs()}


def test_there_are_three_groups_and_the_source_is_upstream_of_the_tables(specs):
    assert {spec.group_name for spec in specs.values()} == {"summaries", "planning", "upkeep"}
    assert {name for name, spec in specs.items() if spec.group_name == "summaries"} == {"source", *TABLES}
    assert [dep.asset_key for dep in specs["authors"].deps] == [dg.AssetKey("source")]
    assert specs["source"].metadata["dagster/uri"].endswith("authors.parquet")


@pytest.mark.parametrize("table", TABLES)
def test_a_table_tells_its_place_and_what_each_column_holds(specs, table):
    metadata = specs[table].metadata
    assert metadata["dagster/table_name"] == Path(metadata["dagster/uri"]).name == table
    schema = metadata["dagster/column_schema"]
    assert all(column.description for column in schema.columns), "a column without a meaning"
    meanings = {"authors": "AUTHORS", "author_summaries": "SUMMARIES", "failed_authors": "FAILURES"}
    known = set(getattr(column_meanings, meanings[table]))
    assert {column.name for column in schema.columns} == known


def test_the_lineage_names_columns_that_exist_and_the_sources_own_names(specs):
    columns = {table: {one.name for one in specs[table].metadata["dagster/column_schema"].columns} for table in TABLES}
    for table in TABLES:
        for column, deps in specs[table].metadata["dagster/column_lineage"].deps_by_column.items():
            assert column in columns[table]
            for dep in deps:
                upstream = dep.asset_key.to_user_string()
                assert upstream == ("source" if table == "authors" else "authors")
                assert upstream == "source" or dep.column_name in columns[upstream]
    from_source = specs["authors"].metadata["dagster/column_lineage"].deps_by_column
    assert [dep.column_name for dep in from_source["author_id"]] == ["person"]


def test_every_asset_leads_to_the_function_that_makes_it(specs):
    for name, spec in specs.items():
        if name == "source":
            continue
        (reference,) = spec.metadata["dagster/code_references"].code_references
        line = Path(reference.file_path).read_text().splitlines()[reference.line_number - 1]
        assert line.lstrip().startswith(("@dg.asset", "@dg.multi_asset", "@fails_plainly", "def ")), (name, line)
        assert "assets" in Path(reference.file_path).parts


def test_authors_and_the_report_say_when_they_were_not_renewed_for_long(specs):
    assert {name for name, spec in specs.items() if spec.freshness_policy} == {"authors", "summary_report"}

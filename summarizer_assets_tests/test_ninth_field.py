"""A paper gets a ninth field by its description alone, on tables that were made without it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from testing.installation import Installation, write_authors

AUTHORS = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Summarised by the eight fields, from a source that has more."""
    folder = tmp_path_factory.mktemp("eight")
    source = write_authors(folder / "authors.parquet", AUTHORS)
    more = {"language": pl.lit("Welsh"), "references": pl.lit(7), "open_access": pl.lit(value=True)}
    papers = pl.col("papers").list.eval(pl.element().struct.with_fields(**more))
    pl.read_parquet(source).with_columns(papers).write_parquet(source)
    house = Installation(folder / "root", source)
    house.ingest()
    assert all(run.success for run in house.summarize())
    house.assert_each_author_in_one_place()
    return house


@pytest.fixture
def house(made: Installation, tmp_path: Path) -> Installation:
    shutil.copytree(made.given["root"], tmp_path / "root")
    source = shutil.copy(made.given["source"], tmp_path / "authors.parquet")
    house = Installation(tmp_path / "root", source)
    house.summarizer.root.require().name_in(house.summarizer.database, here=True)
    return house


def with_more_fields(house: Installation, which: str, *steps: str) -> list[list[str | None]]:
    """Take steps by a code that has them; the values of the first of them after each."""
    command = [sys.executable, "-m", "summarizer_assets_tests.ninth_field", which, json.dumps(house.given), *steps]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def summaries(house: Installation) -> pl.DataFrame:
    return house.frame("summaries").sort("author_id")


def test_nobody_is_asked_again_for_a_field_that_no_model_reads(house):
    before = summaries(house)
    steps = with_more_fields(house, "unrendered", "summarize", "ingest", "summarize")
    assert steps == [[None], ["Welsh"], ["Welsh"]]  # null where nothing wrote the table since
    assert summaries(house).equals(before)


def test_all_are_asked_again_for_fields_that_are_rendered(house):
    before = summaries(house)
    assert with_more_fields(house, "rendered", "ingest", "summarize") == [["Welsh"], ["Welsh"]]
    after = summaries(house)
    assert after["author_id"].equals(before["author_id"])
    assert not set(after["run_id"]) & set(before["run_id"])
    assert not set(after["content_hash"]) & set(before["content_hash"])


def test_fields_that_the_source_lacks_change_nothing(house):
    source = house.given["source"]
    papers = pl.col("papers").list.eval(pl.struct(pl.element().struct.field("ut", "title")))
    pl.read_parquet(source).with_columns(papers).write_parquet(source)
    versions = house.versions()
    assert with_more_fields(house, "rendered", "summarize", "ingest", "summarize") == [[None]] * 3
    assert house.versions() == versions

"""The tool that makes synthetic authors of any number: what trials and benchmarks at size rest on."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

TOOL = Path(__file__).parents[1] / "tools" / "make_authors.py"
AUTHORS = 3000


def made(folder: Path, *arguments: str) -> pl.DataFrame:
    command = [sys.executable, str(TOOL), str(folder), "--authors", str(AUTHORS), *arguments]
    subprocess.run(command, check=True, capture_output=True)
    return pl.read_delta(str(folder)) if "--delta" in arguments else pl.read_parquet(folder / "*.parquet")


@pytest.fixture(scope="module")
def nested(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return made(tmp_path_factory.mktemp("tables") / "nested")


def test_the_same_arguments_make_the_same_rows_and_another_seed_makes_others(
    tmp_path: Path, nested: pl.DataFrame
) -> None:
    assert made(tmp_path / "again").equals(nested)
    other = made(tmp_path / "other", "--seed", "2")
    assert not other["author_name"].equals(nested["author_name"])


def test_papers_are_heavy_tailed_and_rows_have_what_real_exports_have(nested: pl.DataFrame) -> None:
    papers = nested["papers"].list.len().fill_null(0)
    assert nested["daisngid"].drop_nulls().n_unique() == AUTHORS - nested["daisngid"].null_count()
    assert nested.height > AUTHORS  # some come twice
    median, largest = papers.median(), papers.max()
    assert isinstance(median, float)
    assert isinstance(largest, int)
    assert median <= 2
    assert largest > 100
    assert (papers == 0).any()
    titles = nested["papers"].explode(empty_as_null=False, keep_nulls=False).struct.field("title")
    assert titles.has_nulls()
    assert titles.n_unique() > titles.len() / 2
    for script in (r"\p{Han}", r"\p{Cyrillic}", r"\p{Arabic}", r"\p{Devanagari}", r"\p{Hiragana}"):
        assert titles.str.contains(script).any(), script


def test_the_flat_form_and_the_delta_table_hold_the_same_authors(tmp_path: Path, nested: pl.DataFrame) -> None:
    flat = made(tmp_path / "flat", "--form", "flat", "--delta")
    expected = nested.explode("papers", empty_as_null=True, keep_nulls=True).unnest("papers")
    assert flat.sort(pl.all(), nulls_last=True).equals(expected.sort(pl.all(), nulls_last=True))


def test_a_day_changes_and_removes_the_shares_that_were_asked_for_and_nobody_else(
    tmp_path: Path, nested: pl.DataFrame
) -> None:
    later = made(tmp_path / "later", "--day", "1", "--changed", "0.05", "--removed", "0.02")
    same = later.join(nested, on=["daisngid", "papers"], how="semi", nulls_equal=True)
    changed = later.filter(~pl.col("daisngid").is_in(same["daisngid"].implode()))
    gone = AUTHORS - later["daisngid"].n_unique()
    assert 0.03 < changed["daisngid"].n_unique() / AUTHORS < 0.07
    assert 0.01 < gone / AUTHORS < 0.035


def test_a_folder_with_rows_of_before_is_refused(tmp_path: Path) -> None:
    (tmp_path / "old.parquet").touch()
    told = subprocess.run([sys.executable, str(TOOL), str(tmp_path)], check=False, capture_output=True, text=True)
    assert told.returncode != 0
    assert "not empty" in told.stderr

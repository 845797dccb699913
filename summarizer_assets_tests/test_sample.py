import subprocess
import sys
from pathlib import Path

import polars as pl
from polars.testing import assert_frame_equal

from summarizer_assets.sample import sample_path

TOOL = Path(__file__).parents[1] / "tools" / "make_sample.py"


def test_the_committed_sample_is_what_the_tool_makes(tmp_path):
    again = tmp_path / "again.parquet"
    subprocess.run([sys.executable, TOOL, "--to", again], check=True)
    assert_frame_equal(pl.read_parquet(again), pl.read_parquet(sample_path()))


def test_the_sample_is_small_and_holds_what_real_exports_hold():
    sample = pl.read_parquet(sample_path())
    assert sample_path().stat().st_size < 300_000
    assert 1000 <= sample.height <= 1100
    counts = sample["papers"].list.len()
    assert (counts >= 300).sum() >= 3
    assert sample["daisngid"].null_count() > 0
    assert sample["daisngid"].drop_nulls().is_duplicated().any()
    papers = sample.select(pl.col("papers").explode()).unnest("papers")
    titles = papers["title"].drop_nulls()
    for wanted in (
        r"\n",
        r"<i>",
        r"&amp;",
        r"\\textit",
        r"\$",
        r'#"',
        r"<\|",
        "Ignore all previous",
        "[\u4e00-\u9fff]",
    ):
        assert titles.str.contains(wanted).any(), wanted
    assert papers["citingsrcslocalcount"].is_in(["n/a"]).any()
    for script in (
        "\u0400-\u04ff",
        "\u0590-\u05ff",
        "\u0600-\u06ff",
        "\u0900-\u097f",
        "\u4e00-\u9fff",
        "\uac00-\ud7af",
    ):
        assert sample["author_name"].str.contains(f"[{script}]").any(), script

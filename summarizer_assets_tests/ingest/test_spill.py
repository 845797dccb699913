"""Spilling: what goes in comes back in order; folders of the dead go, those of the living stay."""

import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.ingest.spill import Spill, SpillError, SpillFolder


@settings(deadline=None, max_examples=30)
@given(rows=st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.text(max_size=5)), max_size=5), max_size=5))
def test_rows_come_back_under_their_key_in_the_order_of_adding(tmp_path_factory, rows):
    spill = Spill(tmp_path_factory.mktemp("spill"))
    for batch in rows:
        values = pl.DataFrame({"value": [[text] for _, text in batch]}, schema={"value": pl.List(pl.String)})
        spill.add(values, pl.Series([key for key, _ in batch], dtype=pl.String))
        spill.flush()
    for key in "abc":
        found = [value for frame in spill.read(key) for [value] in frame["value"].to_list()]
        assert found == [text for batch in rows for k, text in batch if k == key]
        assert (spill.size(key) > 0) == bool(found)


def test_a_small_slice_of_a_large_frame_takes_little_space(tmp_path):
    """Text columns share buffers: written carelessly, each of many keys would carry the texts of all."""
    spill = Spill(tmp_path)
    texts = pl.DataFrame({"text": [f"{number:0300d}" for number in range(2000)]})
    spill.add(texts, pl.Series([str(number % 200) for number in range(2000)]))
    spill.flush()
    assert max(spill.size(str(key)) for key in range(200)) < 20_000


def test_a_folder_goes_when_its_run_ends_even_by_an_error(tmp_path):
    def fail():
        with SpillFolder(tmp_path) as folder:
            (folder / "x").write_text("x")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_folders_of_dead_runs_are_removed_and_those_of_living_ones_kept(tmp_path):
    script = (
        "import os, sys; from pathlib import Path; from summarizer_assets.ingest.spill import SpillFolder\n"
        "SpillFolder(Path(sys.argv[1])).__enter__(); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    [dead] = tmp_path.iterdir()
    with SpillFolder(tmp_path) as living:
        assert not dead.exists()
        with SpillFolder(tmp_path):
            assert living.exists()


def test_a_disk_that_cannot_take_the_rows_is_a_clear_error(tmp_path):
    spill = Spill(tmp_path)
    (tmp_path / "a.arrows").mkdir()
    spill.add(pl.DataFrame({"x": [1]}), pl.Series(["a"]))
    with pytest.raises(SpillError, match=r"a\.arrows: cannot be written.*free space"):
        spill.flush()

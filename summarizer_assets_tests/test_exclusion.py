"""Who is nearly on the list of those never to be sent is not sent; a list that matches nobody is told."""

from pathlib import Path

import polars as pl
import pytest

from summarizer_assets.settings.errors import SettingsError
from summarizer_assets_tests.bucket_run.house import AUTHORS, House, housed
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, write_authors


def with_list(house: House, folder: Path, text: str) -> House:
    (folder / "opted-out").write_text(text, encoding="utf-8")
    return house.with_settings(exclude=str(folder / "opted-out"))


def test_nobody_is_asked_while_somebody_is_nearly_on_the_list(tmp_path: Path) -> None:
    with housed(tmp_path) as house:
        house.ingest()
        listed = with_list(house, tmp_path, "# who opted out\n4\n7.0\n")
        with pytest.raises(
            SettingsError, match=r"line 3: '7.0' is no author's id, but '7' is, who would be sent; nobody"
        ):
            listed.work()
        assert house.app.entries == []
        assert with_list(house, tmp_path, "4\n7\n").asked_by(listed.work).keys() == {
            str(number) for number in range(1, AUTHORS + 1)
        } - {"4", "7"}


def test_a_line_that_names_one_author_exactly_says_nothing_of_another_with_zeros_in_front(tmp_path: Path) -> None:
    source = write_authors(tmp_path / "authors.parquet", 2)
    ids = pl.read_parquet(source).with_columns(daisngid=pl.Series(["7", "007"]))
    ids.write_parquet(source)
    (tmp_path / "opted-out").write_text("7\n")
    house = Installation(tmp_path / "root", source, buckets=4, exclude=str(tmp_path / "opted-out"))
    house.ingest()
    assert all(run.success for run in house.summarize())
    assert house.frame("summaries")["author_id"].to_list() == ["007"]
    assert house.frame("failures").select("author_id", "reason").rows() == [("7", "excluded")]


@pytest.mark.parametrize(("text", "told"), [("x9\nx8\n", True), ("x9\n3\n", False), ("# nobody yet\n", False)])
def test_a_list_that_matches_nobody_is_told_by_the_ingest_s_check_and_by_the_sensor(
    tmp_path: Path, text: str, told: bool
) -> None:
    (tmp_path / "opted-out").write_text(text)
    source = write_authors(tmp_path / "authors.parquet", 6)
    house = Installation(tmp_path / "root", source, buckets=2, exclude=str(tmp_path / "opted-out"))
    ingest = house.ingest()
    [check] = [one for one in ingest.get_asset_check_evaluations() if one.check_name == "excluded_are_authors"]
    assert check.passed is not told
    assert ("none is an author's" in (check.description or "")) == told
    ticking = Ticking(house)
    assert any("none is an author's" in line for line in ticking.tick().log) == told


def test_an_id_that_begins_with_a_hash_can_be_listed(tmp_path: Path) -> None:
    source = write_authors(tmp_path / "authors.parquet", 2)
    pl.read_parquet(source).with_columns(daisngid=pl.Series(["#7", "8"])).write_parquet(source)
    (tmp_path / "opted-out").write_text("# people\n#7\n")
    house = Installation(tmp_path / "root", source, buckets=1, exclude=str(tmp_path / "opted-out"))
    house.ingest()
    house.summarize()
    assert house.frame("summaries")["author_id"].to_list() == ["8"]
    assert house.frame("failures")["author_id"].to_list() == ["#7"]

"""What an ingest took comes back by one command, and nobody is asked for it again."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from summarizer_assets import undo_ingest
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.storage.errors import ClaimRefused, TableError
from summarizer_assets_tests.bucket_run.house import House, housed

AUTHORS = 30


class Place:
    """Thirty authors; all have a summary but number 3, whom the model refuses."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.source = Path(house.installation.given["source"])
        self.good = self.source.with_suffix(".good")
        shutil.copy(self.source, self.good)

    def use(self, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        change(pl.read_parquet(self.good)).write_parquet(self.source)

    def ingest(self) -> str:
        """Whatever it takes; returns its id."""
        self.house.ingest()
        return undo_ingest.ingests(self.house.summarizer)[-1].id

    def work(self) -> int:
        """Run the bucket; returns how many authors are asked."""
        return sum(self.house.asked_by(self.house.work).values())

    def undo(self, name: str) -> undo_ingest.Undone:
        found = undo_ingest.ingests(self.house.summarizer)
        return undo_ingest.undo(self.house.summarizer, undo_ingest.chosen(found, name[:8]))

    def rows(self) -> dict[str, Any]:
        return {name: self.house.frame(name).sort("author_id").rows() for name in ("authors", "summaries", "failures")}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with housed(tmp_path, AUTHORS, max_attempts=1, retry_after_s=0) as house:
        house.ingest()
        house.app.use(Plan(rules=(Rule("refusal", authors=("3",)),)))
        house.work()
        assert house.frame("summaries").height == AUTHORS - 1
        yield Place(house)


def half(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.head(AUTHORS // 2)


def decimal(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.format("x{}", "daisngid").alias("daisngid"))


def hollow(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.col("papers").list.head(0))


def renamed(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(author_name=pl.lit("Somebody"), primary_affiliation=pl.lit(None, pl.String))


@pytest.mark.parametrize(
    ("wrong", "worked"),
    [(half, True), (decimal, False), (decimal, True), (hollow, True), (renamed, False)],
    ids=["half of them", "other ids, not asked yet", "other ids", "nothing to summarise", "other names, not asked yet"],
)
def test_all_is_as_it_was_and_nobody_is_asked(
    place: Place, wrong: Callable[[pl.DataFrame], pl.DataFrame], worked: bool
) -> None:
    before = place.rows()
    place.use(wrong)
    run_id = place.ingest()
    if worked:
        place.work()
    place.undo(run_id)
    assert place.work() == 0
    assert place.rows() == before
    place.use(lambda rows: rows)
    versions = place.house.installation.versions()
    place.house.ingest()
    assert place.work() == 0
    assert not place.undo(run_id).summaries
    assert place.house.installation.versions() == versions


@pytest.mark.parametrize("wrong", [half, renamed], ids=["half of them", "other names"])
def test_after_the_right_source_was_read_again_their_summaries_still_come_back(
    place: Place, wrong: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    before = place.rows()
    place.use(wrong)
    run_id = place.ingest()
    place.work()
    place.use(lambda rows: rows)
    place.ingest()
    assert place.rows()["authors"] == before["authors"]
    place.undo(run_id)
    assert place.work() == 0
    assert place.rows() == before


def test_who_has_changed_since_stays_as_they_are(place: Place) -> None:
    place.use(half)
    run_id = place.ingest()
    place.work()
    name = pl.when(daisngid=20).then(pl.lit("New Name")).otherwise("author_name").alias("author_name")
    place.use(lambda rows: rows.with_columns(name))
    place.ingest()
    place.undo(run_id)
    assert dict(place.house.frame("authors").select("author_id", "author_name").rows())["20"] == "New Name"
    assert place.work() == 1
    place.house.installation.assert_each_author_in_one_place()


def test_who_opted_out_meanwhile_does_not_come_back(place: Place, tmp_path: Path) -> None:
    place.use(half)
    run_id = place.ingest()
    place.work()
    (tmp_path / "out.txt").write_text("20\n3\n")
    place.house = place.house.with_settings(exclude=tmp_path / "out.txt")
    place.undo(run_id)
    assert "20" not in place.house.frame("summaries")["author_id"].to_list()
    assert place.work() == 0


def test_a_bucket_at_work_is_refused_and_a_version_that_is_gone_named(place: Place) -> None:
    place.use(half)
    run_id = place.ingest()
    with place.house.summarizer.state.claim("0000", "another"), pytest.raises(ClaimRefused, match="0000"):
        place.undo(run_id)
    then = undo_ingest.ingests(place.house.summarizer)[-1].summaries
    old = place.house.summarizer.tables.summaries.at(then).file_uris()
    place.work()
    for file in old:
        Path(file).unlink()
    with pytest.raises(TableError, match="kept for 7 days"):
        place.undo(run_id)


def test_the_command_lists_and_undoes(place: Place) -> None:
    def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "summarizer_assets", "undo-ingest", *arguments],
            env=place.house.installation.environment() | {"PYTHONPATH": str(Path(__file__).parents[1])},
            cwd=place.source.parent,
            capture_output=True,
            text=True,
            check=False,
        )

    before = place.rows()
    place.use(half)
    run_id = place.ingest()
    place.work()
    listed = command().stdout
    assert f"{run_id[:8]}  " in listed
    assert listed.splitlines()[-1].endswith(f"summarizer undo-ingest {run_id[:8]}")
    told = command(run_id[:8])
    assert told.stdout.startswith("15 authors are back, with 15 summaries and 0 failures.")
    assert place.rows() == before
    unknown = command("nothing")
    assert unknown.returncode == 2
    assert "no ingests" in unknown.stderr

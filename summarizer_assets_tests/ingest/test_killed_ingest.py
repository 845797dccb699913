"""81. An ingest killed at any point, its commits included: each bucket is as before or after; the next run ends it."""

import random
import shutil
import time
from pathlib import Path

import polars as pl
import pytest

from summarizer_assets_tests.ingest.dying import POINTS, ingest, tables_at
from testing.table_rows import start

AUTHORS = 400
PROGRAM = "import sys; from summarizer_assets_tests.ingest.dying import main; main(*sys.argv[1:])"


def by_bucket(root: Path) -> dict[str, pl.DataFrame]:
    rows = tables_at(root)[0].read().collect().sort("author_id")
    return {str(bucket): part for (bucket,), part in rows.partition_by("bucket", as_dict=True).items()}


def rejected(root: Path) -> list[tuple[object, ...]]:
    return tables_at(root)[1].read().collect().rows()


def authors(numbers: range, affiliation: pl.Expr) -> pl.DataFrame:
    ids = pl.Series("author_id", [str(number) for number in numbers])
    titles = [[{"ut": f"P{number}", "title": f"On the {number}th tide"}] for number in numbers]
    frame = pl.DataFrame({"author_id": ids, "author_name": "Somebody", "papers": titles})
    return frame.with_columns(affiliation.alias("primary_affiliation"))


class World:
    """A root with the authors of the source as it was, and a source that has changed since."""

    def __init__(self, folder: Path) -> None:
        self.root, self.source, self.unharmed = folder / "root", folder / "source", folder / "unharmed"
        authors(range(AUTHORS), pl.lit("An institute")).write_delta(self.source)
        ingest(self.root, self.source)
        self.before = by_bucket(self.root)
        moved = authors(range(20, AUTHORS + 20), pl.lit("Another institute"))  # some go, some come, one is nobody
        nobody = moved.head(1).with_columns(pl.lit(None, pl.String).alias("author_id"))
        pl.concat([moved, nobody]).write_delta(self.source, mode="overwrite")
        ingest(self.unharmed, self.source)
        self.after = by_bucket(self.unharmed)

    def run(self, point: str = "", kill_after_s: float | None = None) -> float | None:
        """Seconds that the ingest took; None: it was killed."""
        with start(PROGRAM, self.root, self.source, point) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            assert process.stdout.readline() == "ready\n"
            began = time.monotonic()
            process.stdin.write("go\n")
            process.stdin.flush()
            if kill_after_s is not None:
                time.sleep(kill_after_s)
                process.kill()
            said = process.stdout.read()
        return time.monotonic() - began if said == "done\n" else None

    def assert_whole(self) -> None:
        """Every bucket can be read, and all of it is of one state of the source."""
        found = by_bucket(self.root)
        assert found.keys() == self.before.keys()
        for bucket, rows in found.items():
            assert rows.equals(self.before[bucket]) or rows.equals(self.after[bucket]), bucket

    def complete(self) -> None:
        """The next run, after which nothing tells that the one before was killed."""
        ingest(self.root, self.source)
        found = by_bucket(self.root)
        assert found.keys() == self.after.keys()
        assert all(found[bucket].equals(rows) for bucket, rows in self.after.items())
        assert rejected(self.root) == rejected(self.unharmed) != []
        assert [path for path in (self.root / "spill").rglob("*") if path.is_file()] == []


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> World:
    return World(tmp_path_factory.mktemp("made"))


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy without marks of what was read, for those are of a root: its source is read whole."""
    copy = World.__new__(World)
    copy.__dict__.update(made.__dict__, root=shutil.copytree(made.root, tmp_path / "root"))
    return copy


@pytest.mark.slow
@pytest.mark.parametrize("point", [point for point in POINTS if point != "amid a removal"])
def test_an_ingest_that_dies_at_a_point_is_completed_by_the_next_one(world: World, point: str) -> None:
    assert world.run(point) is None
    world.assert_whole()
    world.complete()


def test_what_a_killed_ingest_put_aside_is_removed_though_the_next_one_dies_over_it(world: World) -> None:
    assert world.run("between its commits") is None
    assert any((world.root / "spill").rglob("*.arrows"))
    assert world.run("amid a removal") is None
    world.assert_whole()
    world.complete()


@pytest.mark.slow
def test_an_ingest_killed_again_and_again_at_random_loses_nothing(made: World) -> None:
    draw = random.Random(81)
    at_most, killed = 0.5, 0
    for _ in range(5):
        ended = made.run(kill_after_s=draw.uniform(0, at_most))
        killed += ended is None
        at_most = at_most / 2 if ended is not None else at_most
        made.assert_whole()
    assert killed
    made.complete()

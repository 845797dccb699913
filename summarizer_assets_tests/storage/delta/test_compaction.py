"""Only one compacts a bucket at a time: delta-rs would let two commit."""

import contextlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import pytest

from summarizer_assets.storage.delta.changes import Append, Compact
from summarizer_assets.storage.delta.commits import commit_properties
from summarizer_assets.storage.delta.maintenance import maintain
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.database import Database
from summarizer_assets.storage.state_db.state import StateStore
from testing.installation import Installation, write_authors
from testing.table_rows import content, rows, table_at

BUCKET = "0000"


def state_in(folder: Path) -> StateStore:
    return StateStore(Database(str(folder / "state.sqlite")), "root")


def add_small_files(table: BucketedTable, number: int) -> None:
    writer = table.writer(BUCKET, table.fence(BUCKET, table.open()))
    for file in range(4):
        writer.apply(Append(BUCKET, rows(BUCKET, [f"{number}-{file}"])))


def test_two_compactions_of_the_same_files_double_each_row_which_is_why_there_is_a_lock(tmp_path: Path) -> None:
    """Should this fail one day, delta-rs notices the conflict, and the lock has become a courtesy."""
    table = table_at(tmp_path)
    add_small_files(table, 0)
    first, second = table.open(), table.open()
    assert first is not None
    assert second is not None
    for handle in (first, second):
        handle.optimize.compact(commit_properties=commit_properties())
    assert table.read().collect().height == 8


def test_maintenance_that_runs_twice_at_once_leaves_each_row_once(tmp_path: Path) -> None:
    table, state = table_at(tmp_path), state_in(tmp_path)

    def compaction(runner: str) -> "partial[AbstractContextManager[bool]]":
        return partial(state.compaction, run_id=runner)

    with ThreadPoolExecutor(2) as pool:
        for number in range(6):
            add_small_files(table, number)
            done = list(pool.map(lambda runner: maintain(table, (), compaction(runner)), ["first", "second"]))
            assert any(one is not None and one.buckets_compacted for one in done)
    assert len(content(table)) == 24


def test_a_bucket_that_its_run_compacts_is_left_to_it_and_told(tmp_path: Path) -> None:
    table, state = table_at(tmp_path), state_in(tmp_path)
    add_small_files(table, 0)
    with state.compaction(BUCKET, "a run") as ours:
        assert ours
        done = maintain(table, (), partial(state.compaction, run_id="maintenance"))
    assert done is not None
    assert (done.buckets_compacted, done.files_after) == (0, 4)
    assert done.left == ["bucket 0000 is compacted by its run"]
    later = maintain(table, (), partial(state.compaction, run_id="maintenance"))
    assert later is not None
    assert (later.files_after, later.left) == (1, [])


def test_who_compacts_holds_no_claim_on_the_bucket_and_counts_as_no_run(tmp_path: Path) -> None:
    state = state_in(tmp_path)
    with state.compaction(BUCKET, "maintenance") as ours:
        assert ours
        assert state.holders() == {}
        assert state.active_runs() == 0
        with state.claim(BUCKET, "a run"):
            assert state.active_runs() == 1
        with state.compaction(BUCKET, "a run") as second:
            assert not second
        with state.compaction("0001", "a run") as another:
            assert another
    with state.compaction(BUCKET, "a run") as after:
        assert after


@pytest.mark.parametrize("taken", [True, False])
def test_a_run_compacts_its_bucket_unless_the_maintenance_does(tmp_path: Path, taken: bool) -> None:
    house = Installation(tmp_path / "root", write_authors(tmp_path / "authors.parquet", 10))
    house.ingest()
    summarizer = house.summarizer
    with contextlib.ExitStack() as stack:
        if taken:
            assert stack.enter_context(summarizer.state.compaction(BUCKET, "table_maintenance"))
        run = stack.enter_context(summarizer.bucket_run(BUCKET, "a run", log=lambda _: None))
        kinds = [type(change) for change in run.summaries.changes]
    assert kinds == ([Append] if taken else [Append, Compact])

"""91. A damaged log of one of our own tables: a named error with its remedy, never a silent loss, never a paid call."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from deltalake import DeltaTable

from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import LogDamaged
from summarizer_assets_tests.bucket_run.house import Fuse, House, housed, new_titles
from testing.table_rows import content, rows, table_at

Damage = Callable[[Path], None]


def entries(log: Path) -> list[Path]:
    return sorted(log.glob("*.json"))


def checkpoint(log: Path) -> Path:
    return max(log.glob("*.checkpoint.parquet"))


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def zeroed(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def cut_between_lines(path: Path) -> None:
    path.write_bytes(path.read_bytes().splitlines(keepends=True)[0])


OF_ENTRIES: dict[str, Damage] = {
    "the last one empty": lambda log: emptied(entries(log)[-1]),
    "the last one zeros": lambda log: zeroed(entries(log)[-1]),
    "the last one cut": lambda log: cut(entries(log)[-1]),
    "the last one cut between two lines": lambda log: cut_between_lines(entries(log)[-1]),
    "an earlier one empty": lambda log: emptied(entries(log)[-2]),
    "an earlier one cut": lambda log: cut(entries(log)[-2]),
    "an earlier one gone": lambda log: entries(log)[-2].unlink(),
    "all gone": shutil.rmtree,
}
OF_CHECKPOINTS: dict[str, Damage] = {
    "empty": lambda log: emptied(checkpoint(log)),
    "zeros": lambda log: zeroed(checkpoint(log)),
    "cut": lambda log: cut(checkpoint(log)),
    "gone": lambda log: checkpoint(log).unlink(),
}


def changed(table: BucketedTable, *changes: Change) -> BucketedTable:
    for change in changes:
        table.writer(change.bucket, table.fence(change.bucket, table.open())).apply(change)
    return table


def table_of_all_changes(folder: Path) -> BucketedTable:
    table = table_at(folder)
    changed(table, Append("0000", rows("0000", "ab")), Append("0001", rows("0001", "cd")))
    return changed(
        table,
        Append("0000", rows("0000", "e")),
        Compact("0000"),
        Merge("0000", rows("0000", "a", "second"), frozenset("b")),
        Overwrite("0001", rows("0001", "f")),
    )


@pytest.mark.parametrize("with_checkpoint", [False, True])
@pytest.mark.parametrize("damage", OF_ENTRIES)
def test_damage_to_entries_of_the_log_is_told_with_a_remedy(tmp_path, damage, with_checkpoint):
    table = table_of_all_changes(tmp_path)
    if with_checkpoint:
        DeltaTable(table.uri).create_checkpoint()
        changed(table, Append("0002", rows("0002", "g")), Append("0003", rows("0003", "h")))
    content(table)

    OF_ENTRIES[damage](tmp_path / "table" / "_delta_log")

    for use in (table.open, table.ensure, table.read, table.rows_by_bucket):
        with pytest.raises(LogDamaged, match=rf"{table.uri}.*: the table's log is .*back from a backup") as told:
            use()
        assert "\n" not in str(told.value)
        assert "unknown" not in str(told.value)  # the engine's backtrace


@pytest.mark.parametrize("damage", OF_CHECKPOINTS)
def test_damage_to_a_checkpoint_is_told_and_its_remedy_helps(tmp_path, damage):
    table = table_of_all_changes(tmp_path)
    DeltaTable(table.uri).create_checkpoint()
    before = content(changed(table, Append("0002", rows("0002", "g"))))
    log = tmp_path / "table" / "_delta_log"

    OF_CHECKPOINTS[damage](log)

    with pytest.raises(LogDamaged, match=f"{table.uri}.*deleting it and `_last_checkpoint` is enough"):
        table.open()
    for path in (*log.glob("*.checkpoint.parquet"), log / "_last_checkpoint"):
        path.unlink()
    assert content(table) == before


def test_a_table_for_which_somebody_asked_a_change_feed_is_no_damaged_one(tmp_path):
    table = table_at(tmp_path)
    table.ensure().alter.set_table_properties({"delta.enableChangeDataFeed": "true"})
    changed(table, Append("0000", rows("0000", "abcd")), Append("0001", rows("0001", "ef")))
    changed(table, Merge("0000", rows("0000", "ax", "second"), frozenset("b")))
    changed(table, Merge("0000", rows("0000", ""), frozenset("c")))
    changed(table, Overwrite("0001", rows("0001", "g")), Overwrite("0001", rows("0001", "")))
    changed(table, Append("0000", rows("0000", "h")), Compact("0000"))
    assert {author for _, author, _ in content(table)} == set("axdh")


@pytest.mark.parametrize("text", ["", "garbage{", '{"version":3,"size":1}'])
def test_a_damaged_note_of_the_last_checkpoint_costs_nothing(tmp_path, text):
    table = table_of_all_changes(tmp_path)
    DeltaTable(table.uri).create_checkpoint()
    before = content(changed(table, Append("0002", rows("0002", "g"))))
    (tmp_path / "table" / "_delta_log" / "_last_checkpoint").write_text(text)
    assert content(table) == before


def test_an_empty_last_entry_may_be_deleted_as_its_error_says(tmp_path):
    table = table_of_all_changes(tmp_path)
    before = content(table)
    changed(table, Append("0000", rows("0000", "z")))
    [*_, last] = entries(tmp_path / "table" / "_delta_log")
    emptied(last)
    with pytest.raises(LogDamaged, match="or delete it, the last entry"):
        table.open()
    last.unlink()
    assert content(changed(table, Append("0000", rows("0000", "z")))) == before | {("0000", "z", "first")}


def test_a_table_that_another_makes_at_this_moment_is_no_damaged_one(tmp_path):
    table = table_at(tmp_path)
    (tmp_path / "table").mkdir()
    assert table.open() is None
    assert content(changed(table, Append("0000", rows("0000", "a")))) == {("0000", "a", "first")}


@pytest.fixture
def house(tmp_path):
    with housed(tmp_path) as house:
        house.ingest()
        house.work()
        house.change_source(new_titles(1, 2, 3))
        house.ingest()
        yield house


@pytest.mark.parametrize("name", ["authors", "author_summaries"])
@pytest.mark.parametrize("damage", OF_ENTRIES)
def test_nobody_is_asked_on_a_damaged_log(house: House, tmp_path, name, damage):
    asked = house.asked()
    log = tmp_path / "root" / name / "_delta_log"
    kept = shutil.copytree(log, tmp_path / "backup")
    OF_ENTRIES[damage](log)

    with pytest.raises(LogDamaged, match=f"{name}.*backup"):
        house.work()

    assert house.asked() == asked
    shutil.copytree(kept, log, dirs_exist_ok=True)
    assert not house.summarizer.state.holders()
    assert house.asked_by(house.work).keys() == {"1", "2", "3"}
    house.assert_settled()


def test_answers_of_a_commit_that_a_crash_of_the_machine_emptied_are_not_asked_for_again(house: House, tmp_path):
    """They leave the journal once the entry is synced: one that a crash emptied was not, so they are still there."""
    house.change_source(new_titles(*range(1, 31)))
    house.ingest()
    house.killed(Fuse(at=1, after=True))
    answered = house.journaled()
    [*_, last] = entries(tmp_path / "root" / "author_summaries" / "_delta_log")
    emptied(last)
    with pytest.raises(LogDamaged, match="or delete it, the last entry"):
        house.work()
    last.unlink()

    assert answered
    assert not answered & house.asked_by(house.work).keys()
    house.assert_settled()

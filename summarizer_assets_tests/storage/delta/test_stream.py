from collections.abc import Iterator
from pathlib import Path

import pytest

from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge
from summarizer_assets.storage.delta.stream import TableStream, persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import ClaimLost, FenceLost
from testing.table_rows import content, rows, table_at


def stream(table: BucketedTable, changes: Iterator[Change]) -> TableStream:
    snapshot = table.open()
    return TableStream(changes, lambda bucket: table.fence(bucket, snapshot))


def test_each_change_is_in_the_table_before_the_next_one_is_made(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    seen: list[int] = []

    def changes() -> Iterator[Change]:
        for number, author in enumerate("abc"):
            yield Append("0000", rows("0000", author))
            seen.append(len(content(table)))
            yield Append("0001", rows("0001", [f"{number}"]))
            seen.append(len(content(table)))

    written = persist(table, stream(table, changes()))
    assert seen == [1, 2, 3, 4, 5, 6]
    assert (written.commits, written.rows) == (6, 6)


def test_a_stream_without_changes_makes_no_table_and_no_version(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    nothing = persist(table, TableStream(iter(()), lambda _: None))
    assert (nothing.commits, nothing.rows) == (0, 0)
    assert not (tmp_path / "table").exists()


def test_what_was_committed_before_an_error_of_the_producer_stays(tmp_path: Path) -> None:
    table = table_at(tmp_path)

    def changes() -> Iterator[Change]:
        yield Append("0000", rows("0000", "a"))
        raise KeyError

    with pytest.raises(KeyError):
        persist(table, stream(table, changes()))
    assert content(table) == {("0000", "a", "first")}


def test_the_guard_is_asked_before_each_commit_and_its_no_commits_nothing(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    asked: list[int] = []

    def guard() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise ClaimLost

    changes = iter([Append("0000", rows("0000", "a")), Append("0000", rows("0000", "b"))])
    with pytest.raises(ClaimLost):
        persist(table, TableStream(changes, lambda _: None, guard))
    assert content(table) == {("0000", "a", "first")}


def test_a_stream_made_from_an_old_snapshot_commits_nothing(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    late = stream(table, iter([Merge("0000", rows("0000", "a", "late"))]))
    persist(table, stream(table, iter([Append("0000", rows("0000", "a")), Compact("0000")])))
    with pytest.raises(FenceLost):
        persist(table, late)
    assert content(table) == {("0000", "a", "first")}

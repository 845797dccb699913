"""What a commit leaves to the disk's cache, a crash of the machine can take: so it is synced, files before the log."""

import os
from pathlib import Path

import pytest

from summarizer_assets.storage.delta.changes import Append, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.durable import sync_commits
from summarizer_assets.storage.errors import TableError
from testing.table_rows import rows, table_at


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The paths of all that is synced, in order."""
    found: list[Path] = []
    fsync = os.fsync

    def seen(descriptor: int) -> None:
        found.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", seen)
    return found


def test_every_file_of_a_commit_is_synced_before_its_log_entry_and_that_before_the_folders(
    tmp_path: Path, synced: list[Path]
) -> None:
    table = table_at(tmp_path)
    writer = table.writer("0000", None)
    changes = [
        Append("0000", rows("0000", "ab")),
        Append("0000", rows("0000", "cd")),
        Merge("0000", rows("0000", "a", "again"), frozenset("b")),
        Compact("0000"),
        Overwrite("0000", rows("0000", "xyz")),
    ]
    for change in changes:
        synced.clear()
        before = {file.resolve() for file in Path(table.uri).rglob("*.parquet")}
        writer.apply(change)
        new = {file.resolve() for file in Path(table.uri).rglob("*.parquet")} - before
        opened = table.open()
        assert opened is not None
        entry = (Path(table.uri) / "_delta_log" / f"{opened.version():020d}.json").resolve()
        data = [path for path in synced if path.suffix == ".parquet"]
        if not new:
            continue  # a compaction that found nothing to join
        assert new == set(data), change
        assert max(synced.index(path) for path in data) < synced.index(entry)
        assert synced.index(entry) < min(synced.index(path) for path in synced if path.is_dir())


def test_a_disk_that_refuses_is_an_error_and_the_journal_is_not_dropped_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = table_at(tmp_path)
    writer = table.writer("0000", None)
    writer.apply(Append("0000", rows("0000", "a")))

    def refuse(_: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(TableError, match="refused to make it durable"):
        writer.apply(Append("0000", rows("0000", "b")))


def test_statistics_with_line_ends_of_unicode_are_part_of_their_line(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    table.writer("0000", None).apply(Append("0000", rows("0000", ["a\u2028b", "c\x85d"])))
    assert table.rows_by_bucket() == {"0000": 2}


def test_an_object_store_is_durable_by_itself(tmp_path: Path, synced: list[Path]) -> None:
    table = table_at(tmp_path).ensure()
    assert sync_commits("s3://bucket/table", -1, table) == 0
    assert not synced

"""Maintenance changes no row and no fence, gives way to writers, keeps seven days, and does nothing twice."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from summarizer_assets.storage.delta.changes import Append, Merge, Overwrite
from summarizer_assets.storage.delta.maintenance import Files, kept_hours, maintain, small_files, to_compact
from summarizer_assets.storage.delta.table import BucketedTable
from testing.table_rows import content, lines_of, rows, start, table_at

DAY = 24 * 3600


def version(table: BucketedTable) -> int:
    opened = table.open()
    assert opened is not None
    return opened.version()


def filled(folder: Path, commits: int = 12) -> BucketedTable:
    table = table_at(folder)
    for bucket in ("0000", "0001"):
        writer = table.writer(bucket, None)
        for number in range(commits):
            writer.apply(Append(bucket, rows(bucket, [f"{bucket}-{number}"])))
    return table


def test_small_files_are_joined_without_touching_a_row_or_a_fence_and_the_second_time_nothing_is_done(
    tmp_path: Path,
) -> None:
    table = filled(tmp_path)
    before, fences = content(table), {b: table.fence(b, table.open()) for b in ("0000", "0001")}
    busy = maintain(table, busy=["0001"])
    assert busy is not None
    assert (busy.files_before, busy.files_after, busy.buckets_compacted) == (24, 13, 1)
    done = maintain(table)
    assert done is not None
    assert (done.files_before, done.files_after, done.left) == (13, 2, [])
    assert content(table) == before
    assert {b: table.fence(b, table.open()) for b in fences} == fences
    last = version(table)
    assert maintain(table) is not None
    assert version(table) == last
    table.writer("0000", fences["0000"]).apply(Append("0000", rows("0000", ["late"])))  # a run of before goes on
    assert len(content(table)) == len(before) + 1


def test_a_table_in_which_nothing_changed_gets_no_version_and_no_file_is_written(tmp_path: Path) -> None:
    table = filled(tmp_path, commits=3)
    maintain(table)

    def files() -> dict[Path, tuple[int, int]]:
        states = {file: file.stat() for file in Path(table.uri).rglob("*") if file.is_file()}
        return {file: (state.st_ino, state.st_mtime_ns) for file, state in states.items()}

    before = files()
    maintain(table)
    assert files() == before


def aged(table: BucketedTable, days: int) -> None:
    for file in (Path(table.uri) / "_delta_log").iterdir():
        moment = file.stat().st_mtime - days * DAY
        os.utime(file, (moment, moment))


def test_log_entries_go_after_thirty_days_back_to_a_checkpoint_and_are_counted(tmp_path: Path) -> None:
    table = filled(tmp_path, commits=3)
    first = maintain(table)
    aged(table, 20)
    table.writer("0000", table.fence("0000", table.open())).apply(Append("0000", rows("0000", ["of day 20"])))
    second = maintain(table)
    before = content(table)
    aged(table, 11)
    third = maintain(table)
    assert first is not None
    assert second is not None
    assert third is not None
    log = Path(table.uri) / "_delta_log"
    left = {int(file.stem) for file in log.glob("*.json")}
    assert min(left) == first.version_after  # its checkpoint is of before the bound
    assert (second.log_entries_removed, third.log_entries_removed) == (0, first.version_after)
    assert content(table) == before


def test_there_is_nothing_to_maintain_without_a_table(tmp_path: Path) -> None:
    assert maintain(table_at(tmp_path)) is None


def test_an_unpartitioned_table_is_maintained_too(tmp_path: Path) -> None:
    table = BucketedTable(str(tmp_path / "plain"), pl.Schema({"reason": pl.String}), None)
    assert table.replace_all(pl.DataFrame({"reason": ["a"]}))
    assert table.replace_all(pl.DataFrame({"reason": ["b"]}))
    done = maintain(table)
    assert done is not None
    assert done.files_after == 1
    assert table.read().collect()["reason"].to_list() == ["b"]


def test_unused_files_go_after_seven_days_and_not_before(tmp_path: Path) -> None:
    table = filled(tmp_path, commits=1)
    kept, gone = (Path(table.uri) / "bucket=0000" / name for name in ("kept.parquet", "gone.parquet"))
    for file, days in ((kept, 6), (gone, 8)):
        file.write_bytes(b"of a commit that was never made")
        aged = time.time() - days * DAY
        os.utime(file, (aged, aged))
    done = maintain(table)
    assert done is not None
    assert done.files_vacuumed == 1
    assert kept.exists()
    assert not gone.exists()
    assert len(content(table)) == 2


def test_what_was_replaced_today_can_still_be_read_by_its_version(tmp_path: Path) -> None:
    table = filled(tmp_path, commits=3)
    old, before = version(table), content(table)
    table.writer("0000", table.fence("0000", table.open())).apply(Overwrite("0000", rows("0000", ["new"])))
    maintain(table)
    opened = table.open()
    assert opened is not None
    opened.load_as_version(old)
    assert pl.scan_delta(opened).collect().height == len(before)


def test_a_bucket_is_compacted_only_where_fewer_files_pay_for_the_copy() -> None:
    many, large, one = Files(20, 10 * 2**20), Files(2, 150 * 2**20), Files(1, 100)
    assert to_compact({"0": many, "1": large, "2": one, "3": many}, busy={"3"}) == ["0"]


@pytest.mark.parametrize(
    ("told", "hours"), [(None, 168), ("interval 7 days", 168), ("interval 1 hour", 168), ("interval 4 weeks", 672)]
)
def test_no_property_makes_time_travel_shorter_than_promised(told: str | None, hours: int) -> None:
    assert kept_hours(told) == hours


def test_a_property_that_is_no_interval_is_named() -> None:
    with pytest.raises(ValueError, match="deletedFileRetentionDuration = 'soon'"):
        kept_hours("soon")


class _Threads:
    """Runs functions side by side; what any of them raises is raised at the end."""

    def __init__(self) -> None:
        self._errors: list[BaseException] = []
        self._writing = threading.Event()
        self._writing.set()

    def start(self, work: Callable[..., None], *arguments: str) -> threading.Thread:
        thread = threading.Thread(target=self._guarded, args=(work, *arguments))
        thread.start()
        return thread

    def repeat(self, work: Callable[[], object]) -> threading.Thread:
        """Again and again until the writers are done."""

        def again() -> None:
            while self._writing.is_set():
                work()

        return self.start(again)

    def end(self, writers: list[threading.Thread], beside: list[threading.Thread]) -> None:
        for thread in writers:
            thread.join()
        self._writing.clear()
        for thread in beside:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _guarded(self, work: Callable[..., None], *arguments: str) -> None:
        try:
            work(*arguments)
        except BaseException as error:  # noqa: BLE001 - raised again by `end`
            self._errors.append(error)


def test_beside_four_writers_and_a_reader_nothing_is_lost_doubled_or_unreadable(tmp_path: Path) -> None:
    table, keys, commits = table_at(tmp_path, buckets=4), ["0000", "0001", "0002", "0003"], 25
    table.ensure()
    seen = list[int]()

    def write(bucket: str) -> None:
        writer = table.writer(bucket, None)
        for number in range(commits):
            writer.apply(Append(bucket, rows(bucket, [f"{bucket}-{number}"])))
            if number % 10 == 9:
                writer.apply(Merge(bucket, rows(bucket, [f"{bucket}-{number}"], "again")))

    threads = _Threads()
    beside = [threads.repeat(lambda: seen.append(len(content(table)))), threads.repeat(lambda: maintain(table))]
    threads.end([threads.start(write, key) for key in keys], beside)
    assert {author for _, author, _ in content(table)} == {f"{key}-{n}" for key in keys for n in range(commits)}
    assert len(content(table)) == len(keys) * commits
    assert seen == sorted(seen)  # a reader never sees a row go
    maintain(table)
    opened = table.open()
    assert opened is not None
    assert {bucket: small.number for bucket, small in small_files(opened).items()} == dict.fromkeys(keys, 1)


#: A run as its own process: first answers, replacements, its own compaction.
WRITER = """
import sys
from pathlib import Path
from summarizer_assets.storage.delta.changes import Append, Compact, Merge
from testing.table_rows import rows, table_at
bucket, table = sys.argv[2], table_at(Path(sys.argv[1]))
print("ready", flush=True)
input()
writer = table.writer(bucket, None)
for number in range(15):
    writer.apply(Append(bucket, rows(bucket, [f"{bucket}-{number}"])))
    if number % 5 == 4:
        writer.apply(Merge(bucket, rows(bucket, [f"{bucket}-{number}"], "again")))
print(writer.rows)
"""


def test_beside_runs_in_processes_of_their_own_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    table, keys = table_at(tmp_path), ["0000", "0001"]
    table.ensure()
    runs = [start(WRITER, tmp_path, key) for key in keys]
    for run in runs:
        assert run.stdout is not None
        assert run.stdin is not None
        assert run.stdout.readline() == "ready\n"
        run.stdin.write("go\n")
        run.stdin.flush()
    while any(run.poll() is None for run in runs):
        maintain(table)
    assert [lines_of(run) for run in runs] == [["18"], ["18"]]
    again = {f"{key}-{number}" for key in keys for number in (4, 9, 14)}
    assert content(table) == {
        (key, f"{key}-{n}", "again" if f"{key}-{n}" in again else "first") for key in keys for n in range(15)
    }

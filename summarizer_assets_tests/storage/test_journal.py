import errno
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.storage.errors import JournalError
from summarizer_assets.storage.journal import Journal, drop, has_records, replay
from testing.table_rows import start

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
records = st.lists(st.dictionaries(texts, texts | st.integers(-9, 9) | st.none(), max_size=3), min_size=1, max_size=6)


def written(folder: Path, batch: list[dict[str, Any]]) -> Path:
    journal = Journal(folder, "run")
    journal.write(batch)
    segment = journal.cut()
    assert segment is not None
    return segment.seal()


def read_damaged(content: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, f"{1:020d}-run-000001.journal").write_bytes(content)
        left = replay(Path(folder))
        return left.records, left.warnings


def journal_bytes(batch: list[dict[str, Any]]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return written(Path(folder), batch).read_bytes()


@settings(max_examples=40, deadline=None)
@given(batch=records)
def test_what_is_written_is_read_back_in_order_and_without_a_warning(batch: list[dict[str, Any]]) -> None:
    assert read_damaged(journal_bytes(batch)) == (batch, [])


@settings(max_examples=60, deadline=None)
@given(batch=records, data=st.data())
def test_a_file_cut_at_any_byte_gives_the_whole_records_before_the_cut(batch: list[dict[str, Any]], data: Any) -> None:
    content = journal_bytes(batch)
    cut = data.draw(st.integers(0, len(content) - 1))
    whole = content[:cut].count(b"\n")
    found, warnings = read_damaged(content[:cut])
    assert found == batch[:whole]
    at_a_border = cut == 0 or content[cut - 1 : cut] == b"\n"  # as if the rest had never been written
    assert len(warnings) == (0 if at_a_border else 1)


@settings(max_examples=80, deadline=None)
@given(batch=records, data=st.data())
def test_a_byte_changed_anywhere_ends_the_file_before_its_record_with_a_warning(
    batch: list[dict[str, Any]], data: Any
) -> None:
    content = bytearray(journal_bytes(batch))
    at = data.draw(st.integers(0, len(content) - 1))
    before = content[:at].count(b"\n")
    content[at] ^= data.draw(st.integers(1, 255))
    found, warnings = read_damaged(bytes(content))
    assert found == batch[:before]
    assert len(warnings) == 1


@settings(max_examples=80, deadline=None)
@given(noise=st.binary(max_size=60) | st.just(b"00000000 \n") | st.just(b"\n") | st.just(b"ceff8b5a [1]\n"))
def test_noise_is_no_record_and_no_exception(noise: bytes) -> None:
    found, warnings = read_damaged(noise)
    assert found == []
    assert len(warnings) == (1 if noise else 0)


@settings(max_examples=60, deadline=None)
@given(batch=records, zeros=st.integers(1, 5000), cut=st.booleans())
def test_zeros_at_the_end_as_a_file_system_leaves_them_cost_no_record_before_them(
    batch: list[dict[str, Any]], zeros: int, cut: bool
) -> None:
    content = journal_bytes(batch)
    if cut:
        content = content[:-3]
    found, warnings = read_damaged(content + bytes(zeros))
    assert found == (batch[:-1] if cut else batch)
    assert len(warnings) == 1


@settings(max_examples=80, deadline=None)
@given(batch=records, data=st.data())
def test_lines_that_stand_twice_or_in_another_order_say_nothing_that_was_not_written(
    batch: list[dict[str, Any]], data: Any
) -> None:
    lines = journal_bytes(batch).splitlines(keepends=True)
    shuffled = data.draw(st.lists(st.sampled_from(lines), max_size=12))
    found, warnings = read_damaged(b"".join(shuffled))
    assert warnings == []
    assert len(found) == len(shuffled)
    assert all(record in batch for record in found)


@settings(max_examples=80, deadline=None)
@given(batch=records, data=st.data())
def test_of_a_damaged_segment_every_byte_is_kept_and_the_next_replay_says_the_same_without_a_warning(
    batch: list[dict[str, Any]], data: Any
) -> None:
    content = journal_bytes(batch)
    at = data.draw(st.integers(0, len(content) - 1))
    damaged = content[:at] + data.draw(st.binary(max_size=8)) + content[at + data.draw(st.integers(0, 8)) :]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        segment = folder / f"{1:020d}-run-000001.journal"
        segment.write_bytes(damaged)
        first, again = replay(folder), replay(folder)
        assert again.records == first.records
        assert again.warnings == []
        kept = segment.with_name(segment.name + ".damaged")
        assert kept.exists() is bool(first.warnings)
        if first.warnings:
            assert kept.read_bytes() == damaged
            assert kept.name in first.warnings[0]
        drop(first.segments)
        assert not has_records(folder)
        assert kept.exists() is bool(first.warnings)


def test_what_was_put_aside_by_a_process_that_died_over_it_is_read_twice_at_most(tmp_path: Path) -> None:
    segment = written(tmp_path, [{"n": 1}, {"n": 2}])
    damaged = segment.read_bytes()[:-3]
    replay_of = replay(tmp_path)
    drop(replay_of.segments)
    segment.write_bytes(damaged)
    segment.with_name(f"{segment.stem}-good.journal").write_bytes(damaged[: damaged.index(b"\n") + 1])
    left = replay(tmp_path)
    assert [record["n"] for record in left.records] == [1, 1]
    assert [record["n"] for record in replay(tmp_path).records] == [1]


def test_a_file_that_is_no_segment_is_neither_read_nor_deleted(tmp_path: Path) -> None:
    segment = written(tmp_path, [{"n": 1}])
    strangers = [tmp_path / name for name in ("notes.txt", "x.journal", f"{segment.name}.damaged", f"{segment.name}~")]
    for stranger in strangers:
        stranger.write_bytes(segment.read_bytes())
    left = replay(tmp_path)
    assert left.records == [{"n": 1}]
    drop(left.segments)
    assert sorted(tmp_path.iterdir()) == sorted(strangers)
    assert not has_records(tmp_path)


def test_an_empty_segment_is_no_damage_and_is_dropped(tmp_path: Path) -> None:
    segment = tmp_path / f"{1:020d}-run-000001.journal"
    segment.touch()
    assert not has_records(tmp_path)
    left = replay(tmp_path)
    assert (left.records, left.warnings, left.segments) == ([], [], [segment])


def test_a_segment_that_cannot_be_read_stops_the_run_instead_of_paying_again(tmp_path: Path) -> None:
    (tmp_path / f"{1:020d}-run-000001.journal").mkdir()
    with pytest.raises(JournalError, match="paid for"):
        replay(tmp_path)


def test_a_damaged_segment_does_not_hide_the_next_one(tmp_path: Path) -> None:
    first = written(tmp_path, [{"n": 1}, {"n": 2}])
    first.write_bytes(first.read_bytes()[:-3])
    written(tmp_path, [{"n": 3}])
    left = replay(tmp_path)
    assert [record["n"] for record in left.records] == [1, 3]
    assert len(left.warnings) == 1
    assert first.name in left.warnings[0]
    assert "line 2" in left.warnings[0]
    assert "the 1 records before it" in left.warnings[0]


def test_a_killed_process_loses_nothing_that_write_returned_for(tmp_path: Path) -> None:
    program = (
        "import itertools, pathlib, sys\n"
        "from summarizer_assets.storage.journal import Journal\n"
        "journal = Journal(pathlib.Path(sys.argv[1]), 'run')\n"
        "for number in itertools.count():\n"
        "    journal.write([{'n': number, 'text': 'x' * 500}])\n"
        "    print(number, flush=True)\n"
    )
    process = start(program, tmp_path)
    assert process.stdout is not None
    acknowledged = [process.stdout.readline() for _ in range(200)]
    process.kill()
    rest, _ = process.communicate(timeout=60)
    whole = (rest[: rest.rfind("\n") + 1]).split()
    last = int(whole[-1] if whole else acknowledged[-1])
    found = [record["n"] for record in replay(tmp_path).records]
    assert found == list(range(len(found)))
    assert len(found) > last


def test_a_full_disk_is_an_error_with_a_remedy_and_what_is_written_later_is_still_read(tmp_path: Path) -> None:
    program = (
        "import pathlib, resource, signal, sys\n"
        "from summarizer_assets.storage.errors import JournalError\n"
        "from summarizer_assets.storage.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "journal = Journal(pathlib.Path(sys.argv[1]), 'run')\n"
        "journal.write([{'n': 1}])\n"
        "try:\n"
        "    journal.write([{'n': 2, 'text': 'x' * 5000}])\n"
        "except JournalError as error:\n"
        "    print(error)\n"
        "journal.write([{'n': 3}])\n"
    )
    said, _ = start(program, tmp_path).communicate(timeout=60)
    assert "cannot be written" in said
    assert "SUMMARIZER_JOURNAL_DIR" in said
    left = replay(tmp_path)
    assert ([record["n"] for record in left.records], left.warnings) == ([1, 3], [])


def test_a_journal_folder_that_cannot_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(JournalError, match="SUMMARIZER_JOURNAL_DIR"):
        Journal(tmp_path / "file" / "0001", "run").write([{"n": 1}])


def test_segments_are_replayed_in_the_order_in_which_they_were_begun_over_runs(tmp_path: Path) -> None:
    for run, numbers in (("b", (1, 2)), ("a", (3, 4))):
        journal = Journal(tmp_path, run)
        for number in numbers:
            journal.write([{"n": number}])
            segment = journal.cut()
            assert segment is not None
            segment.seal()
    assert [record["n"] for record in replay(tmp_path).records] == [1, 2, 3, 4]


def test_a_clock_that_was_set_back_does_not_change_the_order(tmp_path: Path) -> None:
    later = tmp_path / f"{10**19:020d}-from-the-future-000001.journal"
    written(tmp_path, [{"n": 1}]).rename(later)
    written(tmp_path, [{"n": 2}])
    written(tmp_path, [{"n": 3}])
    assert [record["n"] for record in replay(tmp_path).records] == [1, 2, 3]


def test_a_cut_with_nothing_written_gives_no_segment_and_writing_nothing_makes_none(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "bucket", "run")
    assert journal.cut() is None
    journal.write([])
    assert journal.cut() is None
    journal.close()
    assert not (tmp_path / "bucket").exists()
    journal.write([{"n": 1}])
    segment = journal.cut()
    assert segment is not None
    segment.seal()
    assert journal.cut() is None


def test_a_cut_segment_is_whole_while_the_next_is_written_and_sealed_later(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run")
    journal.write([{"n": 1}])
    first = journal.cut()
    journal.write([{"n": 2}])
    assert first is not None
    drop([first.seal()])
    journal.close()
    assert [record["n"] for record in replay(tmp_path).records] == [2]


def test_a_slow_disk_s_sync_holds_up_no_write_and_is_awaited_before_the_segment_is_sealed(tmp_path, monkeypatch):
    sync, syncing, go_on, synced = os.fdatasync, threading.Event(), threading.Event(), []

    def slow(descriptor):
        syncing.set()
        assert go_on.wait(10)
        sync(descriptor)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    journal = Journal(tmp_path, "run", fsync_s=1e-9)
    journal.write([{"n": 1}])
    assert syncing.wait(10)
    journal.write([{"n": 2}])
    segment = journal.cut()
    assert segment is not None
    assert synced == []
    go_on.set()
    segment.seal()
    assert len(synced) == 2
    assert [record["n"] for record in replay(tmp_path).records] == [1, 2]


@pytest.fixture
def broken_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "broken disk")

    monkeypatch.setattr(os, "fdatasync", broken)


@pytest.mark.usefixtures("broken_disk")
def test_a_sync_that_failed_is_told_by_the_next_write_or_the_seal(tmp_path):
    journal = Journal(tmp_path, "run", fsync_s=1e-9)
    journal.write([{"n": 1}])
    journal._syncing.join()
    with pytest.raises(JournalError, match="broken disk"):
        journal.write([{"n": 2}])
    segment = journal.cut()
    with pytest.raises(JournalError, match="broken disk"):
        segment.seal()


@pytest.mark.usefixtures("broken_disk")
def test_a_sync_that_failed_is_told_by_closing_once(tmp_path):
    journal = Journal(tmp_path, "run", fsync_s=1e-9)
    journal.write([{"n": 1}])
    with pytest.raises(JournalError, match="broken disk"):
        journal.close()
    journal.close()


def test_dropping_deletes_just_the_given_segments_and_twice_does_no_harm(tmp_path: Path) -> None:
    first, second = written(tmp_path, [{"n": 1}]), written(tmp_path, [{"n": 2}])
    drop([first])
    drop([first])
    assert replay(tmp_path).segments == [second]
    assert has_records(tmp_path)
    drop([second])
    assert not has_records(tmp_path)


def test_a_closed_journal_stays_for_the_next_run(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "run")
    journal.write([{"n": 1}])
    journal.close()
    assert replay(tmp_path).records == [{"n": 1}]


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert not has_records(tmp_path / "none")
    left = replay(tmp_path / "none")
    assert (left.records, left.warnings, left.segments) == ([], [], [])

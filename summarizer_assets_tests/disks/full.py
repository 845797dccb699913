"""83. A disk that is full, whatever a run or an ingest writes: said with its remedy; nothing is lost or paid twice."""

import itertools
import random
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from summarizer_assets.ingest.spill import SpillError
from summarizer_assets.storage.delta.changes import Change
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import JournalError, StorageError, TableError
from summarizer_assets_tests.bucket_run.house import BUCKET, House, housed
from summarizer_assets_tests.disks.mounts import Disk
from testing.installation import Installation
from testing.provider import answer

AUTHORS, FULL_AT, LEASE_S = 200, 12, 2.0
SPACE = r"(No space left on device|disk is full).*free space"


@contextmanager
def house_on(disk: Disk, folder: Path, **settings: object) -> Iterator[House]:
    """A house of many requests; at the twelfth the disk is filled up."""
    requests = itertools.count(1)

    def filling(body: bytes) -> bytes:
        if next(requests) == FULL_AT:
            disk.fill()
        return answer(body)

    with housed(folder, AUTHORS, filling, max_in_flight=2, commit_rows=40, **settings) as house:
        house.ingest()
        house.summarizer.lease_s = LEASE_S
        yield house


def kept(house: House) -> set[str]:
    return house.journaled() | set(house.summaries())


def assert_goes_on(house: House, disk: Disk) -> None:
    """What is stored can be read while the disk is full; with space again, nobody of it is asked once more."""
    house = house.with_settings()
    house.summarizer.lease_s = LEASE_S
    until = time.monotonic() + 30
    while house.summarizer.state.holders():  # what lay on the full disk could not be given back
        assert time.monotonic() < until
        time.sleep(0.1)
    stored = kept(house)
    assert stored
    assert_old_versions_are_readable(house.summarizer.tables.summaries)
    disk.free()
    assert not stored & house.asked_by(house.work).keys()
    house.assert_settled()
    assert_old_versions_are_readable(house.summarizer.tables.summaries)


def assert_old_versions_are_readable(table: BucketedTable) -> None:
    newest = table.open()
    for version in range(-1 if newest is None else newest.version() + 1):
        rows = pl.scan_delta(table.uri, version=version).collect()
        assert rows["author_id"].is_unique().all()


def test_a_disk_that_fills_up_under_the_journal(tmp_path):
    disk = Disk(tmp_path / "small", 512)
    with house_on(disk, tmp_path, journal_dir=disk.folder) as house:
        with pytest.raises(JournalError, match=rf"small.*{SPACE}.*SUMMARIZER_JOURNAL_DIR"):
            house.work()
        assert_goes_on(house, disk)


def test_a_disk_that_fills_up_under_the_tables(tmp_path):
    disk = Disk(tmp_path / "root", 1024)
    elsewhere = {"journal_dir": tmp_path / "journal", "state": str(tmp_path / "state.sqlite")}
    with house_on(disk, tmp_path, **elsewhere) as house:
        with pytest.raises(TableError, match=rf"root/author_summaries.*{SPACE}"):
            house.work()
        assert_goes_on(house, disk)


def test_a_disk_that_fills_up_under_the_state_store(tmp_path):
    disk = Disk(tmp_path / "small", 512)
    priced = {"price_input_usd": 1.0, "price_output_usd": 1.0}  # without a budget, under which it waits for a minute
    with house_on(disk, tmp_path, state=str(disk.folder / "state.sqlite"), **priced) as house:
        with pytest.raises(StorageError, match=rf"the state store .*small.*{SPACE}.*SUMMARIZER_STATE"):
            house.work()
        assert_goes_on(house, disk)


@pytest.mark.parametrize("target", ["root", "journal", "state"])
def test_a_disk_that_is_full_from_the_start_is_named_before_anybody_is_asked(tmp_path, target):
    places = {"journal_dir": tmp_path / "journal", "state": str(tmp_path / "state" / "state.sqlite")}
    disk = Disk(tmp_path / target, 1024)
    with housed(tmp_path, **places) as house:
        house.ingest()
        disk.fill()
        with pytest.raises(StorageError, match=rf"{target}.*{SPACE}"):
            house.with_settings().work()
        assert not house.app.entries
        disk.free()
        house.work()
        house.assert_settled()


def write_bulky(path: Path, authors: int) -> Path:
    """A source that no compression makes small."""
    draw = random.Random(7)
    titles = [draw.randbytes(600).hex() for _ in range(authors)]
    pl.DataFrame({"author_id": range(authors), "title": titles, "ut": titles}).write_parquet(path)
    return path


def test_a_disk_that_is_full_amid_an_ingest_leaves_the_table_as_it_was_and_nothing_put_aside(tmp_path):
    disk = Disk(tmp_path / "root", 1024)
    with housed(tmp_path, state=str(tmp_path / "state.sqlite")) as house:
        house.ingest()
        before = house.frame("authors")
        source = write_bulky(tmp_path / "bulky.parquet", 3000)
        bulky = House(Installation(disk.folder, source, **placed(house)), house.app)
        with pytest.raises(SpillError, match=rf"root/spill.*{SPACE}"):
            bulky.ingest()
        assert house.frame("authors").equals(before)
        assert list((disk.folder / "spill").iterdir()) == []
        disk.enlarge(64 * 1024)
        bulky.ingest()
        assert house.frame("authors").height == 3000


def test_a_disk_that_is_full_at_the_commit_of_an_ingest_leaves_the_table_as_it_was(tmp_path):
    disk = Disk(tmp_path / "root", 1024)
    with housed(tmp_path, state=str(tmp_path / "state.sqlite")) as house:
        house.ingest()
        before = house.frame("authors")
        house.change_source(pl.lit("Another institute").alias("primary_affiliation"))
        stream = house.summarizer.ingest([BUCKET], log=lambda _: None, describe=lambda *_: None)
        with pytest.raises(TableError, match=rf"root/authors.*{SPACE}"):
            persist(house.summarizer.tables.authors, replace(stream, changes=filled_first(disk, stream.changes)))
        assert house.frame("authors").equals(before)
        disk.free()
        house.ingest()
        assert set(house.frame("authors")["primary_affiliation"]) == {"Another institute"}
        assert_old_versions_are_readable(house.summarizer.tables.authors)


def filled_first(disk: Disk, changes: Iterable[Change]) -> Iterator[Change]:
    for change in changes:
        disk.fill()
        yield change


def placed(house: House) -> dict[str, object]:
    return {name: value for name, value in house.installation.given.items() if name not in {"root", "source"}}

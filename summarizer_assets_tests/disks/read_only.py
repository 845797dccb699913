"""84. A target that nobody may write to ends the run before its first paid call, whichever target it is."""

from collections.abc import Iterator

import pytest

from summarizer_assets.storage.errors import JournalError, StorageError, TableError
from summarizer_assets_tests.bucket_run.house import BUCKET, House, housed, new_titles
from summarizer_assets_tests.disks.mounts import read_only


@pytest.fixture
def house(tmp_path) -> Iterator[House]:
    """Some authors have a summary, one has a failure; half of the source has changed since."""
    with housed(tmp_path, journal_dir=tmp_path / "journal", state=str(tmp_path / "state" / "state.sqlite")) as house:
        house.ingest()
        yield house


def with_tables(house: House) -> None:
    house.work()
    house.change_source(new_titles(*range(1, 16)))
    house.ingest()


@pytest.mark.parametrize("tables", [True, False])
@pytest.mark.parametrize(
    ("target", "error", "remedy"),
    [
        ("root", TableError, "SUMMARIZER_ROOT"),
        ("root/author_summaries", TableError, "SUMMARIZER_ROOT"),
        ("root/author_summaries/_delta_log", TableError, "SUMMARIZER_ROOT"),
        (f"root/author_summaries/bucket={BUCKET}", TableError, "SUMMARIZER_ROOT"),
        ("root/failed_authors", TableError, "SUMMARIZER_ROOT"),
        ("journal", JournalError, "SUMMARIZER_JOURNAL_DIR"),
        ("state", StorageError, "SUMMARIZER_STATE"),
    ],
)
def test_a_read_only_target_is_named_before_anybody_is_asked(house, tmp_path, target, error, remedy, tables):
    if tables:
        with_tables(house)
    folder = tmp_path / target
    folder.mkdir(parents=True, exist_ok=True)
    asked, versions = house.asked(), house.installation.versions()

    with read_only(folder), pytest.raises(error) as told:
        house.with_settings().work()  # a process that comes anew: what is open stays writable

    assert target in str(told.value)
    assert "make it writable for this user" in str(told.value)
    assert remedy in str(told.value)
    assert house.asked() == asked
    assert house.installation.versions() == versions
    house.work()
    house.assert_settled()


def test_a_read_only_target_does_not_disturb_a_run_without_work(house, tmp_path):
    house.work()
    versions = house.installation.versions()
    with read_only(tmp_path / "root"), read_only(tmp_path / "journal"):
        house.work()
    assert house.installation.versions() == versions


def test_an_ingest_into_a_read_only_table_names_it_and_changes_nothing(house, tmp_path):
    before = house.frame("authors")
    house.change_source(new_titles(3))
    with (
        read_only(tmp_path / "root" / "authors"),
        pytest.raises(TableError, match=r"root/authors: .*Read-only.*make it writable"),
    ):
        house.ingest()
    assert house.frame("authors").equals(before)
    house.ingest()
    assert not house.frame("authors").equals(before)

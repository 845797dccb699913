"""93. A vacuum beside a reader, and data files that are gone: an error that names the table, never fewer rows."""

from pathlib import Path

import pytest

from summarizer_assets.storage.delta.changes import Append, Merge
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import TableError
from summarizer_assets_tests.bucket_run.house import housed, new_titles
from testing.table_rows import content, rows, table_at


def replaced(folder: Path) -> BucketedTable:
    table = table_at(folder)
    table.writer("0000", None).apply(Append("0000", rows("0000", "ab")))
    return table


def vacuum(table: BucketedTable) -> None:
    """As somebody does who keeps nothing, against what the project does by itself."""
    handle = table.open()
    assert handle is not None
    handle.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)


def test_a_reader_whose_files_are_vacuumed_is_told_and_reads_the_newest_version_again(tmp_path: Path) -> None:
    table = replaced(tmp_path)
    old = table.read()
    table.writer("0000", table.fence("0000", table.open())).apply(Merge("0000", rows("0000", "a", "second")))
    vacuum(table)

    with pytest.raises(TableError, match=rf"{table.uri}.*a file .* is gone.*vacuum.*again"), reading(table.uri):
        old.collect()

    assert content(table) == {("0000", "a", "second"), ("0000", "b", "first")}


@pytest.mark.parametrize("name", ["authors", "author_summaries"])
def test_nobody_is_asked_when_data_files_are_gone(tmp_path: Path, name: str) -> None:
    with housed(tmp_path) as house:
        house.ingest()
        house.work()
        house.change_source(new_titles(1))
        house.ingest()
        asked = house.asked()
        handle = {"authors": house.summarizer.tables.authors, "author_summaries": house.summarizer.tables.summaries}
        table = handle[name].open()
        assert table is not None
        for uri in table.file_uris():
            Path(uri.removeprefix("file://")).unlink()

        with pytest.raises(TableError, match=rf"root/{name}.*is gone"):
            house.work()

        assert house.asked() == asked
        assert not house.summarizer.state.holders()

"""The page is put beside the tables as a whole, in a folder and on an object store."""

import os
from pathlib import Path

import pytest

from summarizer_assets.report.place import get, keep_only, put, put_file
from summarizer_assets.storage.errors import StorageError, StoreUnfit
from testing.object_store import SECRET, client, object_store


def test_a_page_takes_the_place_of_the_one_before_and_leaves_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "root"
    place = put(str(root), b"one", {})
    assert put(str(root), b"two", {}) == place == str(root / "report.html")
    assert [file.name for file in root.iterdir()] == ["report.html"]
    assert (root / "report.html").read_bytes() == b"two"
    assert (root / "report.html").stat().st_mode & 0o777 == 0o644


def test_a_page_that_cannot_take_its_place_leaves_the_one_before(tmp_path: Path, monkeypatch) -> None:
    put_file(tmp_path / "page.html", b"one")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"page\.html cannot be written.*free space"):
        put_file(tmp_path / "page.html", b"two")
    assert [file.name for file in tmp_path.iterdir()] == ["page.html"]
    assert (tmp_path / "page.html").read_bytes() == b"one"


def test_a_folder_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "root").write_text("")
    with pytest.raises(StorageError, match=r"report\.html cannot be written"):
        put(str(tmp_path / "root"), b"page", {})


def test_on_an_object_store_the_page_is_an_object_and_a_refusal_names_its_remedy_and_no_secret() -> None:
    with object_store() as options:
        store = client(options)
        store.create_bucket(Bucket="research")
        for page in (b"one", b"two"):
            assert put("s3://research/some/root", page, options) == "s3://research/some/root/report.html"
        [found] = store.list_objects_v2(Bucket="research")["Contents"]
        assert found["Key"] == "some/root/report.html"
        assert store.get_object(Bucket="research", Key=found["Key"])["Body"].read() == b"two"
        scripts = ["report_authors/index.js", "report_authors/0000-000.js", "report_authors/0000-001.js"]
        for name in scripts:
            put("s3://research/some/root", name.encode(), options, name)
        keep_only("s3://research/some/root", scripts[:2], options)
        there = [get("s3://research/some/root", name, options) for name in ("report.html", *scripts)]
        assert there == [b"two", *(name.encode() for name in scripts[:2]), None]
        with pytest.raises(StoreUnfit, match="the bucket nowhere does not exist") as refused:
            put("s3://nowhere/root", b"page", options)
        assert SECRET not in str(refused.value)


@pytest.mark.parametrize("name", ["../state.sqlite", "state.sqlite", "report_authors/../report.html", "report_authors"])
def test_only_files_of_a_report_are_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no file of a report"):
        get(str(tmp_path), name, {})

"""Folders as people have them: columns in their names, links, and tables that are more than their files."""

import errno
import os
from urllib.parse import quote

import polars as pl
import pytest
from deltalake import write_deltalake

from summarizer_assets.sources.errors import SourceError
from summarizer_assets_tests.sources import building
from summarizer_assets_tests.sources.building import compressed, csv_bytes, jsonl_bytes, read, write
from testing.object_store import client, object_store

PEOPLE = {"Cell": [1, 2], "Nature, Physics": [3], "é/=%&": [4], None: [5]}


def partitioned(folder, kind: str, column: str = "journal") -> str:
    """One file for each journal, which only its folder tells."""
    for value, ids in PEOPLE.items():
        frame = pl.DataFrame({"author_id": ids, "author_name": ["N"] * len(ids), "title": [f"T{n}" for n in ids]})
        place = folder / f"{column}={'__HIVE_DEFAULT_PARTITION__' if value is None else quote(value, safe=', ')}"
        place.mkdir(parents=True)
        match kind:
            case "parquet":
                frame.write_parquet(place / "part-0.parquet")
            case "csv":
                write(place / "part-0.csv", csv_bytes(frame))
            case _:
                write(place / "part-0.jsonl.gz", compressed(jsonl_bytes(frame), ".gz"))
    return str(folder)


def journals(uri: str, columns=None, options=None) -> dict[str, str | None]:
    authors, rejected, _ = read(uri, columns, options=options)
    assert rejected.is_empty()
    return {row["author_id"]: row["papers"][0]["journal"] for row in authors.to_dicts()}


WANTED = {str(number): value for value, ids in PEOPLE.items() for number in ids}


@pytest.mark.parametrize("kind", ["parquet", "csv", "jsonl"])
@pytest.mark.parametrize("form", ["folder", "glob", "folders", "other name", "other case", "deeper"])
def test_a_column_in_the_names_of_folders_is_read(tmp_path, kind, form):
    column = {"other name": "Zeitschrift", "other case": "Journal"}.get(form, "journal")
    root = tmp_path / "export" / "year=2020" if form == "deeper" else tmp_path / "export"
    uri = partitioned(root, kind, column)
    if form in {"glob", "folders"}:
        uri += "/*/part-*" if form == "glob" else "/*"
    if form == "deeper":
        uri = str(tmp_path / "export")
    assert journals(uri, {"journal": "Zeitschrift"} if form == "other name" else {}) == WANTED


def test_a_column_of_an_author_in_folders_names_goes_with_nested_papers(tmp_path):
    for place, number in (("affiliation=MIT/a=1", 1), ("affiliation=ETH%20Z%C3%BCrich/a=2", 2)):
        (tmp_path / place).mkdir(parents=True)
        pl.DataFrame({"id": [number], "papers": [[{"ut": "U", "journal": "J"}]]}).write_parquet(
            tmp_path / place / "a.parquet"
        )
        write(tmp_path / "lines" / place / "a.jsonl", f'{{"id": {number}, "papers": [{{"ut": "U", "journal": "J"}}]}}')
    for uri in (str(tmp_path / "*" / "*" / "*.parquet"), str(tmp_path / "lines")):
        authors, _, _ = read(uri)
        assert dict(authors.select("author_id", "primary_affiliation").iter_rows()) == {"1": "MIT", "2": "ETH Zürich"}
        assert authors["papers"].to_list() == [[building.paper("U", journal="J")]] * 2


def test_a_files_own_column_stands_before_its_folders(tmp_path):
    write(tmp_path / "journal=Folder" / "a.csv", "id,title,journal\n1,T,File\n")
    write(
        tmp_path / "lines" / "journal=Folder" / "a.jsonl",
        '{"id": 1, "title": "T", "journal": "File"}\n{"id": 2, "title": "T"}',
    )
    assert journals(str(tmp_path / "journal=*" / "a.csv")) == {"1": "File"}
    assert journals(str(tmp_path / "lines")) == {"1": "File", "2": "Folder"}


def test_a_folder_above_the_source_tells_nothing(tmp_path):
    write(tmp_path / "name=prod" / "in" / "a.csv", "id,title\n1,T\n")
    for uri in ("name=prod/in", "name=prod/in/a.csv", "name=prod/in/*.csv"):
        assert read(str(tmp_path / uri))[0]["author_name"].to_list() == [None]


def test_columns_in_folders_names_are_read_from_s3_and_tables_there_are_refused(tmp_path):
    root = tmp_path / "export"
    partitioned(root, "parquet")
    write_deltalake(str(tmp_path / "lake" / "table"), pl.DataFrame({"id": [1], "name": ["N"]}))
    write(tmp_path / "ice" / "metadata" / "v1.metadata.json", "{}")
    write(tmp_path / "ice" / "data" / "a.csv", "id,name\n1,N\n")
    write(tmp_path / "plain" / "a.csv", "id,name\n1,N\n")
    with object_store() as options:
        store = client(options)
        store.create_bucket(Bucket="authors")
        for path in filter(lambda path: path.is_file(), tmp_path.rglob("*")):
            store.upload_file(str(path), "authors", path.relative_to(tmp_path).as_posix())
        assert journals("s3://authors/export", options=options) == WANTED
        assert read("s3://authors/lake/table", options=options)[0].height == 1
        assert read("s3://authors/plain/*", options=options)[0].height == 1
        for uri, kind in (
            ("lake", "a Delta"), ("lake/table/*.parquet", "a Delta"), ("lake/**/*.parquet", "a Delta"),
            ("ice", "an Iceberg"), ("ice/data", "an Iceberg"), ("ice/data/a.csv", "an Iceberg"),
        ):  # fmt: skip
            with pytest.raises(SourceError, match=f"{kind} table"):
                read(f"s3://authors/{uri}", options=options)


def test_linked_folders_and_files_are_followed(tmp_path):
    write(tmp_path / "elsewhere" / "deep" / "a.csv", "id,name\n1,N\n")
    write(tmp_path / "b.csv", "id,name\n2,N\n")
    source = tmp_path / "source"
    source.mkdir()
    (source / "linked").symlink_to(tmp_path / "elsewhere")
    (source / "b.csv").symlink_to(tmp_path / "b.csv")
    (tmp_path / "link").symlink_to(source)
    for uri in ("source", "link", "source/**/*.csv", "link/*"):
        assert sorted(read(str(tmp_path / uri))[0]["author_id"]) == ["1", "2"], uri


@pytest.mark.parametrize("target", ["..", ".", "../..", "../sub"])
def test_a_link_that_leads_back_is_a_named_error(tmp_path, target):
    write(tmp_path / "source" / "sub" / "a.csv", "id,name\n1,N\n")
    (tmp_path / "source" / "sub" / "back").symlink_to(target)
    for uri in ("source", "source/**/*.csv"):
        with pytest.raises(SourceError, match=r"back: is a link to .* a loop"):
            read(str(tmp_path / uri))


def test_links_that_lead_to_each_other_are_a_named_error(tmp_path):
    for place, link in (("a", "../b"), ("b", "../a")):
        write(tmp_path / "source" / place / "a.csv", "id,name\n1,N\n")
        (tmp_path / "source" / place / "link").symlink_to(link)
    with pytest.raises(SourceError, match=r"link: is a link to .* a loop"):
        read(str(tmp_path / "source"))


def test_a_link_to_nothing_is_a_named_error(tmp_path):
    write(tmp_path / "source" / "a.csv", "id,name\n1,N\n")
    (tmp_path / "source" / "b.csv").symlink_to(tmp_path / "gone.csv")
    for uri in ("source", "source/*.csv", "source/b.csv"):
        with pytest.raises(SourceError, match=r"b.csv: is a link to .*gone.csv, where nothing is"):
            read(str(tmp_path / uri))


def test_a_folder_that_cannot_be_listed_is_a_named_error(tmp_path, monkeypatch):
    write(tmp_path / "source" / "closed" / "a.csv", "id,name\n1,N\n")
    list_folder = os.scandir

    def refusing(place):
        if str(place).endswith("closed"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), place)
        return list_folder(place)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceError, match="closed: cannot be listed: Permission denied"):
        read(str(tmp_path / "source"))


def table(folder, kind: str):
    pl.DataFrame({"id": [1], "name": ["N"]}).write_parquet(write(folder / "data" / "a.parquet", b""))
    match kind:
        case "a Delta":
            write_deltalake(str(folder), pl.DataFrame({"id": [1], "name": ["N"]}))
        case "a Hudi":
            write(folder / ".hoodie" / "hoodie.properties", "x")
        case _:
            write(folder / "metadata" / "00000-x.metadata.json", "{}")


@pytest.mark.parametrize("kind", ["a Delta", "a Hudi", "an Iceberg"])
@pytest.mark.parametrize(
    "uri",
    [
        "",
        "lake",
        "lake/t",
        "lake/t/data",
        "lake/t/data/a.parquet",
        "lake/*/data/*",
        "lake/**/*.parquet",
        "lake/t/*",
        "l*",
    ],
)
def test_files_of_a_table_are_not_read_by_themselves(tmp_path, kind, uri):
    table(tmp_path / "lake" / "t", kind)
    if (kind, uri) == ("a Delta", "lake/t"):
        assert read(str(tmp_path / uri))[0].height == 1
        return
    with pytest.raises(SourceError, match=rf"{kind} table: .*only some are in the table"):
        read(str(tmp_path / uri))


def test_the_log_of_a_table_is_no_source(tmp_path):
    table(tmp_path / "t", "a Delta")
    for uri in ("t/_delta_log", "t/_delta_log/*.json", f"t/_delta_log/{0:020d}.json"):
        with pytest.raises(SourceError, match="a Delta table"):
            read(str(tmp_path / uri))

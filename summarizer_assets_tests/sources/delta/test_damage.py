"""A Delta source that is damaged, or changes while it is read: an error by name and remedy, never rows too few."""

import json

import polars as pl
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from summarizer_assets.sources.delta import files as delta_files
from summarizer_assets.sources.delta.files import DeltaReader
from summarizer_assets.sources.delta.reader import QueryReader, open_delta
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources.building import write
from summarizer_assets_tests.sources.delta.databricks_authors import NESTED, authors, expected, values
from summarizer_assets_tests.sources.delta.databricks_checkpoints import classic_checkpoint, v2_checkpoint
from summarizer_assets_tests.sources.delta.databricks_tables import Writer, removed
from summarizer_assets_tests.sources.delta.databricks_vectors import deleted_inline
from testing.object_store import client, object_store

FLAT = pa.schema([("id", pa.int64()), ("name", pa.string())])
MANY = 20_000  # rows in a file: more than is read ahead


def four_commits(folder) -> Writer:
    writer = Writer(folder, NESTED)
    for start in range(0, 20, 5):
        writer.commit(writer.file(authors(start, start + 5)))
    return writer


@pytest.mark.parametrize("entry", [0, 1, 3])
@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (lambda content: b"", "this entry is empty"),
        (lambda content: b"\0" * len(content), "line 1 is no JSON"),
        (lambda content: content[:-30], "is no JSON: it is cut off"),
        (lambda content: content[: len(content) // 2], "is no JSON: it is cut off"),
    ],
    ids=["empty", "zeros", "end cut", "half"],
)
def test_a_damaged_entry_of_the_log_is_named_wherever_it_is(tmp_path, entry, damaged, message):
    writer = four_commits(tmp_path / "table")
    file = writer.entry(entry)
    file.write_bytes(damaged(file.read_bytes()))
    with pytest.raises(SourceError, match=rf"table's log is damaged: .*{file.name}: .*{message}.*Remedy: put it back"):
        values(str(writer.folder))


@pytest.mark.parametrize("entry", [0, 1, 2])
def test_a_missing_entry_of_the_log_is_named(tmp_path, entry):
    writer = four_commits(tmp_path / "table")
    writer.entry(entry).unlink()
    with pytest.raises(SourceError, match=rf"{entry:020d}.json: .*is missing"):
        values(str(writer.folder))


def test_an_entry_that_lost_whole_lines_is_noticed_where_its_commit_counted_them(tmp_path):
    for name in "ab":
        write_deltalake(str(tmp_path / "table"), pl.DataFrame({"id": [name], "name": [name]}), mode="append")
    entry = tmp_path / "table" / "_delta_log" / f"{1:020d}.json"
    lines = entry.read_bytes().splitlines()
    entry.write_bytes(b"\n".join(line for line in lines if not line.startswith(b'{"add"')))
    with pytest.raises(SourceError, match=r"1.json: this entry is cut off: its commit added 1 files and it names 0"):
        values(str(tmp_path / "table"))


def test_entries_before_the_last_checkpoint_are_nobodys_concern(tmp_path):
    writer = Writer(tmp_path / "table", NESTED)
    adds = [writer.file(authors(start, start + 5)) for start in range(0, 15, 5)]
    for add in adds:
        writer.commit(add)
    classic_checkpoint(writer, adds)
    writer.entry(1).write_bytes(b"")
    writer.commit(writer.file(authors(15, 20)))
    assert values(str(writer.folder)) == expected(authors(0, 20))
    writer.entry(3).write_bytes(b"")
    with pytest.raises(SourceError, match=rf"{3:020d}.json: this entry is empty"):
        values(str(writer.folder))


@pytest.mark.parametrize("damage", ["empty", "cut", "gone"])
@pytest.mark.parametrize("part", ["checkpoint", "sidecar"])
def test_a_damaged_checkpoint_is_an_error(tmp_path, part, damage):
    writer = Writer(tmp_path / "table", NESTED, reader_features=["v2Checkpoint"])
    adds = [writer.file(authors(start, start + 5)) for start in range(0, 15, 5)]
    for add in adds:
        writer.commit(add)
    if part == "checkpoint":
        file = classic_checkpoint(writer, adds)
    else:
        v2_checkpoint(writer, [adds], "json")
        [file] = (writer.log / "_sidecars").iterdir()
    writer.commit(writer.file(authors(15, 20)))
    if damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else file.read_bytes()[:-100])
    with pytest.raises(SourceError, match=r"table: the Delta table('s log is damaged| cannot be opened)"):
        values(str(writer.folder))


def test_a_log_of_nothing_is_a_clear_error(tmp_path):
    write(tmp_path / "table" / "_delta_log" / f"{0:020d}.json", "{broken")
    with pytest.raises(SourceError, match=r"table: the Delta table's log is damaged: .*0.json: line 1 is no JSON"):
        values(str(tmp_path / "table"))


@pytest.mark.parametrize("mapping", ["none", "name"])
@pytest.mark.parametrize("left", [0, -50])
def test_a_data_file_that_is_cut_off_is_named_and_no_row_is_read_as_gone(tmp_path, mapping, left):
    writer = Writer(tmp_path / "table", NESTED, mapping)
    one, two = writer.file(authors(0, 10)), writer.file(authors(10, 20))
    writer.commit(one, two)
    file = writer.folder / two["add"]["path"]
    file.write_bytes(file.read_bytes()[:left])
    with pytest.raises(SourceError, match=rf"{file.name}: has \d+ bytes, and {two['add']['size']} by the log"):
        values(str(writer.folder))


@pytest.mark.parametrize("mapping", ["none", "name"])
def test_rows_that_do_not_come_are_missed_at_the_end(tmp_path, mapping):
    writer = Writer(tmp_path / "table", NESTED, mapping, reader_features=["deletionVectors"])
    add = writer.file(authors(0, 20))
    add["add"]["stats"] = json.dumps({"numRecords": 21})
    writer.commit(deleted_inline(add, [3, 4]))
    with pytest.raises(SourceError, match="18 rows could be read, and by the Delta table's log there are 19"):
        values(str(writer.folder))


def test_a_table_whose_log_counts_no_rows_is_read_all_the_same(tmp_path):
    for mapping in ("none", "name"):
        writer = Writer(tmp_path / mapping, NESTED, mapping)
        writer.commit(writer.file(authors(0, 10), stats=False), writer.file(authors(10, 20)))
        assert values(str(writer.folder)) == expected(authors(0, 20))
        assert delta_files.expected_rows(DeltaTable(str(writer.folder))) is None


def large(folder, mapping: str) -> tuple[Writer, list[dict]]:
    """Six files, more than an engine reads ahead."""
    writer = Writer(folder, FLAT, mapping)
    adds = [
        writer.file([{"id": number, "name": f"Name {number}"} for number in range(start, start + MANY)])
        for start in range(0, 6 * MANY, MANY)
    ]
    writer.commit(*adds)
    return writer, adds


@pytest.mark.parametrize("mapping", ["none", "name"])
def test_what_is_read_is_the_version_that_was_opened_whatever_is_written_meanwhile(tmp_path, mapping):
    writer, adds = large(tmp_path / "table", mapping)
    chunks = open_source(str(writer.folder), {}).chunks(1000)
    ids = [next(chunks).authors["author_id"]]
    writer.commit(writer.file([{"id": -1, "name": "later"}]))
    writer.commit(*map(removed, adds))
    ids += [chunk.authors["author_id"] for chunk in chunks]
    assert sorted(map(int, pl.concat(ids))) == list(range(6 * MANY))
    assert [row["author_id"] for row in values(str(writer.folder))] == ["-1"]


@pytest.mark.parametrize("mapping", ["none", "name"])
def test_a_vacuum_while_a_table_is_read_is_named_with_its_remedy(tmp_path, mapping):
    writer, adds = large(tmp_path / "table", mapping)
    source = open_source(str(writer.folder), {})
    reader = open_delta(str(writer.folder), {}, None)  # the version that will be vacuumed
    assert isinstance(reader, DeltaReader if mapping == "none" else QueryReader)
    writer.commit(writer.file([{"id": -1, "name": "later"}]), *map(removed, adds))
    for add in adds:
        (writer.folder / add["add"]["path"]).unlink()
    with pytest.raises(SourceError, match=r"changed and vacuumed while it was read.*newest version is 1\. Run again"):
        list(source._batches_of(source.paths[0], reader, 1000))
    assert [row["author_id"] for row in values(str(writer.folder))] == ["-1"]


def test_damage_and_a_vacuum_are_named_on_s3_too(tmp_path):
    with object_store() as options:
        store = client(options)
        store.create_bucket(Bucket="tables")
        for mapping in ("none", "name"):
            writer, uri = Writer(tmp_path / mapping, NESTED, mapping), f"s3://tables/{mapping}"
            old, new = writer.file(authors(0, 10)), writer.file(authors(10, 20))

            def put(path, content=None, writer=writer):
                key = path.relative_to(writer.folder.parent).as_posix()
                store.put_object(Bucket="tables", Key=key, Body=path.read_bytes() if content is None else content)

            put(writer.commit(old))
            put(writer.folder / old["add"]["path"])
            source, reader = open_source(uri, {}, options), open_delta(uri, {}, options)
            put(writer.commit(new, removed(old)))
            store.delete_object(Bucket="tables", Key=f"{mapping}/{old['add']['path']}")
            with pytest.raises(SourceError, match=r"vacuumed while it was read.*newest version is 1\. Run again"):
                list(source._batches_of(uri, reader, 100))
            with pytest.raises(SourceError, match="its newest version 1 consists of is not there"):
                values(uri, options)
            put(writer.folder / new["add"]["path"], b"PAR1xx")
            with pytest.raises(SourceError, match=rf"has 6 bytes, and {new['add']['size']} by the log"):
                values(uri, options)
            put(writer.folder / new["add"]["path"])
            assert values(uri, options) == expected(authors(10, 20))
            put(writer.entry(1), writer.entry(1).read_bytes()[:-40])
            with pytest.raises(SourceError, match=rf"{1:020d}.json: line 3 is no JSON"):
                values(uri, options)


def test_the_query_engine_reads_file_by_file_in_one_order_and_bounded_batches(tmp_path):
    writer, adds = large(tmp_path / "table", "name")
    chunks = open_source(str(writer.folder), {}).chunks(1000)
    first = next(chunks).authors
    assert 1000 <= first.height < 2000
    (writer.folder / adds[-1]["add"]["path"]).unlink()  # not opened yet
    with pytest.raises(SourceError, match="newest version 0 consists of is not there"):
        list(chunks)


def test_the_query_engine_gives_the_same_order_each_time(tmp_path):
    writer, _ = large(tmp_path / "table", "name")
    orders = [
        [chunk.authors["author_id"].to_list() for chunk in open_source(str(writer.folder), {}).chunks(5000)]
        for _ in range(3)
    ]
    assert orders[0] == orders[1] == orders[2]

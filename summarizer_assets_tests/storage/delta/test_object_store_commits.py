"""A commit that is made while its writer is told that it failed, and writers side by side, on a real S3 protocol."""

import itertools
from collections.abc import Iterator

import polars as pl
import pytest

from benchmarks.tables.object_store import broken_promises, run
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.errors import FenceLost
from testing.object_store import client, fail, heard, object_store
from testing.table_rows import SCHEMA, content, rows

_NUMBERS = itertools.count()
BUCKET = "0000"


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    with object_store() as variables:
        client(variables).create_bucket(Bucket="tables")
        yield variables


@pytest.fixture
def table(options) -> Iterator[BucketedTable]:
    """With two rows in two files, made by one writer."""
    fail(options)
    made = BucketedTable(f"s3://tables/{next(_NUMBERS)}/table", SCHEMA, 4, options)
    writer = made.writer(BUCKET, None)
    for author in "ab":
        writer.apply(Append(BUCKET, rows(BUCKET, author)))
    yield made
    fail(options)


def writer_of(table: BucketedTable) -> BucketWriter:
    return table.writer(BUCKET, table.fence(BUCKET, table.open()))


def version(table: BucketedTable) -> int:
    handle = table.open()
    assert handle is not None
    return handle.version()


def lose_the_answer_to_the_next_commit(table: BucketedTable, kind: str = "lost") -> None:
    fail(dict(table.options), kind, methods=["PUT"], path="/_delta_log/", times=1)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        (Append(BUCKET, rows(BUCKET, "c", "second")), {("a", "first"), ("b", "first"), ("c", "second")}),
        (Merge(BUCKET, rows(BUCKET, "bc", "second"), frozenset("a")), {("b", "second"), ("c", "second")}),
        (Overwrite(BUCKET, rows(BUCKET, "ac", "second")), {("a", "second"), ("c", "second")}),
        (Compact(BUCKET), {("a", "first"), ("b", "first")}),
    ],
    ids=["append", "merge", "overwrite", "compact"],
)
def test_a_commit_whose_answer_is_lost_is_made_once_and_its_writer_goes_on(
    table: BucketedTable, change: Change, left: set[tuple[str, str]]
) -> None:
    before = version(table)
    writer = writer_of(table)
    lose_the_answer_to_the_next_commit(table)
    writer.apply(change)

    assert heard(dict(table.options))["failed"] == 1
    # A compaction has no fence value: delta-rs makes the same entry, of the same file, once more.
    assert version(table) == before + (2 if isinstance(change, Compact) else 1)
    assert content(table) == {(BUCKET, *row) for row in left}
    writer.apply(Append(BUCKET, rows(BUCKET, "z")))
    assert content(table) == {(BUCKET, *row) for row in left} | {(BUCKET, "z", "first")}


def test_a_commit_that_never_reached_the_store_is_made_again_and_only_once(table: BucketedTable) -> None:
    before = version(table)
    writer = writer_of(table)
    lose_the_answer_to_the_next_commit(table, "reset")
    writer.apply(Append(BUCKET, rows(BUCKET, "c")))
    assert version(table) == before + 1
    assert content(table) == {(BUCKET, author, "first") for author in "abc"}


def test_a_rival_s_commit_is_never_taken_for_one_s_own(table: BucketedTable) -> None:
    writer, rival = writer_of(table), writer_of(table)
    rival.apply(Append(BUCKET, rows(BUCKET, "c", "rival")))
    with pytest.raises(FenceLost):
        writer.apply(Append(BUCKET, rows(BUCKET, "c", "ours")))
    assert (BUCKET, "c", "rival") in content(table)


def test_a_rival_who_came_while_the_answer_was_lost_is_noticed_at_the_next_change(
    table: BucketedTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writer_of(table)
    goes_on = writer._raise_unless_worth_another_try

    def a_rival_comes(error, attempt) -> None:
        writer_of(table).apply(Append(BUCKET, rows(BUCKET, "d", "rival")))
        goes_on(error, attempt)

    monkeypatch.setattr(writer, "_raise_unless_worth_another_try", a_rival_comes)
    lose_the_answer_to_the_next_commit(table)
    writer.apply(Append(BUCKET, rows(BUCKET, "c", "ours")))
    with pytest.raises(FenceLost):
        writer.apply(Append(BUCKET, rows(BUCKET, "e", "ours")))
    assert {author for _, author, _ in content(table)} == set("abcd")


def test_an_unpartitioned_table_is_replaced_although_the_answer_is_lost(table: BucketedTable) -> None:
    rejected = BucketedTable(f"{table.root}/rejected", pl.Schema({"reason": pl.String}), None, table.options)
    assert rejected.replace_all(pl.DataFrame({"reason": ["no id"]}))
    fail(dict(table.options), "lost", methods=["PUT"], path="/rejected/_delta_log/", times=1)
    assert rejected.replace_all(pl.DataFrame({"reason": ["no id", "null"]}))
    assert rejected.read().collect()["reason"].sort().to_list() == ["no id", "null"]


@pytest.mark.slow
def test_writers_side_by_side_lose_nothing_beside_a_reader_and_the_maintenance() -> None:
    """The benchmark of the object store, small: what it promises of 500 commits holds for 40, too."""
    found = run(writers=4, commits=40)
    assert broken_promises(found, 40) == []
    assert found["reads"] > 0

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from summarizer_assets.core.records import AUTHORS, FAILURES, REJECTED, SUMMARIES
from summarizer_assets.storage.delta import guards
from summarizer_assets.storage.delta import table as table_module
from summarizer_assets.storage.delta.changes import Append, Change, Compact, Merge, Overwrite
from summarizer_assets.storage.delta.table import BUCKETS_PROPERTY, BucketedTable
from summarizer_assets.storage.delta.writer import BucketWriter
from summarizer_assets.storage.errors import BucketsDiffer, FenceLost, TableError
from testing.table_rows import SCHEMA, content, lines_of, rows, start, table_at

ODD_KEYS = ["o'dd", "a b%/ü=&", "-- x", "'); DROP", "*", "IN ('0000')", '"q"', "new\nline", "back\\slash"]


def writer_of(table: BucketedTable, bucket: str) -> BucketWriter:
    return table.writer(bucket, table.fence(bucket, table.open()))


def apply(table: BucketedTable, *changes: Change) -> None:
    for change in changes:
        writer_of(table, change.bucket).apply(change)


def forge(table: BucketedTable, schema: pl.Schema, configuration: dict[str, str]) -> None:
    """A table at the same place, made by somebody else."""
    DeltaTable.create(
        table.uri,
        schema=pl.DataFrame(schema=schema).to_arrow().schema,
        partition_by=["bucket"],
        configuration=configuration,
        raise_if_key_not_exists=False,
    )


# Creation.


def test_eight_processes_that_create_the_table_at_once_make_one_version_0(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib\n"
        "from testing.table_rows import table_at\n"
        "table = table_at(pathlib.Path(sys.argv[1]))\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(table.ensure().version())\n"
    )
    processes = [start(program, tmp_path) for _ in range(8)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    assert [lines_of(process) for process in processes] == [["0"]] * 8
    assert [path.name for path in (tmp_path / "table/_delta_log").glob("*.json")] == [f"{0:020d}.json"]


def test_threads_that_create_tables_at_once_make_each_just_once(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:  # with delta-rs' own retries, a third of the tables is made twice
        for number in range(15):
            table = table_at(tmp_path / str(number))
            assert {made.version() for made in pool.map(lambda _, table=table: table.ensure(), range(8))} == {0}


@pytest.mark.parametrize("schema", [AUTHORS, SUMMARIES, FAILURES])
def test_every_table_of_the_project_is_found_again_with_the_schema_it_was_made_with(
    tmp_path: Path, schema: pl.Schema
) -> None:
    table = BucketedTable(str(tmp_path / "t"), schema, 16)
    assert table.ensure().version() == table.ensure().version() == 0
    assert table.read().collect_schema() == schema


def test_reading_a_table_that_is_not_there_gives_no_rows_and_makes_no_table(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    assert table.open() is None
    assert table.read(["0001"]).collect().schema == SCHEMA
    assert table.rows_by_bucket() == {}
    assert not (tmp_path / "table").exists()


def test_another_bucket_count_is_refused_with_the_one_to_set(tmp_path: Path) -> None:
    table_at(tmp_path, 4).ensure()
    with pytest.raises(BucketsDiffer, match=r"made with 4 buckets.*asks for 8; set SUMMARIZER_BUCKETS=4"):
        table_at(tmp_path, 8).open()


def test_a_table_without_a_bucket_count_is_refused_without_a_senseless_remedy(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    forge(table, SCHEMA, {})
    with pytest.raises(BucketsDiffer, match="made with no buckets") as refused:
        table.open()
    assert "None" not in str(refused.value)


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (pl.Schema({"author_id": pl.String, "bucket": pl.String}), "summary is missing"),
        (pl.Schema({**SCHEMA, "summary": pl.Int64}), "summary is long instead of string"),
        (pl.Schema({**SCHEMA, "more": pl.Int64}), "more is not ours"),
    ],
)
def test_a_table_of_other_columns_is_refused_before_anything_is_written(
    tmp_path: Path, schema: pl.Schema, complaint: str
) -> None:
    table = table_at(tmp_path)
    forge(table, schema, {BUCKETS_PROPERTY: "4"})
    with pytest.raises(TableError, match=complaint):
        table.open()


def test_a_type_inside_a_list_of_structs_counts_as_a_difference(tmp_path: Path) -> None:
    inner = pl.Schema({"author_id": pl.String, "papers": pl.List(pl.Struct({"n": pl.Int64})), "bucket": pl.String})
    other = pl.Schema({**inner, "papers": pl.List(pl.Struct({"n": pl.String}))})
    table = BucketedTable(str(tmp_path / "t"), inner, 4)
    forge(table, other, {BUCKETS_PROPERTY: "4"})
    with pytest.raises(TableError, match="papers is array<struct<n: string>> instead of array<struct<n: long>>"):
        table.open()


@pytest.mark.parametrize("folder", ["plain", "with blanks"])
def test_a_table_without_a_column_that_came_later_is_read_with_nulls_and_gets_it_with_the_next_commit(
    tmp_path: Path, folder: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = pl.Schema({"author_id": pl.String, "papers": pl.List(pl.Struct({"n": pl.Int64})), "bucket": pl.String})
    papers = pl.List(pl.Struct({"n": pl.Int64, "later": pl.String}))
    new = pl.Schema({**old, "papers": papers, "mark": pl.Int64})

    def row(schema: pl.Schema, author: str, bucket: str) -> pl.DataFrame:
        whole = {"author_id": author, "papers": [{"n": 1, "later": "x"}], "bucket": bucket, "mark": 5}
        return pl.DataFrame([whole]).match_to_schema(schema, extra_columns="ignore", extra_struct_fields="ignore")

    def held(table: BucketedTable) -> dict[str, tuple[str | None, int | None]]:
        frame = table.read().collect()
        assert frame.schema == new
        return {each["author_id"]: (each["papers"][0]["later"], each["mark"]) for each in frame.to_dicts()}

    before = BucketedTable(f"{tmp_path}/{folder}/t", old, 4)
    apply(before, *(Append(key, row(old, author, key)) for author, key in (("a", "0"), ("b", "0"), ("c", "1"))))
    table = BucketedTable(before.uri, new, 4)
    with pytest.raises(TableError, match="mark is missing"):
        table.open()
    for module in (guards, table_module):
        monkeypatch.setattr(module, "ADDED", {"later", "mark"})
    nothing, told = (None, None), ("x", 5)
    assert held(table) == {"a": nothing, "b": nothing, "c": nothing}
    apply(table, Append("0", row(new, "d", "0")))
    assert held(table) == {"a": nothing, "b": nothing, "c": nothing, "d": told}
    apply(table, Compact("0"), Merge("0", row(new, "a", "0"), frozenset({"d"})), Overwrite("2", row(new, "e", "2")))
    assert held(table) == {"a": told, "b": nothing, "c": nothing, "e": told}
    with pytest.raises(TableError, match="mark is not ours"):
        before.open()


def test_a_root_that_cannot_be_written_is_named_with_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(TableError, match=r"file/table: the Delta table cannot be created.*SUMMARIZER_ROOT"):
        table_at(tmp_path / "file").ensure()


def test_a_damaged_log_is_an_error_that_names_the_table(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    apply(table, Append("0000", rows("0000", "a")))
    (tmp_path / "table/_delta_log" / f"{1:020d}.json").write_text('{"add": {"path"')
    with pytest.raises(TableError, match=str(tmp_path / "table")):
        table.open()


def test_an_empty_bucket_key_is_refused_since_delta_would_store_null(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="is no bucket"):
        table_at(tmp_path).writer("", None)


# One writer, its changes.


def test_a_merge_replaces_adds_and_removes_exactly_what_it_names(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    apply(table, Append("0000", rows("0000", "abc")), Append("0001", rows("0001", "xy")))
    apply(table, Merge("0000", rows("0000", "ad", "second"), frozenset({"b", "x", "nobody"})))
    assert content(table) == {
        ("0000", "a", "second"),
        ("0000", "c", "first"),
        ("0000", "d", "second"),
        ("0001", "x", "first"),
        ("0001", "y", "first"),
    }


@pytest.mark.parametrize("key", ODD_KEYS)
def test_changes_of_a_bucket_with_an_odd_key_touch_nothing_else(tmp_path: Path, key: str) -> None:
    table = table_at(tmp_path, 16)
    for other in ("0000", "o", "odd"):
        apply(table, Append(other, rows(other, "a")))
    others = content(table)
    writer = writer_of(table, key)
    for change in (
        Append(key, rows(key, "ab")),
        Overwrite(key, rows(key, "cd", "second")),
        Merge(key, rows(key, "e", "third"), frozenset("c")),
        Append(key, rows(key, "f")),
        Compact(key),
    ):
        writer.apply(change)
    mine = {(key, "d", "second"), (key, "e", "third"), (key, "f", "first")}
    assert content(table) == others | mine
    assert set(table.read([key]).select("bucket", "author_id", "summary").collect().rows()) == mine
    assert table.rows_by_bucket() == {key: 3, "0000": 1, "o": 1, "odd": 1}
    writer.apply(Overwrite(key, rows(key, "")))
    assert content(table) == others


def test_an_empty_overwrite_clears_its_bucket_and_a_cleared_bucket_has_no_rows(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    apply(table, Append("0000", rows("0000", "ab")), Append("0001", rows("0001", "c")))
    apply(table, Overwrite("0000", rows("0000", "")))
    assert content(table) == {("0001", "c", "first")}
    assert table.rows_by_bucket() == {"0001": 1}


@pytest.mark.parametrize(
    "change",
    [
        Append("0000", rows("0001", "a")),
        Overwrite("0000", rows("0001", "a")),
        Merge("0000", rows("0001", "a")),
        Append("0000", rows("0000", "aa")),
        Merge("0000", rows("0000", "aa")),
        Merge("0000", rows("0000", "a"), frozenset("a")),
        Overwrite("0000", rows("0000", "a").with_columns(author_id=pl.lit(None, pl.String))),
        Append("0001", rows("0001", "a")),
    ],
    ids=["append", "overwrite", "merge", "twice", "twice merged", "put and removed", "no id", "another's change"],
)
def test_rows_of_another_bucket_and_authors_given_twice_are_refused_and_nothing_is_written(
    tmp_path: Path, change: Change
) -> None:
    table = table_at(tmp_path)
    apply(table, Append("0000", rows("0000", "z")))
    writer = writer_of(table, "0000")
    with pytest.raises(TableError, match="bucket 000"):
        writer.apply(change)
    assert content(table) == {("0000", "z", "first")}
    writer.apply(Append("0000", rows("0000", "y")))  # and the writer goes on


def test_changes_without_content_make_no_version(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    apply(table, Append("0000", rows("0000", "a")))
    writer = writer_of(table, "0000")
    for nothing in (Append("0000", rows("0000", "")), Merge("0000", rows("0000", "")), Compact("0000")):
        writer.apply(nothing)
    assert (writer.commits, table.ensure().version()) == (0, 1)


def test_a_merge_that_finds_nothing_to_do_makes_no_version_and_the_writer_goes_on(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    writer = writer_of(table, "0000")
    writer.apply(Append("0000", rows("0000", "a")))
    writer.apply(Merge("0000", rows("0000", ""), frozenset("z")))
    assert (writer.commits, table.ensure().version()) == (1, 1)
    writer.apply(Append("0000", rows("0000", "b")))
    assert len(content(table)) == 2


def test_compaction_joins_the_bucket_s_files_and_keeps_its_rows_and_the_other_files(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    writer = writer_of(table, "0000")
    for author in "abcdef":
        writer.apply(Append("0000", rows("0000", author)))
        apply(table, Append("0001", rows("0001", author)))
    before = content(table)
    writer.apply(Compact("0000"))
    files = table.ensure().file_uris()
    assert sum("bucket=0000" in file for file in files) == 1
    assert sum("bucket=0001" in file for file in files) == 6
    assert content(table) == before


def test_a_writer_goes_on_after_a_compaction_also_on_a_fresh_handle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "summarizer_assets.storage.delta.writer._REOPEN_AFTER", 1
    )  # a compaction carries no fence value: it must not be counted
    table = table_at(tmp_path)
    writer = writer_of(table, "0000")
    for author in "abc":
        writer.apply(Append("0000", rows("0000", author)))
    writer.apply(Compact("0000"))
    writer.apply(Merge("0000", rows("0000", "a", "second")))
    assert len(content(table)) == 3


class Model:
    """What the table should hold: bucket -> author -> summary."""

    def __init__(self) -> None:
        self.buckets: dict[str, dict[str, str]] = {}

    def apply(self, change: Change) -> None:
        held = self.buckets.setdefault(change.bucket, {})
        if isinstance(change, Compact):
            return
        if isinstance(change, Overwrite):
            held.clear()
        for gone in change.removed if isinstance(change, Merge) else ():
            held.pop(gone, None)
        held.update(change.frame.select("author_id", "summary").rows())

    @property
    def rows(self) -> set[tuple[str, str, str]]:
        return {(bucket, *row) for bucket, held in self.buckets.items() for row in held.items()}


ids = st.frozensets(st.sampled_from("abcdef"), max_size=4)
kinds = st.tuples(st.sampled_from(["append", "merge", "overwrite", "compact"]), st.sampled_from("12"), ids, ids)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=st.lists(kinds, max_size=7))
def test_any_sequence_of_changes_leaves_what_they_say(
    tmp_path: Path, plan: list[tuple[str, str, set[str], set[str]]]
) -> None:
    shutil.rmtree(tmp_path / "table", ignore_errors=True)
    table, model, writers = table_at(tmp_path), Model(), {b: table_at(tmp_path).writer(b, None) for b in "12"}
    for number, (kind, bucket, some, others) in enumerate(plan):
        held = model.buckets.get(bucket, {})
        change: Change = {
            "append": Append(bucket, rows(bucket, sorted(some - held.keys()), str(number))),
            "merge": Merge(bucket, rows(bucket, sorted(some), str(number)), frozenset(others - some)),
            "overwrite": Overwrite(bucket, rows(bucket, sorted(some), str(number))),
            "compact": Compact(bucket),
        }[kind]
        if kind == "compact" and table.open() is None:
            continue
        writers[bucket].apply(change)
        model.apply(change)
    assert content(table) == model.rows
    assert table.rows_by_bucket() == {bucket: len(held) for bucket, held in model.buckets.items() if held}


# Several writers.


def test_eight_threads_that_append_to_their_own_buckets_lose_nothing(tmp_path: Path) -> None:
    table = table_at(tmp_path, 8)

    def work(number: int) -> None:
        bucket = f"{number:04d}"
        writer = table.writer(bucket, None)
        for step in range(6):
            writer.apply(Append(bucket, rows(bucket, [f"{number}-{step}"])))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert table.rows_by_bucket() == {f"{number:04d}": 6 for number in range(8)}
    assert len(content(table)) == 48


def test_merges_overwrites_and_compactions_of_different_buckets_do_not_disturb_one_another(tmp_path: Path) -> None:
    table = table_at(tmp_path, 6)
    table.ensure()

    def work(number: int) -> None:
        bucket = f"{number:04d}"
        writer = table.writer(bucket, None)
        writer.apply(Append(bucket, rows(bucket, "abc")))
        for _ in range(3):
            writer.apply(Merge(bucket, rows(bucket, "ad", "second"), frozenset("b")))
            writer.apply(Append(bucket, rows(bucket, "e")))
            writer.apply(Compact(bucket))
            writer.apply(Overwrite(bucket, rows(bucket, "xyz")))

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(6)))
    assert content(table) == {(f"{number:04d}", author, "first") for number in range(6) for author in "xyz"}


STALE_CHANGES = [
    Append("0000", rows("0000", "n")),
    Merge("0000", rows("0000", "an")),
    Overwrite("0000", rows("0000", "n")),
]


@pytest.mark.parametrize("change", STALE_CHANGES, ids=lambda change: type(change).__name__)
@pytest.mark.parametrize("suspended", [False, True], ids=["late to begin", "suspended between two commits"])
def test_a_rival_s_commit_is_noticed_and_never_written_over(tmp_path: Path, change: Change, suspended: bool) -> None:
    table = table_at(tmp_path)
    apply(table, Append("0000", rows("0000", "a")))
    stale = writer_of(table, "0000")  # its fence is taken here, with its list of what to do
    if suspended:
        stale.apply(Append("0000", rows("0000", "b")))  # and here it holds an open handle
    apply(table, Append("0000", rows("0000", "r", "rival")))
    before = content(table)
    with pytest.raises(FenceLost, match="another run wrote to bucket 0000"):
        stale.apply(change)
    assert content(table) == before


def test_a_rival_in_another_bucket_disturbs_nobody(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    writer = writer_of(table, "0000")
    writer.apply(Append("0000", rows("0000", "a")))
    apply(table, Overwrite("0001", rows("0001", "r")))
    writer.apply(Merge("0000", rows("0000", "ab")))
    assert len(content(table)) == 3


def test_two_writers_of_one_snapshot_cannot_both_commit(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    table.ensure()
    outcomes = []

    def work(name: str) -> None:
        try:
            table.writer("0000", None).apply(Append("0000", rows("0000", "abc", name)))
        except FenceLost:
            outcomes.append("lost")
        else:
            outcomes.append("won")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, "wxyz"))
    assert sorted(outcomes) == ["lost", "lost", "lost", "won"]
    assert len(content(table)) == 3


def test_the_fence_holds_when_the_handle_is_reopened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("summarizer_assets.storage.delta.writer._REOPEN_AFTER", 2)
    table = table_at(tmp_path)
    writer = writer_of(table, "0000")
    for author in "abcde":
        writer.apply(Append("0000", rows("0000", author)))
    apply(table, Append("0000", rows("0000", "r", "rival")))
    before = content(table)
    for author in "fg":  # one of them comes with a handle just opened, one with an old one
        with pytest.raises(FenceLost):
            writer.apply(Append("0000", rows("0000", author)))
    assert content(table) == before


def test_a_table_of_many_versions_has_a_checkpoint(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    writer = writer_of(table, "0000")
    for number in range(52):
        writer.apply(Append("0000", rows("0000", [str(number)])))
    assert list((tmp_path / "table/_delta_log").glob("*.checkpoint.parquet"))
    assert table.rows_by_bucket() == {"0000": 52}


# Reading.


def test_reading_one_bucket_opens_only_its_files(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    for bucket in ("0000", "0001", "0002"):
        apply(table, Append(bucket, rows(bucket, "ab")))
    for bucket in ("0000", "0002"):
        shutil.rmtree(tmp_path / "table" / f"bucket={bucket}")
    assert table.read(["0001"]).select("author_id").collect().height == 2
    with pytest.raises(OSError, match="bucket=000"):
        table.read(["0001", "0002"]).collect()
    assert table.rows_by_bucket() == {"0000": 2, "0001": 2, "0002": 2}  # from the log alone


def test_reading_no_bucket_gives_no_row_and_reading_all_gives_all(tmp_path: Path) -> None:
    table = table_at(tmp_path, 2)
    apply(table, Append("0000", rows("0000", "a")), Append("0001", rows("0001", "b")))
    assert table.read([]).collect().is_empty()
    assert table.read(["0000", "0001"]).collect().height == table.read().collect().height == 2


# Tables without buckets.


def test_an_unpartitioned_table_is_replaced_as_a_whole_and_only_when_it_differs(tmp_path: Path) -> None:
    table = BucketedTable(str(tmp_path / "rejected"), REJECTED, None)
    two = pl.DataFrame({"reason": ["r", "q"], "row": ["{}", None], "count": [1, 2]}, schema=REJECTED)
    assert not table.replace_all(two.clear())
    assert not (tmp_path / "rejected").exists()
    assert table.replace_all(two)
    assert not table.replace_all(two.reverse())
    assert table.replace_all(two.head(1))
    assert table.read().collect().rows() == [("r", "{}", 1)]
    assert table.replace_all(two.clear())
    assert table.read().collect().is_empty()


def test_a_partitioned_table_is_never_replaced_as_a_whole(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="bucket by bucket"):
        table_at(tmp_path).replace_all(rows("0000", "a"))


@pytest.mark.parametrize("name", ["a blank", "é", "c#d", "a+b", "q?x", "*", "日本"])
def test_a_root_of_any_name_is_written_and_read_one_bucket_at_a_time_too(tmp_path: Path, name: str) -> None:
    table = table_at(tmp_path / name)
    writer = table.writer("0000", None)
    for change in (Append("0000", rows("0000", "ab")), Merge("0000", rows("0000", "a", "new"), frozenset("b"))):
        writer.apply(change)
    table.writer("0001", None).apply(Append("0001", rows("0001", "c")))
    writer.apply(Compact("0000"))
    assert {row[1:] for row in content(table)} == {("a", "new"), ("c", "first")}
    assert table.read(["0001"]).collect().rows() == rows("0001", "c").rows()

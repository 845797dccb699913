"""Every Parquet file that a lively root ever wrote holds plain strings and lists: old readers read all versions.

A file's own header says how its texts lie in memory. Daft and Arrow before 15 do not know views of texts.
"""

import base64
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets import undo_ingest
from summarizer_assets.core.records import AUTHORS, REJECTED, SUMMARIES
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.storage.delta.plain_strings import plain
from testing.installation import Installation, ingested, write_authors
from testing.provider import answer

TABLES = {"authors", "author_summaries", "failed_authors", "rejected_source_rows"}
OPERATIONS = {"WRITE", "OPTIMIZE", "CREATE TABLE"}


def odd_types(kind: pa.DataType) -> Iterator[str]:
    """What in a type is not known to every reader."""
    if pa.types.is_nested(kind):
        if not (pa.types.is_list(kind) or pa.types.is_struct(kind)):
            yield str(kind)
        for index in range(kind.num_fields):
            yield from odd_types(kind.field(index).type)
    elif not (
        pa.types.is_string(kind)
        or pa.types.is_int64(kind)
        or pa.types.is_float64(kind)
        or pa.types.is_boolean(kind)
        or kind == pa.timestamp("us", "UTC")
    ):
        yield str(kind)


def told_schema(file: Path) -> pa.Schema:
    """As the header says it, which is what a reader goes by."""
    told = (pq.read_metadata(file).metadata or {})[b"ARROW:schema"]
    return pa.ipc.read_schema(pa.py_buffer(base64.b64decode(told)))


def assert_plain(root: Path) -> set[str]:
    """Returns the tables of which there are data files."""
    files = [file for file in root.rglob("*.parquet") if "_delta_log" not in file.parts]
    odd = {
        f"{file.relative_to(root)}: {field.name}: {kind}"
        for file in files
        for field in told_schema(file)
        for kind in odd_types(field.type)
    }
    assert odd == set()
    return {file.relative_to(root).parts[0] for file in files}


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """First answers, failures, changed and removed authors, a merge, compactions, maintenance, and all brought back."""
    folder = tmp_path_factory.mktemp("lively")
    provider = FaultyProvider(answer, Plan(rules=(Rule("refusal", authors=("3", "4")),)))
    with ingested(provider, folder, 40, buckets=2, commit_rows=5, max_attempts=1, retry_after_s=0) as house:
        source = Path(house.given["source"])
        house.summarize()
        rows = pl.read_parquet(source)
        name = pl.when(pl.col("daisngid") < 12).then(pl.lit("New Name")).otherwise("author_name")
        other = rows.with_columns(name.alias("author_name"))
        nobody = rows.head(2).with_columns(daisngid=pl.lit(None, pl.Int64))
        pl.concat([other.tail(38), nobody]).write_parquet(source)
        house.ingest_accepting_all()
        house.summarize()
        rows.head(20).write_parquet(source)
        taken = house.ingest_accepting_all()
        house.summarize()
        house.summarizer.maintain()
        found = undo_ingest.ingests(house.summarizer)
        undo_ingest.undo(house.summarizer, undo_ingest.chosen(found, taken.run_id))
        house.summarize()
        yield house


def test_every_file_of_every_version_is_plain(lively: Installation, tmp_path: Path) -> None:
    root = Path(lively.settings.root)
    assert assert_plain(root) == TABLES
    done = {entry["operation"] for name in TABLES for entry in DeltaTable(str(root / name)).history()}
    assert done >= OPERATIONS
    tool = [sys.executable, str(Path(__file__).parents[1] / "tools" / "rebucket.py"), str(tmp_path / "other")]
    carried = subprocess.run(
        [*tool, "--buckets", "3"], env=lively.environment(), cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert carried.returncode == 0, carried.stderr
    assert assert_plain(tmp_path / "other") == {"author_summaries", "failed_authors"}


def test_what_older_versions_of_this_project_wrote_is_plain_once_it_is_rewritten(tmp_path: Path) -> None:
    house = Installation(tmp_path / "root", write_authors(tmp_path / "authors.parquet", 10))
    house.ingest()
    uri = f"{house.settings.root}/authors"
    pl.read_delta(uri).with_columns(author_name=pl.lit("Old")).write_delta(uri, mode="overwrite")
    with pytest.raises(AssertionError, match="string_view"):
        assert_plain(tmp_path / "root")
    house.ingest()
    files = [Path(file) for file in DeltaTable(uri).file_uris()]
    assert not [kind for file in files for field in told_schema(file) for kind in odd_types(field.type)]


_ROW = st.tuples(st.none() | st.text(max_size=30), st.lists(st.text(max_size=9), max_size=3))


@given(rows=st.lists(_ROW, max_size=20))
def test_many_chunks_hold_what_one_does(rows: list[tuple[str | None, list[str]]]) -> None:
    frame = pl.DataFrame(rows, schema={"a": pl.String, "b": pl.List(pl.String)}, orient="row")
    one, many = plain(frame), plain(frame, most_bytes=40)
    assert (
        one.schema
        == many.schema
        == pa.schema({"a": pa.string(), "b": pa.list_(one.schema.field("b").type.value_field)})
    )
    assert pl.DataFrame(many).equals(frame)
    assert one.equals(many.combine_chunks())


@pytest.mark.parametrize("schema", [AUTHORS, SUMMARIES, REJECTED], ids=["authors", "summaries", "rejected rows"])
def test_every_type_of_ours_has_a_plain_one(schema: pl.Schema) -> None:
    assert [kind for field in plain(pl.DataFrame(schema=schema)).schema for kind in odd_types(field.type)] == []

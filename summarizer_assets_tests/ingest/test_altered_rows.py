"""What another tool did to rows of `authors` is found by their content, and undone by the next ingest."""

from collections.abc import Callable

import polars as pl
import pytest
from deltalake import DeltaTable, write_deltalake
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.records import AUTHOR, AUTHORS
from summarizer_assets.ingest.compare import compare
from summarizer_assets.ingest.merge import merge, record_hashes
from summarizer_assets.quality.rows import altered
from testing.installation import Installation, metadata_of, write_authors

COUNT = 30


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    folder = tmp_path_factory.mktemp("altered")
    house = Installation(folder / "root", write_authors(folder / "authors.parquet", COUNT), buckets=2)
    house.ingest()
    return house


Change = Callable[[str, pl.DataFrame], object]


def by_frame(*columns: pl.Expr) -> Change:
    """The table written anew with other values for author 7."""

    def change(uri: str, rows: pl.DataFrame) -> None:
        mine = pl.col("author_id") == "7"
        put = [pl.when(mine).then(column).otherwise(pl.col(column.meta.output_name())) for column in columns]
        write_deltalake(uri, rows.with_columns(put), mode="overwrite")

    return change


def by_delta(change: Callable[[DeltaTable], object]) -> Change:
    return lambda uri, _: change(DeltaTable(uri))


def appended(row: pl.Expr) -> Change:
    return lambda uri, rows: write_deltalake(uri, rows.filter(author_id="7").with_columns(row), mode="append")


PAPER = pl.col("papers").list.eval(pl.element().struct.with_fields(title=pl.lit("Forged")))
CHANGES: dict[str, tuple[Change, int]] = {
    "a name": (
        by_delta(lambda table: table.update(updates={"author_name": "'Other'"}, predicate="author_id = '7'")),
        1,
    ),
    "a name that is gone": (
        by_delta(lambda table: table.update(updates={"author_name": "NULL"}, predicate="author_id = '7'")),
        1,
    ),
    "the hash": (
        by_delta(lambda table: table.update(updates={"record_hash": "'abc'"}, predicate="author_id = '7'")),
        1,
    ),
    "the hash that is gone": (
        by_delta(lambda table: table.update(updates={"record_hash": "NULL"}, predicate="author_id = '7'")),
        1,
    ),
    "a title inside": (by_frame(PAPER.alias("papers")), 1),
    "all papers": (by_frame(pl.lit([], AUTHOR["papers"]).alias("papers")), 1),
    "topics for none": (by_frame(pl.lit(None, AUTHOR["topics"]).alias("topics")), 1),
    "a null among the topics": (by_frame(pl.lit([None], AUTHOR["topics"]).alias("topics")), 1),
    "a name and the hash of another": (
        by_frame(pl.lit("Other").alias("author_name"), pl.lit("0" * 32).alias("record_hash")),
        0,  # as a record that the source changed since
    ),
    "a row that is gone": (by_delta(lambda table: table.delete("author_id = '7'")), 0),
    "a row twice": (appended(pl.col("author_name")), 1),
    "a second row that differs": (appended(pl.lit("Other").alias("author_name")), 1),
    "a row of nobody": (appended(pl.lit(None, pl.String).alias("author_id")), 1),
    "a stranger": (appended(pl.lit("stranger").alias("author_id")), 0),
    "rows in another order": (lambda uri, rows: write_deltalake(uri, rows[::-1], mode="overwrite"), 0),
}


@pytest.mark.parametrize("case", CHANGES)
def test_the_next_ingest_puts_each_row_as_the_source_has_it(kept: Installation, case: str) -> None:
    change, mended = CHANGES[case]
    uri = f"{kept.settings.root}/authors"
    before = kept.frame("authors").sort("author_id")
    change(uri, kept.frame("authors"))
    assert kept.frame("authors").height
    told = metadata_of(kept.ingest(), "authors")
    assert kept.frame("authors").sort("author_id").equals(before)
    assert bool(told.get("rows_changed_by_others")) == bool(mended)
    assert metadata_of(kept.ingest(), "authors")["buckets_rewritten"] == 0


_TEXT = st.none() | st.text(max_size=5)
_COUNT = st.none() | st.integers(0, 2)
_ROW = st.fixed_dictionaries(
    {
        "author_id": st.sampled_from("abc"),
        "author_name": _TEXT,
        "topics": st.lists(st.text(max_size=3), max_size=2),
        "papers": st.lists(
            st.fixed_dictionaries({"ut": st.sampled_from("12"), "title": _TEXT, "citingsrcslocalcount": _COUNT}),
            max_size=2,
        ),
    }
)


def written(rows: list[dict[str, object]]) -> pl.DataFrame:
    authors = merge(pl.DataFrame(rows, schema=AUTHOR)).authors
    return authors.with_columns(record_hashes(authors), pl.lit("0000").alias("bucket")).select(AUTHORS.names())


@given(rows=st.lists(_ROW, max_size=4), other=st.lists(_ROW, max_size=4), swap=st.booleans())
def test_no_change_of_a_row_escapes(rows: list[dict[str, object]], other: list[dict[str, object]], swap: bool) -> None:
    """Rows of `other` with the hashes of `rows`, as a tool would leave them that knows of no hash."""
    true, forged = written(rows), written(other)
    if swap:
        hashes = true.select("author_id", "record_hash")
        forged = forged.drop("record_hash").join(hashes, on="author_id", how="left").select(AUTHORS.names())
    found = compare(true, forged).difference
    assert bool(found) == (not true.equals(forged.sort("author_id")))
    assert found.unchanged + found.changed + found.added == true.height
    assert altered(true).is_empty()
    if swap:
        content = forged.drop("record_hash").join(true, on=[*AUTHOR], how="anti", nulls_equal=True)
        assert set(altered(forged)) == set(content["author_id"])

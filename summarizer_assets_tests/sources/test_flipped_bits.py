"""A data file with a flipped bit: an error, or all its rows; never rows too few, for those would be taken for gone."""

import random

import polars as pl
import pyarrow.parquet as pq
import pytest

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources.delta.databricks_authors import NESTED, authors
from summarizer_assets_tests.sources.delta.databricks_tables import Writer

ROWS = 400


@pytest.mark.parametrize("kind", ["parquet", "delta", "delta by the query engine"])
def test_a_flipped_bit_costs_no_row_in_silence(tmp_path, kind):
    writer = Writer(tmp_path / "table", NESTED, "name" if kind.endswith("engine") else "none")
    add = writer.file(authors(0, ROWS))
    writer.commit(add)
    file = writer.folder / add["add"]["path"]
    uri = str(file if kind == "parquet" else writer.folder)
    whole, chance, refused = file.read_bytes(), random.Random(3), 0
    for _ in range(40):
        damaged = bytearray(whole)
        damaged[chance.randrange(4, len(whole) - 8)] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        try:
            counts = [chunk.counts.rows for chunk in open_source(uri, {}).chunks(100)]
        except SourceError:
            refused += 1
        else:
            assert sum(counts) == ROWS
    assert refused


def test_a_flipped_bit_costs_no_row_in_silence_where_only_some_authors_are_read(tmp_path):
    writer = Writer(tmp_path / "table", NESTED)
    add = writer.file(authors(0, ROWS))
    writer.commit(add)
    file, uri = writer.folder / add["add"]["path"], str(writer.folder)
    whole, chance = file.read_bytes(), random.Random(5)
    ids = pl.concat([chunk.authors["author_id"] for chunk in open_source(uri, {}).chunks(100)]).gather_every(10)

    def rows() -> int:
        return sum(chunk.counts.rows for chunk in open_source(uri, {}).only(ids).chunks(100))

    group = pq.read_metadata(file).row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    # Not in an id, nor in what says which it is: that would be another author's, which nothing tells.
    begin = min(column.data_page_offset for column in columns if column.path_in_schema.startswith("papers"))
    expected, ended_early = rows(), 0
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[chance.randrange(begin, len(whole) - 8)] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        try:
            found = rows()
        except SourceError as error:
            ended_early += "by its column of ids there are" in str(error)
        else:
            assert found == expected
    assert ended_early

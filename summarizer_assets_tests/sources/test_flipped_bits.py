"""A data file with a flipped bit: an error, or all its rows; never rows too few, for those would be taken for gone."""

import random

import pytest

from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.source import open_source
from summarizer_assets_tests.sources.databricks_authors import NESTED, authors
from summarizer_assets_tests.sources.databricks_tables import Writer

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

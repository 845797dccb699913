"""How large a source is taken to be, and how many buckets follow from it where nobody sets a number."""

import polars as pl
import pytest

from summarizer_assets.core.buckets import AUTHORS_OF_ONE_RUN
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.sources.errors import SourceError
from summarizer_assets.sources.size import authors_about

ROWS = pl.DataFrame({"author_id": [f"a{number}" for number in range(300)], "author_name": "A. Name", "topics": "x; y"})
WRITERS = {
    "authors.parquet": ROWS.write_parquet,
    "authors.csv": ROWS.write_csv,
    "authors.jsonl": ROWS.write_ndjson,
    "table": ROWS.write_delta,
}


@pytest.mark.parametrize("name", WRITERS)
def test_three_hundred_authors_are_one_bucket_in_every_format(name, tmp_path):
    WRITERS[name](str(tmp_path / name))
    assert 1 <= authors_about(str(tmp_path / name), None) <= 3_000
    assert Summarizer(load_settings(None, source=str(tmp_path / name), root=str(tmp_path / "data"))).buckets == 1


def test_a_large_source_has_many_buckets_and_the_tables_keep_the_number_they_were_made_with(tmp_path):
    source = tmp_path / "authors.csv"
    with source.open("wb") as file:
        file.truncate(AUTHORS_OF_ONE_RUN * 20 * 800)
    given = {"source": str(source), "root": str(tmp_path / "data")}
    made = Summarizer(load_settings(None, **given))
    assert made.buckets == 16
    made.tables.authors.ensure()
    source.write_text("author_id\n1\n")
    assert Summarizer(load_settings(None, **given)).buckets == 16
    assert Summarizer(load_settings(None, **given, buckets=3)).buckets == 3


def test_a_source_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"gone\.csv: there is no such file"):
        _ = Summarizer(load_settings(None, source=str(tmp_path / "gone.csv"), root=str(tmp_path / "data"))).buckets

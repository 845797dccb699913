"""The bundled sample: synthetic authors with the faults of real exports, made by tools/make_sample.py."""

from pathlib import Path


def sample_path() -> Path:
    """The Parquet file: about 1,000 rows of `daisngid, author_name, primary_affiliation, topics, papers`."""
    return Path(__file__).with_name("authors.parquet")

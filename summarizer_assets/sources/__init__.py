"""Readers of the input formats (Delta, Parquet, CSV, JSON), each yielding chunks of authors in one schema."""

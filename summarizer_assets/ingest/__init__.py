"""The ingest pipeline: spill rows by bucket, merge them into authors, compare with the table, stream the changes."""

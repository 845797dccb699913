"""The ingest pipeline: spill a source's rows by bucket, merge them into authors, compare with the table, stream changes."""

"""The asset graph, thin over `ingest` and `pipeline`."""

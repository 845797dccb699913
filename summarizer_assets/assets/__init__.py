"""The Dagster assets: thin wrappers over `ingest`, `bucket_run` and the other packages."""

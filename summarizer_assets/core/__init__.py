"""The domain logic as pure functions: no Dagster, no network, no files, no clock."""

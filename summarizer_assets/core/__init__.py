"""Pure decisions: no Dagster, no network, no files, no clock."""

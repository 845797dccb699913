"""Data quality checks: reads the tables and applies the rules of `core.quality`. Read-only, without Dagster."""

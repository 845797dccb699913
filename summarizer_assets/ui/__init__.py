"""Dagster's UI as this project serves it: Dagster's own programs behind a request guard."""

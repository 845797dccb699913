"""Reads the tables for the checks that `core.checks` and `core.drift` judge; no Dagster, nothing changed."""

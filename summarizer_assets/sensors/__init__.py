"""Dagster sensors, one per file; `decide` contains their decisions as pure functions."""

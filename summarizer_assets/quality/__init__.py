"""Reads the tables for the checks that `core.quality` judges; no Dagster, nothing changed."""

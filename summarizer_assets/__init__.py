"""LLM-written summaries of every author of a Delta table, as Dagster assets."""

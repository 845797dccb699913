"""Capacity planning: workers needed and duration of a job, from settings, tables and measured costs. No Dagster."""

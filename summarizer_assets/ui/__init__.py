"""Dagster's UI as this project serves it: Dagster's own programs, and a guard before what they answer."""

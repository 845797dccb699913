"""Calibration of the group size (authors per request) on the user's own model. No Dagster."""

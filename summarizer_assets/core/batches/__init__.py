"""A provider's batch jobs: decisions about them, as pure functions."""

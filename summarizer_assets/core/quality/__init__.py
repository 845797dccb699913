"""The rules of the quality checks on the tables. Pure."""

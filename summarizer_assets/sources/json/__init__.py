"""The reader of JSON lines and JSON arrays."""

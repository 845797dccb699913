"""Delta tables of others as a source."""

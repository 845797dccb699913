"""The reader of Delta tables that others wrote."""

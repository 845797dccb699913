"""What must survive: Delta tables, the state store, the journal."""

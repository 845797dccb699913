"""Bucketed Delta tables: opened, guarded, changed, kept cheap to open."""

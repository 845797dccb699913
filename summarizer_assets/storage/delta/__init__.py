"""Bucketed Delta tables: opening, checks, fenced writes and maintenance."""

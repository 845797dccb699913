"""Grounding checks: whether a summary is about its author, and what in it a person should review. Pure."""

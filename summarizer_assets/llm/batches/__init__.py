"""Batch jobs at a provider: files and jobs over HTTP."""

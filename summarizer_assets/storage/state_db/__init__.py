"""The database that all runs share: claims, ledger, rate limits, marks."""

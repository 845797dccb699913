"""The state database shared by all runs: claims, spend ledger, rate limits, source marks."""

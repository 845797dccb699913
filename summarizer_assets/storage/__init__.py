"""Durable storage: Delta tables, the state store (claims, ledger, rate limits) and the journal of answers."""

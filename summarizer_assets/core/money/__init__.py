"""Prices, amounts and what is held for a request. Pure."""

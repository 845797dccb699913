"""Other engines over our tables, and another engine's tables as our sources: what `make interop` runs."""

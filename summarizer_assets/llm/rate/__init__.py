"""When a request may go: the account's limits, shared by all runs."""

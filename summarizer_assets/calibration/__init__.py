"""How many authors one request should hold, measured on the user's own model: no Dagster in here."""

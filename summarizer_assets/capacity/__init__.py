"""How many workers a job needs and how long it takes on them, from settings, tables and measured costs: no Dagster."""

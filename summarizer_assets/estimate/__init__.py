"""Cost estimation: the price of a job before it starts, and its comparison with the actual cost. No Dagster."""

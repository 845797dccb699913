"""What a job will cost, told before it is started, and compared with what it came to: no Dagster in here."""

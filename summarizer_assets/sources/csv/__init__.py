"""CSV files in the dialect that each file itself shows."""

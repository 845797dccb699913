"""The report on a root: gathered from tables, ledger and run history, and rendered as one HTML page.

No Dagster; the asset `summary_report` and `summarizer report` are thin wrappers.
"""

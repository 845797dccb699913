"""What became of all authors, for people: gathered from tables, ledger and run history, written as one page.

No Dagster in here; the asset `summary_report` and `python -m summarizer_assets.report` are shells over it.
"""

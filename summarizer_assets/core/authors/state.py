"""The state of each author: exactly one of summary, failed, pending. Used by runs, reports, checks and samples.

The callers know different facts: a run knows each author's content and whom a rule excludes from being asked, a report
may know only the ids. Rows are compared by the columns that both sides have: if only ids are known, every row counts.
"""

from datetime import datetime
from typing import Final

import polars as pl

SUMMARY: Final = "summary"
FAILED: Final = "failed"
PENDING: Final = "pending"
_STATE = pl.Enum([SUMMARY, FAILED, PENDING])


def author_state(authors: pl.DataFrame, summaries: pl.DataFrame, failures: pl.DataFrame) -> pl.DataFrame:
    """The state of each author, decided by a rule, else a summary, else a failure; otherwise the author is pending.

    Args:
        authors: author_id (unique) and any other columns. With `content_hash`, rows of another content do not count.
            `skipped` (Boolean): a rule forbids requests for the author, who is failed whatever the tables contain.
        summaries: author_id, and optionally content_hash. If an author has two rows, one current row suffices.
        failures: the same columns.

    Returns:
        `authors` in the same order with `state` (one of the three), `has_summary` and `has_failure` (Boolean: a row of
        any content exists), and `outdated` (Boolean: has a summary, but none of the current content).
    """
    rows = authors.select("author_id", *(name for name in ("content_hash", "skipped") if name in authors.columns))
    rows = _with_flags(_with_flags(rows, summaries, "summary"), failures, "failure")
    by_rule = pl.col("skipped") if "skipped" in rows.columns else pl.lit(value=False)
    state = (
        pl.when(by_rule)
        .then(pl.lit(FAILED, _STATE))
        .when("current_summary")
        .then(pl.lit(SUMMARY, _STATE))
        .when("current_failure")
        .then(pl.lit(FAILED, _STATE))
        .otherwise(pl.lit(PENDING, _STATE))
    )
    outdated = pl.col("has_summary") & ~pl.col("current_summary")
    return authors.hstack(rows.select("has_summary", "has_failure", state=state, outdated=outdated))


def without_a_row(authors: int, summaries: int, failures: int) -> int:
    """The number of pending authors computed from row counts; each row of an author who left the source hides one."""
    return max(0, authors - summaries - failures)


def is_retried(max_attempts: int) -> pl.Expr:
    """Which rows of `records.FAILURES` are retried automatically, now or later.

    An author whose last attempt was the last one allowed then has no next time, even if more are allowed now.
    """
    left = pl.col("attempts") < max_attempts
    return pl.col("retryable").fill_null(value=False) & left & pl.col("next_retry_at").is_not_null()


def is_due(now: datetime) -> pl.Expr:
    """Which rows of `records.FAILURES` are due at `now` (UTC)."""
    return (pl.col("next_retry_at") <= now).fill_null(value=False)


def _with_flags(rows: pl.DataFrame, table: pl.DataFrame, name: str) -> pl.DataFrame:
    """Add `has_<name>`, whether the author has a row in `table`, and `current_<name>`, one of the current content."""
    has, current = f"has_{name}", f"current_{name}"
    compared = "content_hash" in table.columns and "content_hash" in rows.columns
    other = table.select(
        "author_id", *([pl.col("content_hash").alias("_content")] if compared else []), _has=pl.lit(value=True)
    )
    joined = rows.join(other, on="author_id", how="left", maintain_order="left", nulls_equal=True)
    known = pl.col("_has").is_not_null()
    same = pl.col("_content").eq_missing(pl.col("content_hash")) if compared else pl.lit(value=True)
    joined = joined.select(*rows.columns, known.alias(has), (known & same).alias(current))
    if joined.height == rows.height:
        return joined
    best = joined.sort(current, descending=True).unique("author_id", keep="first")  # an author may have several rows
    return rows.join(
        best.select("author_id", has, current), on="author_id", how="left", maintain_order="left", nulls_equal=True
    )

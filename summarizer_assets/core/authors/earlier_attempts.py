"""Failed attempts under other prompts and models, so that two installations on one root do not reset each other's.

A failure row belongs to one prompt and model, and the next failure of the author replaces it. The attempts and times of
a replaced row are kept as long as the author's current failure is of the same content.
"""

import polars as pl

from summarizer_assets.core.records import FAILURES

_KEY = ("author_id", "content_hash", "prompt_version", "model")
_COLUMNS = (*_KEY, "retryable", "attempts", "first_failed_at", "last_failed_at", "next_retry_at")
#: The kept rows of one bucket: a subset of the columns of `records.FAILURES`.
TRIED = pl.Schema({name: FAILURES[name] for name in _COLUMNS})
NOTHING_TRIED = pl.DataFrame(schema=TRIED)


def kept_of(known: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The rows to keep (TRIED) when a bucket's failures change from `before` to `after` (`records.FAILURES`)."""
    asked = pl.col("attempts") > 0
    rows = pl.concat([before.filter(asked).select(_COLUMNS), known]).unique(_KEY, keep="first", maintain_order=True)
    now = after.filter(asked).select("author_id", "content_hash", now="prompt_version", now_model="model")
    other = pl.col("prompt_version").ne_missing(pl.col("now")) | pl.col("model").ne_missing(pl.col("now_model"))
    return rows.join(now, on=["author_id", "content_hash"]).filter(other).select(_COLUMNS).sort(_KEY)


def as_tried_with(failures: pl.DataFrame, tried: pl.DataFrame, prompt_version: str, model: str) -> pl.DataFrame:
    """Rows of `failures` of another prompt or model whose authors this one has tried, too, with its own attempts."""
    mine = (pl.col("prompt_version") == prompt_version) & (pl.col("model") == model)
    others = failures.filter(~mine & (pl.col("attempts") > 0))
    found = others.select(pl.exclude(*_COLUMNS[2:])).join(tried.filter(mine), on=["author_id", "content_hash"])
    return found.select(failures.columns)

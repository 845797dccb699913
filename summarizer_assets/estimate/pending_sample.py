"""Estimates the pending authors from a sample of the tables.

Of 256 buckets with 78,000 authors each, at most 16 are opened, and in each 1,500 authors, chosen by a hash of their
ids, are rendered: 24,000 in all.
"""

from datetime import UTC, datetime
from typing import Final

import polars as pl

from summarizer_assets.bucket_run.snapshot import tried_before
from summarizer_assets.core.estimation.sampling import BucketCounts, Pending, SampledBucket, choose, pending_of
from summarizer_assets.core.pending import Plan, plan_bucket
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.errors import TableError

_SEED: Final = 20  # a different hash from the one of the buckets
_HELD = ("author_id", "content_hash", "prompt_version", "model", "summarized_at")


def look(summarizer: Summarizer) -> Pending:
    """Estimate the authors that runs would ask now, over all buckets.

    Raises:
        TableError: there are no authors yet, or a table cannot be read.
    """
    tables, limit = summarizer.tables, summarizer.settings.limit
    authors = tables.authors.open()
    if authors is None:
        raise TableError(f"{tables.authors.uri}: there are no authors yet; materialise the asset `authors` first")
    held = [table.rows_by_bucket() for table in (tables.summaries, tables.failures)]
    counts = {
        bucket: BucketCounts(number, max(0, number - sum(rows.get(bucket, 0) for rows in held)))
        for bucket, number in tables.authors.rows_by_bucket(authors).items()
    }
    chosen = choose(counts)
    samples = {bucket: _sample(summarizer, bucket, part) for bucket, part in chosen.items()}
    room = None if limit is None else max(0, limit - tables.authors_asked())
    return pending_of(counts, samples, room)


def _sample(summarizer: Summarizer, bucket: str, part: int) -> SampledBucket:
    tables = summarizer.tables
    picked = pl.lit(value=True) if part == 1 else pl.col("author_id").hash(_SEED) % part == 0
    with reading(tables.authors.uri):
        authors = tables.authors.read([bucket]).filter(picked).collect(engine="streaming")
    with reading(tables.summaries.uri):
        held = tables.summaries.read([bucket]).filter(picked).select(_HELD).collect()
        held = held.sort("summarized_at", descending=True).unique("author_id", keep="first", maintain_order=True)
    with reading(tables.failures.uri):
        failures = tables.failures.read([bucket]).filter(picked).collect()
    plan = plan_bucket(
        summarizer.render(authors),
        held,
        failures,
        identity=summarizer.identity,
        excluded=summarizer.settings.excluded_ids,
        now=datetime.now(UTC),
        tried=tried_before(summarizer.tried, summarizer.identity, bucket, failures),
    )
    return _seen(authors, held, failures, plan)


def _seen(authors: pl.DataFrame, held: pl.DataFrame, failures: pl.DataFrame, plan: Plan) -> SampledBucket:
    recorded = set(held["author_id"]).union(failures["author_id"])
    before = set(failures.filter(pl.col("attempts") > 0)["author_id"])
    todo = plan.todo.select("author_id", "tokens", "attempts", known=pl.col("outdated"))
    todo = todo.with_columns(pl.col("known") | pl.col("author_id").is_in(list(before)))
    to_ask, first = set(todo["author_id"]), set(todo.filter(~pl.col("known"))["author_id"])
    missing = set(authors["author_id"]) - recorded
    return SampledBucket(
        seen=authors.height,
        skipped=len(missing - to_ask),
        gained=len(first - missing) + len(recorded - set(authors["author_id"])),
        todo=todo.drop("author_id"),
    )

"""Estimates the pending authors from a sample of the tables.

Of 256 buckets with 78,000 authors each, at most 16 are opened, and in each 1,500 authors, chosen by a hash of their
ids, are rendered: 24,000 in all.
"""

from datetime import UTC, datetime
from typing import Final

import polars as pl

from summarizer_assets.bucket_run.snapshot import single, tried_before
from summarizer_assets.core.authors.state import PENDING, author_state, without_a_row
from summarizer_assets.core.authors.work_plan import Plan, plan_bucket
from summarizer_assets.core.batches.waiting import Waiting
from summarizer_assets.core.estimation.sampling import CountedBucket, Pending, SampledBucket, choose, pending_of
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.errors import TableError

_SEED: Final = 20  # a different hash from the one of the buckets
_COLUMNS = ("author_id", "content_hash", "prompt_version", "model", "summarized_at")


def pending_authors(summarizer: Summarizer) -> Pending:
    """Estimate the authors that runs would ask now, over all buckets; nobody who is in a batch job.

    Raises:
        TableError: there are no authors yet, or a table cannot be read.
    """
    tables, limit, in_jobs = summarizer.tables, summarizer.settings.limit, summarizer.jobs.waiting()
    authors = tables.authors.open()
    if authors is None:
        raise TableError(f"{tables.authors.uri}: there are no authors yet; materialise the asset `authors` first")
    summaries, failures = tables.summaries.rows_by_bucket(), tables.failures.rows_by_bucket()
    counts = {
        bucket: CountedBucket(
            number,
            max(
                0,
                without_a_row(number, summaries.get(bucket, 0), failures.get(bucket, 0))
                - in_jobs.get(bucket, Waiting()).authors,
            ),
        )
        for bucket, number in tables.authors.rows_by_bucket(authors).items()
    }
    chosen = choose(counts)
    samples = {bucket: _sample(summarizer, bucket, part) for bucket, part in chosen.items()}
    waiting = sum(of_bucket.authors for of_bucket in in_jobs.values())
    room = None if limit is None else max(0, limit - tables.authors_asked() - waiting)
    return pending_of(counts, samples, room)


def _sample(summarizer: Summarizer, bucket: str, part: int) -> SampledBucket:
    tables = summarizer.tables
    picked = pl.lit(value=True) if part == 1 else pl.col("author_id").hash(_SEED) % part == 0
    with reading(tables.authors.uri):
        authors = tables.authors.read([bucket]).filter(picked).collect(engine="streaming")
    with reading(tables.summaries.uri):
        summaries = single(tables.summaries.read([bucket]).filter(picked).select(_COLUMNS).collect())
    with reading(tables.failures.uri):
        failures = tables.failures.read([bucket]).filter(picked).collect()
    plan = plan_bucket(
        summarizer.render(authors),
        summaries,
        failures,
        identity=summarizer.identity,
        excluded=summarizer.settings.excluded_ids,
        now=datetime.now(UTC),
        tried=tried_before(summarizer.tried, summarizer.identity, bucket, failures),
    )
    seen, answered, failed = (frame.select("author_id") for frame in (authors, summaries, failures))
    return sampled(seen, answered, failed, plan, _in_jobs(summarizer, bucket))


def _in_jobs(summarizer: Summarizer, bucket: str) -> frozenset[str]:
    jobs = summarizer.jobs
    requests = (request for job in jobs.live(bucket) for request in jobs.requests(job.key))
    return frozenset(author for request in requests for author in request.authors)


def sampled(
    authors: pl.DataFrame,
    summaries: pl.DataFrame,
    failures: pl.DataFrame,
    plan: Plan,
    in_jobs: frozenset[str] = frozenset(),
) -> SampledBucket:
    """How the plan corrects what numbers of rows tell. The frames hold author_id, so that every row counts.

    `in_jobs`: authors in batch jobs, whom the numbers of rows leave out already.
    """
    counted = author_state(authors, summaries, failures).filter(pl.col("state") == PENDING)
    missing = set(counted["author_id"]) - in_jobs
    recorded = set(summaries["author_id"]).union(failures["author_id"])
    todo = plan.todo.filter(~pl.col("author_id").is_in(list(in_jobs)))
    first = set(todo.filter(~pl.col("asked_before"))["author_id"])
    return SampledBucket(
        seen=authors.height,
        skipped=len(missing.difference(todo["author_id"])),
        gained=len(first - missing) + len(recorded.difference(authors["author_id"])),
        todo=todo.select("tokens", "attempts", known="asked_before"),
    )

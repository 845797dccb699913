"""What one bucket holds at one moment, and what there is to do about it: the snapshot that a run starts from."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from summarizer_assets.bucket.run_settings import RunSettings, Tables
from summarizer_assets.core.pending import Plan, plan_bucket
from summarizer_assets.storage.errors import TableError

Versions = tuple[int | None, int | None, int | None]


@dataclass(frozen=True)
class Stock:
    """One bucket in one snapshot of the three tables.

    `authors`: full rows of the plan's `todo`, in its order. `failures`: the rows that the table holds, by author id.
    `summaries_fence`, `failures_fence`: the bucket's last fence values. `versions`: of the three tables.
    """

    plan: Plan
    authors: pl.DataFrame
    failures: pl.DataFrame
    summaries_fence: int | None
    failures_fence: int | None
    versions: Versions

    @property
    def has_work(self) -> bool:
        plan = self.plan
        return bool(plan.todo.height or plan.removed or not plan.failures.equals(self.failures))


def take_stock(
    bucket: str,
    tables: Tables,
    render: Callable[[pl.DataFrame], pl.DataFrame],
    settings: RunSettings,
    *,
    retry_all: bool,
    answered: pl.DataFrame | None = None,
) -> Stock:
    """Read the bucket from the tables' newest versions and plan its work.

    Raises:
        TableError: there are no authors yet, or a table cannot be read.
    """
    authors_table = tables.authors.open()
    if authors_table is None:
        raise TableError(f"{tables.authors.uri}: there are no authors yet; materialise the asset `authors` first")
    summaries_table, failures_table = tables.summaries.open(), tables.failures.open()
    authors = tables.authors.read([bucket], table=authors_table).collect()
    held = tables.summaries.read([bucket], table=summaries_table).select("author_id", "content_hash").collect()
    failures = tables.failures.read([bucket], table=failures_table).collect().sort("author_id")
    plan = plan_bucket(
        render(authors),
        held,
        failures,
        identity=settings.identity,
        excluded=settings.excluded(),
        now=datetime.now(UTC),
        retry_all=retry_all,
        keep_removed=settings.keep_removed,
        answered=answered,
    )
    return Stock(
        plan=plan,
        authors=authors.join(plan.todo.select("author_id"), on="author_id", how="semi").sort("author_id"),
        failures=failures,
        summaries_fence=tables.summaries.fence(bucket, summaries_table),
        failures_fence=tables.failures.fence(bucket, failures_table),
        versions=(
            authors_table.version(),
            None if summaries_table is None else summaries_table.version(),
            None if failures_table is None else failures_table.version(),
        ),
    )


def versions(tables: Tables) -> Versions:
    handles = (tables.authors.open(), tables.summaries.open(), tables.failures.open())
    authors, summaries, failures = (None if handle is None else handle.version() for handle in handles)
    return authors, summaries, failures

"""What one bucket holds at one moment, and what there is to do about it: the snapshot that a run starts from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

import polars as pl

from summarizer_assets.bucket_run.admission import admit, require_exact_exclusions
from summarizer_assets.bucket_run.asking.prompts import render_bucket
from summarizer_assets.bucket_run.journal_records import answered_in
from summarizer_assets.bucket_run.known_content import KnownContent
from summarizer_assets.bucket_run.run_settings import RunContext
from summarizer_assets.core.authors.earlier_attempts import NOTHING_TRIED
from summarizer_assets.core.authors.work_plan import Identity, Plan, plan_bucket
from summarizer_assets.core.judging.contrast import ENOUGH
from summarizer_assets.core.judging.terms import RecordTerms
from summarizer_assets.core.prompt.rendering import RENDERED, RenderSettings
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.errors import TableError
from summarizer_assets.storage.state_db.earlier_attempts import TriedBefore


class Fences(NamedTuple):
    """The bucket's last fence value in each table: every change of its rows moves one."""

    authors: int | None
    summaries: int | None
    failures: int | None


@dataclass(frozen=True)
class Snapshot:
    """One bucket in one snapshot of the three tables.

    `authors`: full rows of the plan's `todo`, in its order. `backdrop`: the bucket's first records, by author id, for
    answers to requests of few authors to be judged among. `failures`: the rows that the table holds, by author id.
    `doubled`: an author has more than one summary. No writer of ours does that, but two compactions of the same files
    do, which a lease keeps apart unless one of them sleeps for longer than that; so do other tools.
    """

    plan: Plan
    authors: pl.DataFrame
    failures: pl.DataFrame
    fences: Fences
    backdrop: Mapping[str, RecordTerms]
    doubled: bool = False

    @property
    def has_work(self) -> bool:
        plan = self.plan
        return bool(plan.todo.height or plan.removed or self.doubled or not plan.failures.equals(self.failures))

    def outdated_among(self, failed: pl.DataFrame) -> set[str]:
        """Whose summary is of older content: it does not stay beside the failure to renew it."""
        outdated = self.plan.todo.filter(pl.col("outdated")).select("author_id")
        return set(failed.join(outdated, on="author_id", how="semi")["author_id"])


def take_snapshot(context: RunContext, left: Iterable[Mapping[str, Any]] = ()) -> Snapshot:
    """Read the bucket from the tables' newest versions and plan its work; `left`: records of a dead run's journal.

    Raises:
        TableError: there are no authors yet, or a table cannot be read.
        SettingsError: somebody is nearly on the list of those never to be sent.
    """
    bucket, tables, settings = context.bucket, context.tables, context.settings
    authors_table = tables.authors.open()
    if authors_table is None:
        raise TableError(f"{tables.authors.uri}: there are no authors yet; materialise the asset `authors` first")
    summaries_table, failures_table = tables.summaries.open(), tables.failures.open()
    with reading(tables.authors.uri):
        authors = tables.authors.read([bucket], table=authors_table).collect()
    admit(bucket, authors)
    excluded = settings.excluded()
    require_exact_exclusions(authors["author_id"], excluded, tables.authors)
    with reading(tables.summaries.uri):
        columns = ["author_id", "content_hash", "prompt_version", "model", "summarized_at"]
        found = tables.summaries.read([bucket], table=summaries_table).select(columns).collect()
        summaries = single(found)
    with reading(tables.failures.uri):
        failures = tables.failures.read([bucket], table=failures_table).collect().sort("author_id")
    known = KnownContent(context.journal, settings.rendering, context.log)
    plan = plan_bucket(
        known.contents(authors, summaries.select("author_id", "content_hash"), keep=context.choice.spend),
        summaries,
        failures,
        identity=settings.identity,
        excluded=frozenset(excluded),
        now=datetime.now(UTC),
        choice=context.choice,
        keep_removed=settings.keep_removed,
        answered=answered_in(left),
        tried=tried_before(context.tried, settings.identity, bucket, failures),
        second_model=None if settings.second is None else settings.second.name,
    )
    asked = authors.join(plan.todo.select("author_id"), on="author_id", how="semi").sort("author_id")
    return Snapshot(
        plan=replace(plan, todo=_with_texts(plan.todo, asked, settings.rendering)),
        authors=asked,
        failures=failures,
        fences=Fences(
            tables.authors.fence(bucket, authors_table),
            tables.summaries.fence(bucket, summaries_table),
            tables.failures.fence(bucket, failures_table),
        ),
        backdrop=_backdrop(authors, settings.rendering) if asked.height else {},
        doubled=summaries.height < found.height,
    )


def tried_before(book: TriedBefore, identity: Identity, bucket: str, failures: pl.DataFrame) -> pl.DataFrame:
    """core.earlier_attempts.TRIED; read only where a failure is of another prompt or model than the run's."""
    other = pl.col("prompt_version").ne(identity.prompt_version) | pl.col("model").ne(identity.model)
    return NOTHING_TRIED if failures.filter(other & (pl.col("attempts") > 0)).is_empty() else book.of(bucket)


def _with_texts(todo: pl.DataFrame, authors: pl.DataFrame, rendering: RenderSettings) -> pl.DataFrame:
    """`todo` with the texts of those whom somebody chose although their summary is known to be of their content."""
    unknown = todo.filter(pl.col("text").is_null())
    if unknown.is_empty():
        return todo
    rendered = render_bucket(authors.join(unknown, on="author_id", how="semi"), rendering)
    return todo.update(rendered.select(RENDERED.names()), on="author_id")


def _backdrop(authors: pl.DataFrame, rendering: RenderSettings) -> dict[str, RecordTerms]:
    """Twice as many as a request is judged among, so that enough are left beside its own."""
    first = render_bucket(authors.bottom_k(2 * ENOUGH, by="author_id").sort("author_id"), rendering)
    rows = first.select("author_id", "author_name", "text").iter_rows()
    return {author_id: RecordTerms(name or "", text) for author_id, name, text in rows}


def single(summaries: pl.DataFrame) -> pl.DataFrame:
    """One row an author, the newest."""
    if not summaries["author_id"].is_duplicated().any():
        return summaries
    return summaries.sort("summarized_at", descending=True).unique("author_id", keep="first", maintain_order=True)


def fences(context: RunContext) -> Fences:
    """As they are now."""
    tables = (context.tables.authors, context.tables.summaries, context.tables.failures)
    return Fences(*(table.fence(context.bucket, table.open()) for table in tables))

"""The work plan of one bucket: the authors to ask, the rows to remove, the failures to keep."""

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from summarizer_assets.core.authors.earlier_attempts import NOTHING_TRIED, as_tried_with
from summarizer_assets.core.authors.redrive import NOBODY_CHOSEN, Choice
from summarizer_assets.core.authors.state import FAILED, PENDING, SUMMARY, author_state, is_due
from summarizer_assets.core.records import FAILURES, FailureReason


@dataclass(frozen=True)
class Identity:
    """Prompt version and model; together with author id and content hash, the identity of an answer."""

    prompt_version: str
    model: str


@dataclass(frozen=True)
class Plan:
    """The work of one bucket.

    `todo`: author_id, author_name, text, content_hash, tokens, attempts (Int64, under this identity),
    first_failed_at, state, has_summary, outdated (see `author_state`), asked_before (Boolean), driven (Boolean: a
    failure that a person chose although it is not due), second_model, second_reason (of the failure: who is not to be
    asked of a second model again; null also where a person chose the failure).
    Name, text and tokens are those given to `plan_bucket`.
    `removed`: authors whose summary is deleted. `failures`: rows to keep as long as their authors are not asked.
    """

    authors: int
    todo: pl.DataFrame
    removed: frozenset[str]
    failures: pl.DataFrame

    @property
    def current(self) -> int:
        """The number of authors with a summary of their current content."""
        return self.authors - self.unresolved.height - self.failures.height

    @property
    def unresolved(self) -> pl.DataFrame:
        """Authors to ask with neither a current summary nor a failure: pending until they are reached."""
        return self.todo.filter(pl.col("state") == PENDING)

    @property
    def wanted(self) -> int:
        """The number of authors to ask who have no row, or are chosen by a person."""
        return self.unresolved.height + self.todo.filter((pl.col("state") == SUMMARY) | pl.col("driven")).height


def plan_bucket(  # noqa: PLR0913 - all that decides it, each by its name
    authors: pl.DataFrame,
    summaries: pl.DataFrame,
    failures: pl.DataFrame,
    *,
    identity: Identity,
    excluded: frozenset[str],
    now: datetime,
    choice: Choice = NOBODY_CHOSEN,
    keep_removed: bool = False,
    answered: pl.DataFrame | None = None,
    tried: pl.DataFrame = NOTHING_TRIED,
    second_model: str | None = None,
) -> Plan:
    """Decide what to do for one bucket.

    Args:
        authors: one row per author: author_id, author_name, text, content_hash, tokens, empty (nothing to summarise).
            Name, text and tokens decide nothing, and may be null.
        summaries: the bucket's summaries: author_id, content_hash, prompt_version, model, summarized_at.
        failures: the bucket's failure rows (`records.FAILURES`).
        identity: prompt version and model of the run.
        excluded: ids never to be sent.
        now: the time that decides which failures are due (UTC).
        choice: whom to ask besides authors who are pending or due.
        keep_removed: keep rows of authors that are no longer in `authors`.
        answered: author_id, content_hash, answered_at, replaces of the answers that a dead run left. They take
            precedence over failures, and over an older summary that they were requested to replace; any other answer
            is late, because another run answered first.
        tried: attempts under other prompts and models than those of an author's row (`earlier_attempts.TRIED`).
        second_model: the one that authors are asked of whom the run's model fails.
    """
    bucket = authors["bucket"][0] if authors.height else None
    by_rule = _skipped(authors, excluded, failures, now, bucket)
    skipped = pl.col("author_id").is_in(by_rule["author_id"].implode())
    tried_failures = failures.filter(pl.col("attempts") > 0)
    # Prompt and model are not compared, because a change of either re-asks nobody automatically.
    known = author_state(authors.with_columns(skipped=skipped), summaries, tried_failures)
    summarised = pl.col("state") == SUMMARY
    renewed = known.filter(summarised).join(
        _to_renew(summaries, choice, identity, answered, second_model),
        on="author_id",
        how="semi",
        maintain_order="left",
    )
    candidates = known.filter(~summarised & ~pl.col("skipped"))

    same = _same_identity(candidates, failures, identity, tried)
    asked_anyway = pl.col("retryable") & (pl.lit(choice.retry_all) | is_due(now))
    driven = same.filter(choice.redrive.failures & ~asked_anyway)
    blocked = same.filter(~(asked_anyway | choice.redrive.failures))
    if answered is not None:
        blocked = blocked.join(answered, on=["author_id", "content_hash"], how="anti")
    todo = (
        pl.concat([candidates.join(blocked.select("author_id"), on="author_id", how="anti"), renewed])
        .join(
            same.select("author_id", "attempts", "first_failed_at", *_second(choice)),
            on="author_id",
            how="left",
            maintain_order="left",
        )
        .select(
            "author_id",
            "author_name",
            "text",
            "content_hash",
            "tokens",
            pl.col("attempts").fill_null(0),
            "first_failed_at",
            "state",
            "has_summary",
            "outdated",
            "second_model",
            "second_reason",
            asked_before=pl.col("has_summary") | pl.col("has_failure"),
            driven=pl.col("author_id").is_in(driven["author_id"].to_list()),
        )
        .sort("author_id")
    )

    # A failure of older content, or a skip whose rule no longer applies, does not concern the current author.
    failed = candidates.filter(pl.col("state") == FAILED).select("author_id", "content_hash")
    failed_rows = tried_failures.join(failed, on=["author_id", "content_hash"], how="semi")
    gone_failures = failures.join(authors.select("author_id"), on="author_id", how="anti")
    gone_summaries = summaries.join(authors.select("author_id"), on="author_id", how="anti")
    kept = gone_failures if keep_removed else gone_failures.clear()
    kept = kept.filter(~pl.col("author_id").is_in(list(excluded)))
    removed = set() if keep_removed else set(gone_summaries["author_id"])
    removed |= excluded.intersection(gone_summaries["author_id"])  # opted-out authors are never kept
    # A failure by rule replaces any summary, and a failure of the current content an outdated one.
    removed |= set(known.filter(pl.col("skipped") & pl.col("has_summary"))["author_id"])
    removed |= set(
        candidates.filter("outdated").join(blocked.select("author_id"), on="author_id", how="semi")["author_id"]
    )
    rows = pl.concat([failed_rows.select(FAILURES.names()), by_rule, kept.select(FAILURES.names())]).sort("author_id")
    return Plan(authors.height + kept.height, todo, frozenset(removed), rows)


def _second(choice: Choice) -> tuple[pl.Expr, pl.Expr]:
    """What the second model did; a person who chooses a failure has it asked again, too."""
    model, reason = (
        pl.when(~choice.redrive.failures).then(pl.col(name)).alias(name) for name in ("second_model", "second_reason")
    )
    return model, reason


def _to_renew(
    summaries: pl.DataFrame,
    choice: Choice,
    identity: Identity,
    answered: pl.DataFrame | None,
    second_model: str | None,
) -> pl.DataFrame:
    """author_id of the summaries to replace: chosen ones, and those for which a dead run left a replacement."""
    current = (identity.model,) if second_model is None else (identity.model, second_model)
    chosen = summaries.filter(choice.resummarize.summaries(identity.prompt_version, *current))
    ids = chosen.select("author_id")
    if answered is None or answered.is_empty():
        return ids
    newer = summaries.join(answered, on=["author_id", "content_hash"]).filter(
        pl.col("replaces") & (pl.col("answered_at") > pl.col("summarized_at"))
    )
    return pl.concat([ids, newer.select("author_id")]).unique()


def _same_identity(
    candidates: pl.DataFrame, failures: pl.DataFrame, identity: Identity, tried: pl.DataFrame
) -> pl.DataFrame:
    mine = failures.filter((pl.col("prompt_version") == identity.prompt_version) & (pl.col("model") == identity.model))
    if not tried.is_empty():
        mine = pl.concat([mine, as_tried_with(failures, tried, identity.prompt_version, identity.model)])
    return mine.join(candidates.select("author_id", "content_hash"), on=["author_id", "content_hash"], how="semi")


def _skipped(
    authors: pl.DataFrame,
    excluded: frozenset[str],
    failures: pl.DataFrame,
    now: datetime,
    bucket: str | None,
) -> pl.DataFrame:
    """Failure rows of authors skipped by a rule; without prompt and model, so that changing these rewrites nothing."""
    reason = (
        pl.when(pl.col("author_id").is_in(list(excluded)))
        .then(pl.lit(str(FailureReason.EXCLUDED)))
        .when(pl.col("empty"))
        .then(pl.lit(str(FailureReason.NO_PAPERS)))
    )
    rows = authors.select("author_id", "content_hash", reason=reason).filter(pl.col("reason").is_not_null())
    detail = pl.col("reason").replace_strict({str(r): r.meaning for r in FailureReason if r.skipped})
    known = failures.filter(pl.col("attempts") == 0).select("author_id", "reason", since="first_failed_at")
    rows = rows.join(known, on=["author_id", "reason"], how="left", maintain_order="left")
    since = pl.col("since").fill_null(now)
    columns = {
        "bucket": pl.lit(bucket),
        "detail": detail,
        "retryable": pl.lit(value=False),
        "attempts": pl.lit(0),
        "first_failed_at": since,
        "last_failed_at": since,
    }
    rows = rows.with_columns(**columns)
    return rows.select(
        (pl.col(name) if name in rows.columns else pl.lit(None).alias(name)).cast(dtype)
        for name, dtype in FAILURES.items()
    )

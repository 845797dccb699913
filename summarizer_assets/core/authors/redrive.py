"""A person's choice of authors to ask again, besides those whom a run asks anyway."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime

import polars as pl

from summarizer_assets.core.records import FailureReason

_NOBODY: frozenset[str] = frozenset()


class ChoiceError(ValueError):
    """A choice in the launchpad is invalid; the message says which, and what is allowed."""


def moment_of(text: str) -> datetime:
    """Parse a moment; UTC if it has no time zone.

    Raises:
        ChoiceError: the text is not a moment.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ChoiceError(f"resummarize: before={text!r} is no moment; write it as in 2026-11-20T08:00:00Z") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment


@dataclass(frozen=True)
class Redrive:
    """Failures to ask now: due or not, past the cap of attempts, and of reasons that are not retried automatically.

    All non-empty filters must match; without any filter, no failure is chosen.
    """

    reasons: frozenset[str] = _NOBODY
    authors: frozenset[str] = _NOBODY
    failed_before: datetime | None = None

    def __post_init__(self) -> None:
        asked_by_nobody = {str(reason) for reason in FailureReason if reason.skipped}
        allowed = sorted({str(reason) for reason in FailureReason} - asked_by_nobody)
        for reason in sorted(self.reasons):
            if reason in asked_by_nobody:
                raise ChoiceError(
                    f"redrive: {reason} stands for authors of whom no request is made; change their record in the "
                    "source, or the list SUMMARIZER_EXCLUDE"
                )
            if reason not in allowed:
                raise ChoiceError(f"redrive: unknown reason {reason}; allowed: {', '.join(allowed)}")

    def __bool__(self) -> bool:
        return bool(self.reasons or self.authors or self.failed_before)

    @property
    def failures(self) -> pl.Expr:
        """The expression that selects rows of `records.FAILURES`."""
        before = None if self.failed_before is None else pl.col("last_failed_at") < self.failed_before
        return _all_of([_one_of("reason", self.reasons), _one_of("author_id", self.authors), before])


@dataclass(frozen=True)
class Resummarize:
    """Summaries of the current content to regenerate; all given filters must match, and without any none is chosen.

    `other_identity`: made with another prompt or model than the current one. `before`: made before that moment (UTC).
    A summary is kept until the new one exists, and if that fails.
    """

    prompt_versions: frozenset[str] = _NOBODY
    models: frozenset[str] = _NOBODY
    authors: frozenset[str] = _NOBODY
    before: datetime | None = None
    other_identity: bool = False

    def __bool__(self) -> bool:
        texts = self.prompt_versions or self.models or self.authors
        return bool(texts) or self.before is not None or self.other_identity

    def summaries(self, prompt_version: str, *models: str) -> pl.Expr:
        """The expression that selects rows of `records.SUMMARIES`, for the current `prompt_version` and `models`."""
        filters = [
            _one_of("prompt_version", self.prompt_versions),
            _one_of("model", self.models),
            _one_of("author_id", self.authors),
        ]
        if self.before is not None:
            filters.append(pl.col("summarized_at") < self.before)
        if self.other_identity:
            filters.append((pl.col("prompt_version") != prompt_version) | ~pl.col("model").is_in(list(models)))
        return _all_of(filters)


@dataclass(frozen=True)
class Choice:
    """`retry_all`: every retryable failure. `spend`: if False, the run only computes requests and cost."""

    retry_all: bool = False
    redrive: Redrive = field(default_factory=Redrive)
    resummarize: Resummarize = field(default_factory=Resummarize)
    spend: bool = True

    @property
    def priced(self) -> bool:
        """Whether the run first reports its requests and cost."""
        return bool(not self.spend or self.redrive or self.resummarize)


#: Only authors who are pending or due.
NOBODY_CHOSEN = Choice()


def _one_of(column: str, values: Collection[str]) -> pl.Expr | None:
    return pl.col(column).is_in(sorted(values)) if values else None


def _all_of(filters: Collection[pl.Expr | None]) -> pl.Expr:
    given = [one for one in filters if one is not None]
    return pl.all_horizontal(given) if given else pl.lit(value=False)

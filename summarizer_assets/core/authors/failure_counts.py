"""Failure statistics for people: numbers by reason, when they are retried, and the remedy."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import polars as pl

from summarizer_assets.core.authors.remedies import REMEDIES
from summarizer_assets.core.authors.state import is_due, is_retried
from summarizer_assets.core.records import FailureReason


def _clause(reason: FailureReason) -> str:
    action = REMEDIES[reason].action.removesuffix(".")
    words = action[0].lower() + action[1:]
    return f"retried by itself; {words}" if reason.retryable else words


#: The remedy for each failure reason, as part of a longer sentence.
ACTIONS: Final[Mapping[FailureReason, str]] = {reason: _clause(reason) for reason in FailureReason}
_REASONS: Final[Mapping[str, FailureReason]] = {str(reason): reason for reason in FailureReason}


@dataclass
class Failures:
    """Failures of one reason. `authors = due + waiting + exhausted + final`.

    `due` may be asked now, `waiting` later; `exhausted` have used all attempts; `final` are not retried automatically.
    `example`: the detail of the latest failure.
    """

    authors: int = 0
    due: int = 0
    waiting: int = 0
    exhausted: int = 0
    final: int = 0
    example: str = ""
    last_at: datetime | None = None

    def add(self, other: "Failures") -> None:
        self.authors += other.authors
        self.due += other.due
        self.waiting += other.waiting
        self.exhausted += other.exhausted
        self.final += other.final
        if self.last_at is None or (other.last_at is not None and other.last_at > self.last_at):
            self.example, self.last_at = other.example, other.last_at


class FailureStatistics:
    """Failures by reason, added part by part; `now` and `max_attempts` decide which are due and which exhausted."""

    def __init__(self, now: datetime, max_attempts: int) -> None:
        self._reasons: dict[str, Failures] = defaultdict(Failures)
        self._now = now
        self._max_attempts = max_attempts

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows of `records.FAILURES`, one per author."""
        retried = pl.col("retryable").fill_null(value=False)
        left, now = is_retried(self._max_attempts), is_due(self._now)
        counted = rows.group_by("reason").agg(
            pl.len(),
            (left & now).sum().alias("due"),
            (left & ~now).sum().alias("waiting"),
            (retried & ~left).sum().alias("exhausted"),
            (~retried).sum().alias("final"),
            pl.col("detail").sort_by("last_failed_at").last().fill_null(""),
            pl.col("last_failed_at").max(),
        )
        for reason, *facts in counted.iter_rows():
            self._reasons[reason or ""].add(Failures(*facts))

    @property
    def by_reason(self) -> dict[str, Failures]:
        """The failures by reason, most frequent first."""
        return dict(sorted(self._reasons.items(), key=lambda item: (-item[1].authors, item[0])))

    @property
    def total(self) -> Failures:
        total = Failures()
        for failures in self._reasons.values():
            total.add(failures)
        return total


def meaning_of(reason: str) -> str:
    """The meaning of a reason in the table, which another version of this package may have written."""
    return _REASONS[reason].meaning if reason in _REASONS else "a reason that this version does not know"


def action_for(reason: str) -> str:
    return ACTIONS[_REASONS[reason]] if reason in _REASONS else "read the detail"


def is_rule(reason: str) -> bool:
    """Whether the reason is a rule by which no request is made."""
    return reason in _REASONS and _REASONS[reason].skipped

"""Launchpad configuration of `author_summaries`: whom to ask again, and whether to pay for it."""

from datetime import datetime, timedelta
from enum import StrEnum

import dagster as dg
from pydantic import Field

from summarizer_assets.core.authors.redrive import Choice, Redrive, Resummarize, moment_of
from summarizer_assets.core.records import FailureReason

#: The reasons that a request may mend. The launchpad completes the names of members, so these are the reasons' own.
Reason = StrEnum("Reason", {str(reason): str(reason) for reason in FailureReason if not reason.skipped})  # type: ignore[misc] # mypy wants literals


class RedriveConfig(dg.Config):
    """Failures to ask now, whatever their due time, attempts and reason. All given lists must match."""

    reasons: list[Reason] = Field(
        default=[], description='Only those that failed for one of these, as in ["ungrounded"].'
    )
    authors: list[str] = Field(default=[], description="Only these author ids.")
    failed_before: str | None = Field(
        default=None, description="Only those that failed last before this moment, as in 2026-11-20T08:00:00Z."
    )

    @property
    def chosen(self) -> Redrive:
        """The validated choice.

        Raises:
            ChoiceError: a reason does not exist or cannot be resolved by a request, or a moment is invalid.
        """
        before = None if self.failed_before is None else moment_of(self.failed_before)
        return Redrive(frozenset(map(str, self.reasons)), frozenset(self.authors), before)


class ResummarizeConfig(dg.Config):
    """Summaries to regenerate. All given filters must match; the old summary is kept until the new one exists."""

    other_prompt_or_model: bool = Field(
        default=False, description="Only those made with another prompt or model than that of the settings now."
    )
    prompt_versions: list[str] = Field(default=[], description="Only those of these prompt versions.")
    models: list[str] = Field(default=[], description="Only those of these models.")
    older_than_days: float | None = Field(default=None, ge=0, description="Only those made before so many days.")
    before: str | None = Field(
        default=None,
        description="Only those made before this moment, as in 2026-11-20T08:00:00Z; UTC if it says no zone.",
    )
    authors: list[str] = Field(default=[], description="Only these author ids.")

    def chosen(self, now: datetime) -> Resummarize:
        """The validated choice; an age is counted back from `now`.

        Raises:
            ChoiceError: `before` is not a valid moment.
        """
        by_age = None if self.older_than_days is None else now - timedelta(days=self.older_than_days)
        by_moment = None if self.before is None else moment_of(self.before)
        return Resummarize(
            frozenset(self.prompt_versions),
            frozenset(self.models),
            frozenset(self.authors),
            min((moment for moment in (by_age, by_moment) if moment is not None), default=None),
            self.other_prompt_or_model,
        )


class SummariesConfig(dg.Config):
    """What a run does besides asking the authors who are pending or due."""

    retry_all: bool = Field(
        default=False,
        description="Ask every retryable failure now, also those not yet due or past SUMMARIZER_MAX_ATTEMPTS.",
    )
    redrive: RedriveConfig = Field(
        default=RedriveConfig(), description="Failures to ask again, by reason and author; needs `spend`."
    )
    resummarize: ResummarizeConfig = Field(
        default=ResummarizeConfig(),
        description="Summaries to make anew, by prompt, model, age and author; needs `spend`.",
    )
    spend: bool | None = Field(
        default=None,
        description="False shows what the run would ask and cost, and calls no model. With `redrive` or `resummarize` "
        "that is so until it is true; other runs need not say it.",
    )

    def choice(self, now: datetime) -> Choice:
        """The validated choice.

        Raises:
            ChoiceError: see `RedriveConfig.chosen` and `ResummarizeConfig.chosen`.
        """
        redrive = self.redrive.chosen
        resummarize = self.resummarize.chosen(now)
        return Choice(self.retry_all, redrive, resummarize, spend=self._spends(redrive, resummarize))

    def _spends(self, redrive: Redrive, resummarize: Resummarize) -> bool:
        return not (redrive or resummarize) if self.spend is None else self.spend

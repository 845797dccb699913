"""The one thing to do next, as a sentence and a command: decided from where a root stands. Pure."""

from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.authors.failure_counts import is_rule
from summarizer_assets.core.authors.remedies import change_for
from summarizer_assets.core.display_text import exact_usd, listed_buckets, moment, number_of
from summarizer_assets.core.run_records import OWN_STOPS
from summarizer_assets.overview.facts import Overview

_BUDGET: Final = "budget"
#: Stops after which nothing need be mended.
_GO_ON: Final = frozenset({"terminated", "died"})


@dataclass(frozen=True)
class Next:
    """`what`: the finding, and what to do before the command. `command`: to call then; empty if there is none."""

    what: str
    command: str = ""

    @property
    def line(self) -> str:
        return f"{self.what}: {self.command}" if self.command else self.what


def next_command(now: Overview) -> Next:
    """The most urgent step; there is always one."""
    coverage = now.coverage
    if not coverage.authors:
        return Next("There are no authors yet", "summarizer run")
    if now.at_work:
        return Next(f"{listed_buckets(now.at_work).capitalize()} at work: the numbers still move", "summarizer status")
    return _of_stops(now) or _of_pending(now) or _of_failures(now) or Next("All is done", "summarizer report --open")


def _of_stops(now: Overview) -> Next | None:
    out_of_money = now.budget is not None and now.spent + now.uncertain >= now.budget and now.budget > 0
    if out_of_money and now.coverage.pending and now.budget is not None:
        return Next(
            f"The budget of {exact_usd(now.budget)} is used up; raise SUMMARIZER_BUDGET_USD, then", "summarizer run"
        )
    if not now.stopped:
        return None
    cause, buckets, remedy = now.stopped[0]
    what = f"The last run of {listed_buckets(buckets)} ended early ({cause})"
    if cause in _GO_ON:
        return Next(what, "summarizer run")
    command = "summarizer run" if cause in OWN_STOPS or cause == _BUDGET else "summarizer ping, and summarizer run"
    return Next(f"{what}: {remedy}. Then", command)


def _of_pending(now: Overview) -> Next | None:
    pending, waiting = now.pending_elsewhere, now.in_batch
    if waiting.can_go_on:
        return Next(f"{number_of(waiting.for_us, 'batch job')} can be collected, or sent", "summarizer run")
    if not pending:
        return _of_jobs(now)
    if now.limit is not None and now.coverage.answered >= now.limit:
        return Next(
            f"The pilot of {number_of(now.limit)} is through. Look at some (summarizer report --open), then ask the "
            f"other {pending:,} without a limit",
            "summarizer run",
        )
    if now.parked:
        keys = [bucket.bucket for bucket in now.parked]
        return Next(
            f"{listed_buckets(keys).capitalize()} parked: no sensor tries again. Mend the cause, then", "summarizer run"
        )
    return Next(f"{number_of(pending)} wait to be asked", "summarizer run")


def _of_jobs(now: Overview) -> Next | None:
    waiting = now.in_batch
    if not waiting.jobs:
        return None
    what = f"{number_of(waiting.authors)} wait for {number_of(waiting.jobs, 'batch job')}; summarizer ui collects them"
    return Next(f"{what} by itself, or later", "summarizer run")


def _of_failures(now: Overview) -> Next | None:
    due = sum(some.due for some in now.failures.values())
    if due:
        return Next(f"{number_of(due)} failed and are due for another try", "summarizer run")
    for reason, some in now.failures.items():
        left = some.final + some.exhausted
        if left and not is_rule(reason):
            remedy = change_for(reason).removesuffix(", then re-drive the author")
            return Next(
                f"{number_of(left)} failed for {reason}; {remedy}, then", f"summarizer redrive --reason {reason}"
            )
    if now.next_retry_at is not None:
        what = f"Failures wait until {moment(now.next_retry_at)}; summarizer ui retries them by itself, or then"
        return Next(what, "summarizer run")
    return None

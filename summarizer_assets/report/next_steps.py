"""Recommended next steps from the numbers of a report, most urgent first; self-healing problems are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.coverage import Coverage
from summarizer_assets.core.failure_counts import Failures, action_for, is_rule
from summarizer_assets.core.money.amounts import shown

_MANY: Final = 0.05  # share of the authors from which on it is not a matter of single cases
_NEARLY: Final = 0.9  # share of the budget
_NAMED_BUCKETS: Final = 8


@dataclass(frozen=True)
class Step:
    """`what`: the finding. `how`: the remedy. `pressing`: it needs action, not only attention."""

    what: str
    how: str
    pressing: bool = True


@dataclass(frozen=True)
class Situation:
    """The inputs of the decision. Money in nano-dollars; `budget`: None if none is set.

    `waiting_in`: number of buckets with pending authors. `stopped`: causes why last runs ended early, with the buckets
    and the remedy. `at_work`: buckets with a running run. `doubtful`: those of the `flagged` with a flag of their text.
    `priced`: whether the cost of a request is known.
    """

    coverage: Coverage
    failures: Mapping[str, Failures] | None = None
    waiting_in: Sequence[str] = ()
    stopped: Sequence[tuple[str, Sequence[str], str]] = ()
    at_work: Sequence[str] = ()
    rejected: int = 0
    flagged: int = 0
    doubtful: int = 0
    commonest_flag: str = ""
    spent: int = 0
    uncertain: int = 0
    budget: int | None = None
    priced: bool = True
    keep_removed: bool = False


def verdict(coverage: Coverage, failures: Mapping[str, Failures]) -> str:
    """The overall state in a few words."""
    by_rule = sum(failures[reason].authors for reason in failures if is_rule(reason))
    failed = coverage.failed - by_rule
    if not coverage.authors:
        return "No authors yet"
    if not coverage.answered:
        return "Nobody was asked yet"
    if coverage.pending:
        return f"{_authors(coverage.pending)} still to be asked" + (f", {failed:,} failed" if failed else "")
    if failed:
        return f"Everybody was asked, {failed:,} failed"
    return "Complete"


def next_steps(now: Situation) -> list[Step]:
    """The steps, pressing ones first; empty if there is nothing to do."""
    steps = [*_of_runs(now), *_of_authors(now), *_of_failures(now), *_of_money(now), *_to_look_at(now)]
    return sorted(steps, key=lambda step: not step.pressing)


def _of_runs(now: Situation) -> list[Step]:
    steps = [
        Step(f"the last run of {_named(buckets)} ended before its work did: {made_visible(cause, 40)}", remedy)
        for cause, buckets, remedy in now.stopped
    ]
    if now.at_work:
        steps.append(Step(f"{_named(now.at_work)} at work now", "the numbers still move: look again later", False))
    return steps


def _of_authors(now: Situation) -> list[Step]:
    coverage = now.coverage
    if not coverage.authors:
        return [Step("there are no authors", "materialize the asset authors, all partitions: one pass over the source")]
    steps = []
    new = coverage.pending - coverage.outdated
    where = "" if now.at_work or not now.waiting_in else f": {_named(now.waiting_in)}"
    if new:
        how = f"materialize author_summaries for their partitions, as a backfill{where}"
        steps.append(Step(f"{_authors(new)} wait to be asked", how))
    if coverage.outdated:
        how = f"materialize their partitions; until then the old summaries stand{where}"
        steps.append(Step(f"{_authors(coverage.outdated)} changed since their summary was written", how))
    return steps


def _of_failures(now: Situation) -> list[Step]:
    failures = now.failures or {}
    steps = []
    due, exhausted = (sum(getattr(some, name) for some in failures.values()) for name in ("due", "exhausted"))
    if due:
        how = "the sensor retry_failed_authors asks them while it is turned on; or materialize their partitions"
        steps.append(Step(f"{_authors(due)} failed and are due for another try", how))
    if exhausted:
        how = "mend the cause, then materialize their partitions with retry_all: true in the launchpad"
        steps.append(Step(f"{_authors(exhausted)} failed in as many runs as SUMMARIZER_MAX_ATTEMPTS allows", how))
    for reason, some in failures.items():
        if not is_rule(reason) and (some.final or some.authors >= _MANY * now.coverage.authors):
            steps.append(Step(f"{_authors(some.authors)} failed for {made_visible(reason, 40)}", action_for(reason)))
    return steps


def _of_money(now: Situation) -> list[Step]:
    steps = []
    if now.budget is not None and now.spent + now.uncertain >= _NEARLY * now.budget:
        used = shown(now.spent + now.uncertain)
        steps.append(Step(f"{used} of a budget of {shown(now.budget)} are used", "raise SUMMARIZER_BUDGET_USD in time"))
    if now.uncertain:
        how = (
            "look at the provider's bill; what was not billed is released by "
            "python -m summarizer_assets.spend --release-uncertain"
        )
        steps.append(Step(f"{shown(now.uncertain)} may have been billed, nobody knows", how, False))
    if not now.priced:
        how = "set SUMMARIZER_PRICE_INPUT_USD and SUMMARIZER_PRICE_OUTPUT_USD, so that the cost is counted"
        steps.append(Step("no price of the model is known", how, False))
    return steps


def _to_look_at(now: Situation) -> list[Step]:
    steps = []
    if now.coverage.vanished:
        how = (
            "SUMMARIZER_KEEP_REMOVED keeps them"
            if now.keep_removed
            else "the next runs of their buckets delete these summaries"
        )
        what = f"{_people(now.coverage.vanished)} with a summary left the source"
        steps.append(Step(what, how, False))
    if now.rejected:
        how = "look at the table rejected_source_rows, and mend the source"
        steps.append(Step(f"{now.rejected:,} source rows can be no author", how, False))
    if now.doubtful:
        how = 'read those that the report shows under "Summaries to look at", the most doubtful first'
        steps.append(Step(f"{_summaries(now.doubtful)} in doubt", how, False))
    elif now.flagged:
        how = "nothing is wrong with their texts; the report says what the flags mean"
        most = f", most often {made_visible(now.commonest_flag, 40)}" if now.commonest_flag else ""
        steps.append(Step(f"{_summaries(now.flagged)} with a flag{most}", how, False))
    return steps


def _authors(number: int) -> str:
    return f"{number:,} author{'' if number == 1 else 's'}"


def _summaries(number: int) -> str:
    return f"{number:,} {'summary' if number == 1 else 'summaries'}"


def _people(number: int) -> str:
    return f"{number:,} {'person' if number == 1 else 'people'}"


def _named(buckets: Sequence[str]) -> str:
    some = ", ".join(buckets[:_NAMED_BUCKETS])
    more = f" and {len(buckets) - _NAMED_BUCKETS:,} more" if len(buckets) > _NAMED_BUCKETS else ""
    return f"bucket{'' if len(buckets) == 1 else 's'} {some}{more}"

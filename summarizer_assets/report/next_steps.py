"""Recommended next steps from the numbers of a report, most urgent first; self-healing problems are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.authors.coverage import Coverage
from summarizer_assets.core.authors.failure_counts import Failures, action_for, is_rule
from summarizer_assets.core.display_text import exact_usd, listed_buckets, number_of

_MANY: Final = 0.05  # share of the authors from which on it is not a matter of single cases
_NEARLY: Final = 0.9  # share of the budget


@dataclass(frozen=True)
class Step:
    """`what`: the finding. `how`: the remedy. `pressing`: it needs action, not only attention."""

    what: str
    how: str
    pressing: bool = True


@dataclass(frozen=True)
class Situation:
    """The inputs of the decision. Money in nano-dollars; `budget`: None if none is set.

    `waiting_in`: buckets with pending authors for whom no batch job is under way; `in_batch`: pending authors for whom
    one is, `batch_jobs`: what is told of these jobs. `stopped`: causes why last runs ended early, with the buckets
    and the remedy. `at_work`: buckets with an active run. `doubtful`: those of the `flagged` with a flag of their text.
    `priced`: whether the cost of a request is known.
    """

    coverage: Coverage
    failures: Mapping[str, Failures] | None = None
    waiting_in: Sequence[str] = ()
    in_batch: int = 0
    batch_jobs: str = ""
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
        return f"{number_of(coverage.pending)} still to be asked" + (f", {failed:,} failed" if failed else "")
    if failed:
        return f"Everybody was asked, {failed:,} failed"
    return "Complete"


def next_steps(now: Situation) -> list[Step]:
    """The steps, pressing ones first; empty if there is nothing to do."""
    steps = [*_of_runs(now), *_of_authors(now), *_of_failures(now), *_of_money(now), *_to_look_at(now)]
    return sorted(steps, key=lambda step: not step.pressing)


def _of_runs(now: Situation) -> list[Step]:
    steps = [
        Step(f"the last run of {listed_buckets(buckets)} ended before its work did: {made_visible(cause, 40)}", remedy)
        for cause, buckets, remedy in now.stopped
    ]
    if now.at_work:
        how = "the numbers still move: look again later"
        steps.append(Step(f"{listed_buckets(now.at_work)} at work now", how, False))
    return steps


def _of_authors(now: Situation) -> list[Step]:
    coverage = now.coverage
    if not coverage.authors:
        return [Step("there are no authors", "materialize the asset authors, all partitions: one pass over the source")]
    steps = []
    left = coverage.pending - now.in_batch
    outdated = min(coverage.outdated, left)
    new = left - outdated
    where = "" if now.at_work or not now.waiting_in else f": {listed_buckets(now.waiting_in)}"
    if new:
        how = f"`summarizer run`, or materialize author_summaries for their partitions, as a backfill{where}"
        steps.append(Step(f"{number_of(new)} wait to be asked", how))
    if outdated:
        how = f"materialize their partitions; until then the old summaries stand{where}"
        steps.append(Step(f"{number_of(outdated)} changed since their summary was written", how))
    if now.in_batch:
        how = "the sensor collect_batches collects them while it is turned on; `summarizer jobs` lists them"
        steps.append(Step(f"{number_of(now.in_batch)} wait in {now.batch_jobs}", how, False))
    return steps


def _of_failures(now: Situation) -> list[Step]:
    failures = now.failures or {}
    steps = []
    due, exhausted = (sum(getattr(some, name) for some in failures.values()) for name in ("due", "exhausted"))
    if due:
        how = "the sensor retry_failed_authors asks them while it is turned on; or materialize their partitions"
        steps.append(Step(f"{number_of(due)} failed and are due for another try", how))
    if exhausted:
        how = "mend the cause, then materialize their partitions with retry_all: true in the launchpad"
        steps.append(Step(f"{number_of(exhausted)} failed in as many runs as SUMMARIZER_MAX_ATTEMPTS allows", how))
    for reason, some in failures.items():
        if not is_rule(reason) and (some.final or some.authors >= _MANY * now.coverage.authors):
            steps.append(Step(f"{number_of(some.authors)} failed for {made_visible(reason, 40)}", action_for(reason)))
    return steps


def _of_money(now: Situation) -> list[Step]:
    steps = []
    if now.budget is not None and now.spent + now.uncertain >= _NEARLY * now.budget:
        what = f"{exact_usd(now.spent + now.uncertain)} of a budget of {exact_usd(now.budget)} are used"
        steps.append(Step(what, "raise SUMMARIZER_BUDGET_USD in time"))
    if now.uncertain:
        how = "look at the provider's bill; what was not billed is released by summarizer spend --release-uncertain"
        steps.append(Step(f"{exact_usd(now.uncertain)} may have been billed, nobody knows", how, False))
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
        what = f"{number_of(now.coverage.vanished, 'person', 'people')} with a summary left the source"
        steps.append(Step(what, how, False))
    if now.rejected:
        how = "look at the table rejected_source_rows, and mend the source"
        steps.append(Step(f"{now.rejected:,} source rows can be no author", how, False))
    if now.doubtful:
        how = 'read those that the report shows under "Summaries to look at", the most doubtful first'
        steps.append(Step(f"{number_of(now.doubtful, 'summary', 'summaries')} in doubt", how, False))
    elif now.flagged:
        how = "nothing is wrong with their texts; the report says what the flags mean"
        most = f", most often {made_visible(now.commonest_flag, 40)}" if now.commonest_flag else ""
        steps.append(Step(f"{number_of(now.flagged, 'summary', 'summaries')} with a flag{most}", how, False))
    return steps

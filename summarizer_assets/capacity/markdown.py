"""Output of a capacity plan as Markdown and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from summarizer_assets.capacity.fleet import COMMITS, CPU, REACHED, STARTS, Capacity
from summarizer_assets.capacity.footprint import Footprint
from summarizer_assets.capacity.inputs import Given
from summarizer_assets.core.display_text import duration, number, number_of, size, usd
from summarizer_assets.core.duration import ANSWERS, REQUESTS, TOKENS
from summarizer_assets.core.markdown import table

_REMEDIES: Final = {
    REQUESTS: "a larger SUMMARIZER_GROUP_SIZE makes fewer requests, or the provider raises the limit; no worker helps",
    TOKENS: "fewer SUMMARIZER_WORDS and SUMMARIZER_MAX_PAPERS take fewer tokens, or the provider raises the limit; no "
    "worker helps",
    CPU: "more workers or cores; SUMMARIZER_GROUNDING=false saves about two fifths",
    ANSWERS: "a larger SUMMARIZER_MAX_IN_FLIGHT, which costs next to nothing, then more workers",
    STARTS: "fewer buckets, so that a run has more to do",
    COMMITS: "fewer buckets, or a larger SUMMARIZER_COMMIT_ROWS; several roots commit side by side",
}
_GB: Final = 1e9


def capacity_markdown(given: Given, plans: Sequence[Capacity], footprint: Footprint) -> str:
    """The plan as Markdown; `plans`: the requested one first, then others of the same job for comparison."""
    asked = plans[0]
    job = given.job
    takes = f"{number(job.authors)} authors on {number_of(asked.workers, 'worker')}: {duration(asked.seconds)}"
    lines = [
        f"**{takes}, bound by {asked.bound_by}.**",
        f"{number(job.requests)} requests, {number(job.tokens)} tokens, {_cost(asked)}.",
        "",
        _comparison(sorted({plan.workers: plan for plan in plans}.values(), key=lambda plan: plan.workers)),
        "",
        *(f"- {note}" for note in _notes(given, asked, footprint)),
        "",
        table(("reckoned with", "", "from"), list(given.figures)),
    ]
    return "\n".join(lines)


def capacity_json(given: Given, plans: Sequence[Capacity], footprint: Footprint) -> dict[str, Any]:
    return {
        "given": {
            "job": asdict(given.job),
            "fleet": asdict(given.fleet),
            "limits": asdict(given.provider.limits),
            "request_s": given.provider.request_s(given.job),
            "origins": {figure.name: figure.origin for figure in given.figures},
        },
        "plan": asdict(plans[0]),
        "by_workers": [asdict(plan) for plan in plans[1:]],
        "buckets": asdict(given.recommended),
        "footprint": asdict(footprint),
    }


def _comparison(plans: Sequence[Capacity]) -> str:
    head = ("workers", "takes", "bound by", "of the limit", "requests in flight, at most")
    rows: list[tuple[str, ...]] = [
        (
            number(plan.workers),
            duration(plan.seconds),
            plan.bound_by,
            "" if plan.limit_used is None else f"{plan.limit_used:.0%}",
            number(plan.in_flight),
        )
        for plan in plans
    ]
    return table(head, rows)


def _notes(given: Given, asked: Capacity, footprint: Footprint) -> Iterator[str]:
    yield f"What binds is {asked.bound_by}. What helps: {_REMEDIES[asked.bound_by]}."
    yield from _reaching(given, asked)
    yield from _buckets(given)
    at_once, memory = given.fleet.runs_at_once, footprint.run_bytes / _GB
    yield (
        f"A run holds {number(footprint.authors_a_bucket)} authors and takes up to {memory:.1f} GB of memory; "
        f"{at_once} at once on a worker, {at_once * memory:.1f} GB."
    )
    yield (
        f"Left behind: {number(footprint.runs)} runs with {size(footprint.event_bytes)} of Dagster's events in "
        f"{number(footprint.event_files)} files; `author_summaries` with {number(footprint.files)} files and about "
        f"{number(footprint.versions)} versions; {size(footprint.table_bytes)} in `authors` and `author_summaries`."
    )


def _reaching(given: Given, asked: Capacity) -> Iterator[str]:
    if asked.in_flight_in_all is None:
        yield "No limit is known, so nobody can say how many workers would be enough."
        return
    yield (
        f"To use all of the limit, {number(asked.in_flight_in_all)} requests have to be in flight: as many a second as "
        f"it allows, for {given.provider.request_s(given.job):,.1f} s each."
    )
    in_flight, here = given.fleet.in_flight, number_of(asked.workers, "worker")
    ways = []
    if asked.workers_needed is not None:
        ways.append(f"{number_of(asked.workers_needed, 'worker')} with {number(in_flight)} in flight a run")
    if asked.in_flight_needed is not None and asked.in_flight_needed != in_flight:
        ways.append(f"{here} with SUMMARIZER_MAX_IN_FLIGHT={asked.in_flight_needed}")
    if ways:
        yield f"{REACHED:.0%} of the limit takes {', or '.join(ways)}."
    else:
        yield (
            f"Neither more workers nor more in flight use {REACHED:.0%} of the limit: the job is over before, or has "
            "too few buckets for more runs at a time."
        )


def _buckets(given: Given) -> Iterator[str]:
    recommended, chosen = given.recommended, given.fleet.buckets
    yield f"Buckets: **{number(recommended.count)}** recommended: {recommended.reason}."
    if given.made_with is not None and recommended.count > chosen:
        yield (
            f"The tables were made with {number(given.made_with)}, which is fixed; a new root may have others "
            "(docs/operations.md)."
        )


def _cost(plan: Capacity) -> str:
    return "no price is known" if plan.cost_usd is None else usd(plan.cost_usd)

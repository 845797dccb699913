"""The price of a job before it is paid, in a few lines; `estimate.figures` has it for programs."""

from collections.abc import Iterator
from typing import Final

from summarizer_assets.core.display_text import duration, number, usd
from summarizer_assets.core.duration import UNKNOWN
from summarizer_assets.estimate.markdown import jobs_told, time_told
from summarizer_assets.estimate.spend import SpendEstimate
from summarizer_assets.estimate.terms import NO_PRICE, usd_span

_WIDTH: Final = 10


def price_text(spend: SpendEstimate) -> str:
    """What the pending authors will take."""
    return "\n".join(f"{name:<{_WIDTH}} {value}" for name, value in _lines(spend))


def _routes(spend: SpendEstimate) -> Iterator[tuple[str, str]]:
    """Each route with its price and window, where batch jobs are chosen, or are known to cost less."""
    if not any(route.jobs is not None and (route.chosen or route.discounted) for route in spend.routes):
        return
    for route in spend.routes:
        parts = [f"cost {UNKNOWN}" if route.cost_usd is None else usd(route.cost_usd.expected)]
        if route.duration.seconds is not None:
            parts.append(time_told(route.duration))
        if route.jobs is not None:
            parts.append(f"{jobs_told(route.jobs)} batch {'job' if route.jobs.jobs == 1 else 'jobs'}")
        yield "route", f"{route.name}: {', '.join(parts)}{' (configured)' if route.chosen else ''}"


def _lines(spend: SpendEstimate) -> Iterator[tuple[str, str]]:
    found, pending = spend.configured.estimate, spend.pending
    new, again = sum(pending.new.values()), sum(pending.known.values())
    held = f"; --limit or SUMMARIZER_LIMIT holds back {number(pending.held_back)}" if pending.held_back else ""
    jobs = f"; {number(spend.in_batch)} more are in batch jobs" if spend.in_batch else ""
    yield "authors", f"{number(pending.asked)} ({number(new)} new, {number(again)} again){held}{jobs}"
    yield "requests", f"{number(found.calls.expected)}, of at most {number(spend.configured.group_size)} authors each"
    yield "tokens", f"{number(found.prompt_tokens.expected)} in, {number(found.completion_tokens.expected)} out"
    if found.cost_usd is None:
        yield "cost", f"not known: {NO_PRICE}"
    else:
        yield "cost", usd_span(found.cost_usd) if found.cost_usd.high else "nothing"
    takes = spend.configured.duration
    if takes.seconds is not None:
        yield "time", f"{'at most' if takes.at_most else 'about'} {duration(takes.seconds)}, bound by {takes.bound_by}"
    yield from _routes(spend)
    if not spend.model.learnt and not (spend.prices.price and spend.prices.price.free):
        yield "", "a guess until the model has answered: a pilot (--limit 50) makes it sure"
    left, beyond = spend.budget_left_usd, spend.beyond_budget_usd
    if left is not None:
        more = f"; the job stops {usd(beyond)} short, and can go on later" if beyond is not None and beyond > 0 else ""
        yield "budget", f"{usd(left)} left{more}"
    yield from (("mind", notice) for notice in spend.prices.notices)

"""The cost estimate: calls, tokens and dollars for a number of authors, each with an interval.

In two steps, so that work can be summed before it is priced: `work_of` groups authors into requests as a run would,
`estimate_of` computes their usage and cost. A run can also price just the authors it has selected.

    work = work_of(plan.todo["tokens"], terms.limits, plan.todo["attempts"])
    estimate_of(work, terms).cost_usd.expected
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

import polars as pl

from summarizer_assets.core.estimation.token_model import TokenModel, believed
from summarizer_assets.core.money.amounts import Price, Usage, dollars
from summarizer_assets.core.prompt.grouping import GroupLimits, plan_groups

#: The normal distribution's quantile for intervals that contain the true value nine times in ten.
_QUANTILE: Final = 1.645


@dataclass(frozen=True)
class Span:
    """A figure with its 90 % interval."""

    low: float
    expected: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __mul__(self, number: float) -> "Span":
        return Span(self.low * number, self.expected * number, self.high * number)


@dataclass(frozen=True)
class Terms:
    """What determines the cost besides the authors.

    `overhead_tokens`: estimated tokens of a request without records (`core.prompt.messages.overhead_tokens`). `words`:
    length of a summary. `price`: None if unknown. `most_output`: output token limit of a request; None for no limit.
    """

    limits: GroupLimits
    overhead_tokens: int
    words: int
    price: Price | None = None
    most_output: int | None = None


@dataclass(frozen=True)
class Work:
    """Authors to ask, the number of requests, and the estimated tokens of their records.

    The two `_sd` are standard deviations of figures scaled up from a sample; 0 if all authors were counted.
    """

    authors: float = 0.0
    calls: float = 0.0
    record_tokens: float = 0.0
    authors_sd: float = 0.0
    record_tokens_sd: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.authors + other.authors,
            self.calls + other.calls,
            self.record_tokens + other.record_tokens,
            math.hypot(self.authors_sd, other.authors_sd),
            math.hypot(self.record_tokens_sd, other.record_tokens_sd),
        )


@dataclass(frozen=True)
class Estimate:
    """The estimate. `calls` and tokens include re-asked authors; `cost_usd`: None if no price is known."""

    authors: Span
    calls: Span
    prompt_tokens: Span
    completion_tokens: Span
    tokens: Span
    cost_usd: Span | None
    learnt: bool  # whether earlier usage contributed, not only the prior


def work_of(tokens: pl.Series | Iterable[int], limits: GroupLimits, attempts: pl.Series | None = None) -> Work:
    """The requests that a run makes for these authors.

    Args:
        tokens: estimated tokens of each author's record, in the run's order (`Plan.todo["tokens"]`).
        limits: limits of a request.
        attempts: earlier failed attempts of each author (`Plan.todo["attempts"]`); None if there are none.
    """
    listed = tokens.to_list() if isinstance(tokens, pl.Series) else list(tokens)
    tried = [0] * len(listed) if attempts is None else attempts.to_list()
    calls = sum(1 for _ in plan_groups(listed, tried, limits))
    return Work(len(listed), calls, sum(listed))


def estimate_of(work: Work, terms: Terms, model: TokenModel | None = None) -> Estimate:
    """The estimate of `work` under `terms`.

    Args:
        work: result of `work_of`, or a sum of several.
        terms: what determines the cost besides the authors.
        model: token model learnt from earlier runs (`core.estimation.token_model.learn`); None for the prior.
    """
    model = model or believed(terms.overhead_tokens, terms.words)
    again = model.again * work.authors
    calls, records = work.calls + again, work.record_tokens * (1 + model.again)
    asked, said = model.prompt_tokens(calls, records), model.completion_tokens(calls, work.authors)
    if terms.most_output is not None:
        said = min(said, calls * terms.most_output)
    in_vain = 1 / (1 - model.wasted)
    errors = _errors(work, model, calls, records)
    errors = [*errors, _Error(calls, asked, said).times(math.sqrt(model.wasted_var))]

    def span(of: Callable[[float, float, float], float]) -> Span:
        sd = math.hypot(*(of(error.calls, error.prompt, error.completion) for error in errors))
        expected = of(calls, asked, said)
        return Span(max(0.0, expected - _QUANTILE * sd), expected, expected + _QUANTILE * sd) * in_vain

    completion = span(lambda _, __, out: out)
    if terms.most_output is not None:
        completion = replace(completion, high=min(completion.high, calls * terms.most_output * in_vain))
    cost = None
    if terms.price is not None:
        asked_usd, said_usd = _per_token(terms.price)
        cost = span(lambda _, put, out: put * asked_usd + out * said_usd)
    authors_error = _QUANTILE * work.authors_sd
    return Estimate(
        authors=Span(max(0.0, work.authors - authors_error), work.authors, work.authors + authors_error),
        calls=span(lambda number, _, __: number),
        prompt_tokens=span(lambda _, put, __: put),
        completion_tokens=completion,
        tokens=span(lambda _, put, out: put + out),
        cost_usd=cost,
        learnt=model.learnt,
    )


@dataclass(frozen=True)
class _Error:
    """One standard deviation due to one cause, in each figure: fully correlated within a cause, independent across."""

    calls: float = 0.0
    prompt: float = 0.0
    completion: float = 0.0

    def times(self, factor: float) -> "_Error":
        return _Error(self.calls * factor, self.prompt * factor, self.completion * factor)


def _errors(work: Work, model: TokenModel, calls: float, records: float) -> list[_Error]:
    """The errors from the sample, from both parts of the token model, and from the share of re-asked authors."""
    more = work.authors_sd / work.authors if work.authors else 0.0
    repeated = work.authors * math.sqrt(model.again_var)
    each = work.record_tokens / work.authors if work.authors else 0.0
    return [
        _Error(
            calls * more,
            model.prompt_tokens(calls * more, work.record_tokens_sd),
            model.completion_tokens(0, work.authors_sd),
        ),
        _Error(prompt=math.sqrt(model.prompt_var(calls, records, work.authors))),
        _Error(completion=math.sqrt(model.completion_var(calls, work.authors))),
        _Error(repeated, model.prompt_tokens(repeated, repeated * each)),
    ]


def _per_token(price: Price) -> tuple[float, float]:
    """Dollars per prompt token and per answer token, assuming no cache."""
    million, price = 1_000_000, price.as_asked
    return dollars(price.cost(Usage(million, 0))) / million, dollars(price.cost(Usage(0, million))) / million

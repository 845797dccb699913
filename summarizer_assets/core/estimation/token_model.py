"""The token model of requests with its uncertainty: a prior, updated by the usage of earlier runs.

A request's prompt is modelled as `overhead + ratio * (estimated tokens of its records)`, and its answer as a number of
tokens per author. The prior is rough: the estimate of records is off by up to a tenth for a whole table, and the length
of a model's summaries is unknown. The usage of answered requests updates both, by a Bayesian regression with two
parameters and by a mean. The prior has little weight against a few dozen requests.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

#: Relative standard deviations of the prior.
_OVERHEAD_SD: Final = 0.15  # providers frame messages differently, and some count the answer's schema
_RATIO_SD: Final = 0.06  # of the estimate over many records: 0.93 to 1.06 of the true count on three tables of papers
_RECORD_SD: Final = 0.12  # of the estimate of one record
_OUTPUT_SD: Final = 0.30  # "about 80 words" is 55 to 105 to most models
_AUTHOR_OUTPUT_SD: Final = 0.30  # one author's summary against the mean of all
_OTHER_SIZE_SD: Final = 0.10  # models may write shorter in larger groups than in those seen

_TOKENS_A_WORD: Final = 1.5  # names and titles take more than plain prose
_AROUND_A_SUMMARY: Final = 12  # its id and the surrounding JSON
_AROUND_AN_ANSWER: Final = 8

#: Prior of failures, as counts: one author in 100 is asked again, one request in 500 is wasted.
_AGAIN: Final = (0.5, 50.0)
_WASTED: Final = (0.1, 50.0)
_SPREAD_WEIGHT: Final = 5.0  # weight of the prior spread of answer lengths, in requests


@dataclass(frozen=True)
class Answered:
    """One answered request: its authors, their estimated record tokens, and the reported usage."""

    authors: int
    record_tokens: int
    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Rework:
    """The history of repeated and wasted work.

    `authors`: answered authors, for whom `planned` requests would have sufficed and `made` requests gave a summary.
    `wasted`: share of the money spent on replies without a summary, over `billed` requests.
    """

    authors: int = 0
    planned: int = 0
    made: int = 0
    wasted: float = 0.0
    billed: int = 0


@dataclass(frozen=True)
class TokenModel:
    """The usage of a request, with variances and a covariance.

    `again`: share of the authors asked again, alone. `wasted`: share of requests without a result. `requests`,
    `authors`, `group_size`: of the history learnt from; 0 for the prior only.
    """

    overhead: float
    ratio: float
    output: float
    overhead_var: float
    ratio_var: float
    cov: float
    output_var: float
    output_author_var: float
    again: float = 0.0
    again_var: float = 0.0
    wasted: float = 0.0
    wasted_var: float = 0.0
    requests: int = 0
    authors: int = 0
    group_size: float = 0.0

    @property
    def learnt(self) -> bool:
        return self.requests > 0

    def prompt_tokens(self, calls: float, record_tokens: float) -> float:
        return self.overhead * calls + self.ratio * record_tokens

    def prompt_var(self, calls: float, record_tokens: float, authors: float) -> float:
        """The variance of `prompt_tokens`, from both parameters and from the estimates of the records."""
        known = calls**2 * self.overhead_var + 2 * calls * record_tokens * self.cov + record_tokens**2 * self.ratio_var
        return known + (_RECORD_SD * self.ratio * record_tokens) ** 2 / max(authors, 1)

    def completion_tokens(self, calls: float, authors: float) -> float:
        return self.output * authors + _AROUND_AN_ANSWER * calls

    def completion_var(self, calls: float, authors: float) -> float:
        """The variance of `completion_tokens`; larger for group sizes unlike those seen."""
        of_size = 0.0
        if self.learnt and calls:
            steps = abs(math.log(max(authors / calls, 1e-9) / self.group_size)) / math.log(5)
            of_size = (_OTHER_SIZE_SD * self.output * authors * min(1.0, steps)) ** 2
        return authors**2 * self.output_var + authors * self.output_author_var + of_size


def believed(overhead_tokens: int, words: int) -> TokenModel:
    """The prior, from the estimated tokens of a request without records and the configured length."""
    output = words * _TOKENS_A_WORD + _AROUND_A_SUMMARY
    model = TokenModel(
        overhead=float(overhead_tokens),
        ratio=1.0,
        output=output,
        overhead_var=(_OVERHEAD_SD * overhead_tokens) ** 2,
        ratio_var=_RATIO_SD**2,
        cov=0.0,
        output_var=(_OUTPUT_SD * output) ** 2,
        output_author_var=(_AUTHOR_OUTPUT_SD * output) ** 2,
    )
    return _with_shares(model, Rework())


def learn(model: TokenModel, history: Sequence[Answered], rework: Rework) -> TokenModel:
    """`model` updated by `history`; requests without authors are ignored."""
    history = [request for request in history if request.authors]
    if not history:
        return model
    model = _learn_prompt(model, history)
    model = _learn_output(model, history)
    authors = sum(request.authors for request in history)
    model = replace(model, requests=len(history), authors=authors, group_size=authors / len(history))
    return _with_shares(model, rework)


def _learn_prompt(model: TokenModel, history: Sequence[Answered]) -> TokenModel:
    """Least squares weighted by the precision of the records' estimates, with the prior as another observation."""
    determinant = model.overhead_var * model.ratio_var - model.cov**2
    p_oo, p_rr, p_or = (value / determinant for value in (model.ratio_var, model.overhead_var, -model.cov))
    b_o = p_oo * model.overhead + p_or * model.ratio
    b_r = p_or * model.overhead + p_rr * model.ratio
    for request in history:
        noise = max(1.0, (_RECORD_SD * request.record_tokens) ** 2 / request.authors)
        p_oo += 1 / noise
        p_or += request.record_tokens / noise
        p_rr += request.record_tokens**2 / noise
        b_o += request.prompt_tokens / noise
        b_r += request.record_tokens * request.prompt_tokens / noise
    determinant = p_oo * p_rr - p_or**2
    return replace(
        model,
        overhead=(p_rr * b_o - p_or * b_r) / determinant,
        ratio=(p_oo * b_r - p_or * b_o) / determinant,
        overhead_var=p_rr / determinant,
        ratio_var=p_oo / determinant,
        cov=-p_or / determinant,
    )


def _learn_output(model: TokenModel, history: Sequence[Answered]) -> TokenModel:
    authors = sum(request.authors for request in history)
    each = [
        (max(0.0, request.completion_tokens - _AROUND_AN_ANSWER) / request.authors, request.authors)
        for request in history
    ]
    seen = sum(mean * number for mean, number in each) / authors
    # The variance of one author; that of a request's mean is smaller by its number of authors.
    squares = sum(number * (mean - seen) ** 2 for mean, number in each)
    spread = (squares + _SPREAD_WEIGHT * model.output_author_var) / (len(each) - 1 + _SPREAD_WEIGHT)
    of_seen = max(spread, 1.0) / authors
    weight = model.output_var / (model.output_var + of_seen)
    return replace(
        model,
        output=weight * seen + (1 - weight) * model.output,
        output_var=weight * of_seen,
        output_author_var=spread,
    )


def _with_shares(model: TokenModel, rework: Rework) -> TokenModel:
    again, again_var = _share(_AGAIN, max(0, rework.made - rework.planned), rework.authors)
    wasted, wasted_var = _share(_WASTED, rework.wasted * rework.billed, rework.billed)
    return replace(model, again=again, again_var=again_var, wasted=wasted, wasted_var=wasted_var)


def _share(belief: tuple[float, float], hits: float, of: float) -> tuple[float, float]:
    """Mean and variance of a share, by a beta distribution."""
    hits, of = belief[0] + hits, belief[1] + of
    share = min(0.9, hits / of)
    return share, share * (1 - share) / (of + 1)

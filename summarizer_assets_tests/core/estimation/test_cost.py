"""What authors will cost, from their records' estimated tokens: pure."""

import random

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.estimation.cost import Estimate, Terms, Work, estimate_of, work_of
from summarizer_assets.core.estimation.token_model import Answered, Rework, TokenModel, believed, learn
from summarizer_assets.core.money.amounts import Price
from summarizer_assets.core.prompt.grouping import GroupLimits

WORDS, OVERHEAD = 80, 360
TRUE_OVERHEAD, TRUE_RATIO, TRUE_OUTPUT = 400, 0.93, 75


def terms(size: int = 20, price: Price | None = None, most_output: int | None = None) -> Terms:
    return Terms(GroupLimits(size, 24_000, 16_000, 158), OVERHEAD, WORDS, price, most_output)


def answered(authors: int, draw: random.Random) -> Answered:
    records = [draw.randint(60, 300) for _ in range(authors)]
    prompt = TRUE_OVERHEAD + sum(record * TRUE_RATIO * draw.gauss(1, 0.1) for record in records)
    said = 8 + sum(TRUE_OUTPUT * draw.gauss(1, 0.25) for _ in records)
    return Answered(authors, sum(records), round(prompt), round(said))


def history(requests: int, authors: int = 20) -> list[Answered]:
    draw = random.Random(1)
    return [answered(authors, draw) for _ in range(requests)]


def model_of(requests: int, rework: Rework | None = None) -> TokenModel:
    return learn(believed(OVERHEAD, WORDS), history(requests), rework or Rework(requests * 20, requests, requests))


def test_work_is_cut_into_the_requests_that_a_run_would_make() -> None:
    tokens = pl.Series([100] * 50)
    assert work_of(tokens, terms().limits) == Work(50, 3, 5000)
    assert work_of(tokens, terms(1).limits).calls == 50
    assert work_of(tokens, GroupLimits(20, 500, 16_000, 158)).calls == 10
    assert work_of(tokens, GroupLimits(500, 24_000, 158 * 25, 158)).calls == 2
    tried = pl.Series([0] * 40 + [1] * 10)
    assert work_of(tokens, terms().limits, tried).calls == 2 + 2  # those who failed are asked five at a time


def test_without_history_the_estimate_says_so_and_is_wide() -> None:
    work = work_of([150] * 1000, terms().limits)
    beforehand, later = estimate_of(work, terms()), estimate_of(work, terms(), model_of(50))
    assert not beforehand.learnt
    assert later.learnt
    assert _width(later) < _width(beforehand) / 3


def test_a_few_requests_of_history_bring_the_estimate_within_a_twentieth() -> None:
    draw = random.Random(2)
    rest = [answered(20, draw) for _ in range(200)]
    work = Work(4000, 200, sum(request.record_tokens for request in rest))
    found = estimate_of(work, terms(), model_of(3))
    prompt, said = (sum(getattr(r, name) for r in rest) for name in ("prompt_tokens", "completion_tokens"))
    assert found.prompt_tokens.expected == pytest.approx(prompt, rel=0.05)
    assert found.completion_tokens.expected == pytest.approx(said, rel=0.08)
    assert prompt + said in found.tokens


def test_history_of_one_group_size_tells_of_another_and_is_less_sure_of_it() -> None:
    model = model_of(100)
    same = estimate_of(Work(1000, 50, 180_000), terms(20), model)
    alone = estimate_of(Work(1000, 1000, 180_000), terms(1), model)
    assert 1000 * TRUE_OVERHEAD + 180_000 * TRUE_RATIO in alone.prompt_tokens
    assert _relative(alone.completion_tokens) > _relative(same.completion_tokens)


def test_what_was_asked_again_or_in_vain_is_expected_again() -> None:
    work = Work(1000, 50, 150_000)
    plain = estimate_of(work, terms(), model_of(50))
    again = estimate_of(work, terms(), model_of(50, Rework(authors=1000, planned=50, made=150)))
    wasted = estimate_of(work, terms(), model_of(50, Rework(1000, 50, 50, wasted=0.2, billed=1000)))
    assert again.calls.expected == pytest.approx(50 + 100, rel=0.1)
    assert wasted.tokens.expected == pytest.approx(plain.tokens.expected / 0.8, rel=0.05)


def test_the_cost_follows_from_the_tokens_and_no_price_is_no_cost() -> None:
    work = Work(1000, 50, 150_000)
    price = Price.per_million(0.15, 0.60)
    found = estimate_of(work, terms(price=price))
    assert found.cost_usd is not None
    by_hand = (found.prompt_tokens.expected * 0.15 + found.completion_tokens.expected * 0.60) / 1e6
    assert found.cost_usd.expected == pytest.approx(by_hand)
    assert estimate_of(work, terms()).cost_usd is None


def test_no_answer_is_expected_to_be_longer_than_a_request_allows() -> None:
    found = estimate_of(Work(1000, 50, 150_000), terms(most_output=1000))
    assert found.completion_tokens.expected <= found.calls.expected * 1000
    assert found.completion_tokens.high <= found.calls.expected * 1000


def test_nothing_to_ask_costs_nothing() -> None:
    found = estimate_of(work_of([], terms().limits), terms(price=Price.per_million(1, 2)))
    assert found.cost_usd is not None
    assert (found.authors.high, found.calls.high, found.tokens.high, found.cost_usd.high) == (0, 0, 0, 0)


sizes = st.lists(st.integers(5, 5000), max_size=60)


@given(sizes, sizes)
def test_the_work_of_two_buckets_is_the_sum_of_both(one: list[int], other: list[int]) -> None:
    limits = terms().limits
    first, second = work_of(one, limits), work_of(other, limits)
    both = first + second
    assert (both.authors, both.calls, both.record_tokens) == (
        len(one) + len(other),
        first.calls + second.calls,
        sum(one) + sum(other),
    )


@given(sizes.filter(bool), st.integers(0, 40), st.sampled_from([1, 20, 100, 500]))
def test_every_figure_lies_in_its_interval_and_none_is_below_nothing(
    tokens: list[int], requests: int, size: int
) -> None:
    chosen = terms(size, Price.per_million(0.15, 0.6))
    found = estimate_of(work_of(tokens, chosen.limits), chosen, model_of(requests) if requests else None)
    assert found.cost_usd is not None
    for span in (
        found.authors,
        found.calls,
        found.prompt_tokens,
        found.completion_tokens,
        found.tokens,
        found.cost_usd,
    ):
        assert 0 <= span.low <= span.expected <= span.high


def test_nine_of_ten_true_totals_lie_in_the_interval() -> None:
    inside = 0
    for seed in range(200):
        draw = random.Random(seed)
        pilot = [answered(20, draw) for _ in range(3)]
        rest = [answered(20, draw) for _ in range(10)]
        model = learn(believed(OVERHEAD, WORDS), pilot, Rework(60, 3, 3))
        found = estimate_of(Work(200, 10, sum(request.record_tokens for request in rest)), terms(), model)
        inside += sum(request.prompt_tokens + request.completion_tokens for request in rest) in found.tokens
    assert inside >= 180


def _width(found: Estimate) -> float:
    return _relative(found.tokens)


def _relative(span: object) -> float:
    return (span.high - span.low) / span.expected  # type: ignore[attr-defined,no-any-return] # a Span

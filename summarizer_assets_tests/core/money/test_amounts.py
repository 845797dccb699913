import math
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.money.amounts import Price, Usage, dollars, nano_of, share_out

weights = st.lists(st.integers(0, 10**6), max_size=50)
usd = st.integers(0, 200_000_000).map(lambda micro: micro / 10**6)
tokens = st.integers(0, 10**6)


@given(total=st.integers(0, 10**9), weights=weights)
def test_shares_sum_to_the_total_exactly(total: int, weights: list[int]) -> None:
    shares = share_out(total, weights)
    assert len(shares) == len(weights)
    assert sum(shares) == (total if weights else 0)
    assert all(share >= 0 for share in shares)


@given(total=st.integers(0, 10**9), weights=weights.filter(any))
def test_a_share_is_within_one_of_its_part(total: int, weights: list[int]) -> None:
    for share, weight in zip(share_out(total, weights), weights, strict=True):
        assert abs(share * sum(weights) - total * weight) < sum(weights)


def test_weights_of_nothing_share_alike() -> None:
    assert share_out(9, [0, 0, 0]) == [3, 3, 3]


def test_a_price_is_for_a_million_tokens() -> None:
    assert Price.per_million(0.5, 2.0).cost(Usage(1_000_000, 500_000)) == 1_500_000_000
    assert Price.per_million(0.5, 2.0).cost(Usage(0, 0)) == 0
    assert Price.per_million(0, 0).free
    assert not Price.per_million(0, 0.000001).free


def test_tokens_from_the_cache_have_their_own_price_and_without_one_that_of_the_others() -> None:
    usage = Usage(1_000_000, 0, cached_tokens=900_000)
    assert Price.per_million(1, 2, cached_input_usd=0.1).cost(usage) == 190_000_000
    assert Price.per_million(1, 2).cost(usage) == 1_000_000_000
    assert Price.per_million(1, 2, cached_input_usd=0).cost(Usage(10, 0, cached_tokens=99)) == 0


def test_a_cache_that_bills_what_it_takes_in_is_paid_for_all_that_the_reply_leaves_open() -> None:
    price = Price.per_million(1, 2, cached_input_usd=0.1, cache_write_usd=1.25)
    assert price.cost(Usage(1_000_000, 0, 400_000, 100_000)) == 40_000_000 + 125_000_000 + 500_000_000
    assert price.cost(Usage(1_000_000, 0, 400_000)) == 40_000_000 + 750_000_000
    assert price.cost(Usage(1_000_000, 0, 400_000, 10**9)) == price.cost(Usage(1_000_000, 0, 400_000))


@given(asked=usd, said=usd, cached=usd, write=usd, prompt=tokens, completion=tokens, hit=tokens, put=tokens)
def test_no_request_costs_more_than_its_bound_and_its_parts_sum_to_its_cost(
    asked: float, said: float, cached: float, write: float, prompt: int, completion: int, hit: int, put: int
) -> None:
    price = Price.per_million(asked, said, cached_input_usd=cached, cache_write_usd=write)
    for usage in (Usage(prompt, completion, hit, put), Usage(prompt, completion, hit)):
        cost = price.cost(usage)
        assert 0 <= cost <= price.most(prompt, completion)
        assert sum(price.parts(usage)) == cost
        assert min(price.parts(usage)) >= 0


@given(price=st.decimals(0, 1000, places=9), count=tokens)
def test_a_price_of_more_decimals_than_are_kept_is_rounded_up_never_down(price: Decimal, count: int) -> None:
    assert Price.per_million(price, 0).cost(Usage(count, 0)) >= price * count * 1000


@pytest.mark.parametrize("wrong", [-0.1, math.nan, math.inf])
def test_what_is_no_price_is_refused(wrong: float) -> None:
    with pytest.raises(ValueError, match="a price is a number of dollars, zero or more"):
        Price.per_million(wrong, 1)
    with pytest.raises(ValueError, match="a price"):
        Price.per_million(1, 1, cached_input_usd=wrong)


@given(st.integers(0, 10**15))
def test_dollars_and_nano_dollars_are_the_same_sum(nano: int) -> None:
    assert round(dollars(nano) * 10**9) == nano
    assert Decimal(exact_usd(nano).removeprefix("$")) * 10**9 == nano


def test_what_a_person_writes_is_taken_to_the_nano_dollar_and_shown_as_such() -> None:
    assert nano_of(0.1) == 100_000_000
    assert nano_of(12.345678901) == 12_345_678_901
    assert [exact_usd(nano) for nano in (0, 5, 2_000_000, 1_500_000_000)] == [
        "$0.00",
        "$0.000000005",
        "$0.002",
        "$1.50",
    ]


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.5, 0.75, 0.333, 1.0]))
def test_a_part_of_a_price_is_that_part_of_what_tokens_cost_and_all_of_what_a_request_adds(
    prompt: int, completion: int, factor: float
) -> None:
    flex = Price.per_million(1, 3)
    whole = replace(Price.per_million(2, 6, cached_input_usd=1, request_usd=0.01), tiers=(("flex", flex),))
    part, usage = whole.times(factor), Usage(prompt, completion)
    added = whole.cost(Usage(0, 0))
    tokens = Decimal(whole.cost(usage) - added) * Decimal(repr(factor))
    assert abs(Decimal(part.cost(usage) - added) - tokens) <= 2
    assert part.at("flex") == flex.times(factor)
    assert part.at("batch") == replace(part, tiers=())
    assert whole.times(1.0) == whole


@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 10**6), st.sampled_from([0.5, 0.75, 1.0]))
def test_a_token_from_the_cache_may_cost_as_much_in_a_batch_job_and_never_more_than_a_new_one(
    fresh: int, cached: int, completion: int, factor: float
) -> None:
    whole = replace(Price.per_million(2, 6, cached_input_usd=0.2), cached_in_full=True)
    part, usage = whole.times(factor), Usage(fresh + cached, completion, cached)
    assert part.cost(usage) == -(
        -int(fresh * 2_000_000 * factor + cached * 200_000 + completion * 6e6 * factor) // 1000
    )
    unknown = replace(Price.per_million(2, 6), cached_in_full=True).times(factor)
    assert unknown.cached_input == unknown.input

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.money import Price, Usage, share_out

weights = st.lists(st.integers(0, 10**6), max_size=50)


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

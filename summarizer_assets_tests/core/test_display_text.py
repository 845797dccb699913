"""What a person reads of numbers."""

import pytest

from summarizer_assets.core.display_text import share, usd
from summarizer_assets.core.money.amounts import dollars


@pytest.mark.parametrize(
    ("part", "whole", "told"),
    [(0, 0, "0%"), (1, 2, "50%"), (99_999, 100_000, "99.9%"), (3, 3, "100%"), (1, 10**6, "less than 0.1%")],
)
def test_a_share_is_never_rounded_up_to_all_or_down_to_nothing(part, whole, told):
    assert share(part, whole) == told


@pytest.mark.parametrize(
    ("nano", "told"),
    [
        (0, "$0.00"),
        (77_123, "$0.0000771"),
        (5_000_000, "$0.005"),
        (100_000_000, "$0.10"),
        (999_999_999, "$1.00"),
        (1_234_500_000_000, "$1,234.50"),
        (-2_500_000, "-$0.0025"),
    ],
)
def test_dollars_are_told_as_exactly_as_they_need(nano, told):
    assert usd(dollars(nano)) == told

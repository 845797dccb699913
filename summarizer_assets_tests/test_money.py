"""The benchmark of money, small: whatever it promises of all scenarios holds for the first ones, too."""

import pytest

from benchmarks.engine.money import SCENARIOS, broken_promises, measure


@pytest.mark.slow
def test_a_budget_is_kept_whatever_a_provider_bills_and_all_that_it_tells_is_booked() -> None:
    rows = measure(SCENARIOS[:6], seed=3)

    assert broken_promises(rows) == []
    assert [row["stopped"] for row in rows[:3]] == [True] * 3
    assert rows[0]["all_told"]
    assert len(SCENARIOS) >= 30
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)

"""Which group size follows from what was measured: pure."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.calibration.comparison import Measured, recommend


def at(size: int, accepted: int = 200, *, cost: float = 1.0, support: float = 0.9) -> Measured:
    refused = {"ungrounded": 200 - accepted} if accepted < 200 else {}
    return Measured(size, 200, -(-200 // size), accepted, refused=refused, support_mean=support, cost_usd=cost)


def test_the_largest_size_is_taken_as_long_as_it_is_good_and_cheaper() -> None:
    found = recommend([at(1, cost=1.0), at(5, cost=0.7), at(20, cost=0.6), at(100, cost=0.5)])
    assert found.size == 100


def test_a_step_that_saves_little_is_not_worth_it() -> None:
    found = recommend([at(1, cost=1.0), at(20, cost=0.6), at(50, cost=0.59), at(100, cost=0.58)])
    assert found.size == 20
    assert "not worth it" in found.verdicts[100]


def test_a_size_that_loses_too_many_answers_is_passed_over_and_a_larger_good_one_is_not() -> None:
    found = recommend([at(1, cost=1.0), at(20, 190, cost=0.6), at(50, cost=0.5), at(100, 150, cost=0.4)])
    assert found.size == 50
    assert "not accepted" in found.verdicts[20]
    assert "not accepted" in found.verdicts[100]


def test_a_size_whose_summaries_are_less_supported_is_passed_over() -> None:
    found = recommend([at(1, cost=1.0), at(20, cost=0.6, support=0.89), at(100, cost=0.5, support=0.8)])
    assert found.size == 20
    assert "support" in found.verdicts[100]


def test_one_author_of_a_small_sample_decides_nothing() -> None:
    small = [replace(at(1), authors=20, accepted=20), replace(at(20), authors=20, accepted=19, cost_usd=0.5)]
    assert recommend(small).size == 20


def test_without_a_price_tokens_are_compared() -> None:
    free = [replace(at(1), cost_usd=None, prompt_tokens=1000), replace(at(20), cost_usd=0.0, prompt_tokens=500)]
    assert recommend(free).size == 20


def test_sizes_that_brought_nothing_are_no_choice() -> None:
    assert recommend([at(20, 0)]).size is None
    assert recommend([at(1), at(20, 0)]).size == 1
    assert recommend([]).size is None


def test_where_one_size_is_best_in_one_thing_and_another_in_the_other_the_fewest_refused_decide() -> None:
    assert recommend([at(1, 200, support=0.7), at(20, 150, support=0.95)]).size == 1


measured = st.builds(
    at,
    st.integers(1, 500),
    st.integers(0, 200),
    cost=st.floats(0.01, 10),
    support=st.floats(0, 1),
)


@given(st.lists(measured, min_size=1, max_size=6, unique_by=lambda one: one.size))
def test_a_size_is_recommended_if_any_brought_an_answer_and_each_has_its_verdict(given_: list[Measured]) -> None:
    found = recommend(given_)
    assert found.verdicts.keys() == {one.size for one in given_}
    assert (found.size is None) == (not any(one.accepted for one in given_))

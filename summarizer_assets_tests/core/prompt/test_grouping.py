import itertools
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.prompt.grouping import GroupLimits, halves, plan_groups

limits = st.builds(
    GroupLimits,
    count=st.integers(1, 30),
    input_tokens=st.integers(1, 500),
    output_tokens=st.integers(1, 2000),
    output_per_author=st.integers(1, 200),
)
authors = st.lists(st.tuples(st.integers(0, 700), st.integers(0, 4)), max_size=80)


@given(authors=authors, limits=limits)
def test_each_position_is_in_exactly_one_group_and_no_group_exceeds_a_limit(
    authors: Sequence[tuple[int, int]], limits: GroupLimits
) -> None:
    tokens, attempts = [a for a, _ in authors], [b for _, b in authors]
    groups = list(plan_groups(tokens, attempts, limits))
    assert sorted(position for group in groups for position in group) == list(range(len(authors)))
    for group in groups:
        tried = {attempts[position] for position in group}
        assert len(tried) == 1  # who failed before stands apart from who did not
        assert len(group) <= limits.most(tried.pop()) <= limits.count
        if len(group) > 1:
            assert sum(tokens[position] for position in group) <= limits.input_tokens
            assert len(group) * limits.output_per_author <= limits.output_tokens
    assert groups == list(plan_groups(tokens, attempts, limits))


@given(authors=authors, limits=limits)
def test_no_group_could_have_taken_the_first_author_of_the_next_one(
    authors: Sequence[tuple[int, int]], limits: GroupLimits
) -> None:
    tokens, attempts = [a for a, _ in authors], [b for _, b in authors]
    groups = list(plan_groups(tokens, attempts, limits))
    for group, following in itertools.pairwise(groups):
        if attempts[group[0]] == attempts[following[0]]:
            full = len(group) == limits.most(attempts[group[0]])
            assert full or sum(tokens[p] for p in [*group, following[0]]) > limits.input_tokens


def test_a_group_that_failed_is_asked_in_quarters_until_its_authors_stand_alone() -> None:
    limits = GroupLimits(count=20, input_tokens=10_000, output_tokens=100_000, output_per_author=100)
    assert [limits.most(attempts) for attempts in range(5)] == [20, 5, 1, 1, 1]


def test_row_wise_and_a_thousand_an_author_group_both_work() -> None:
    wide = GroupLimits(count=1000, input_tokens=10**9, output_tokens=10**9, output_per_author=1)
    single = GroupLimits(count=1, input_tokens=10**9, output_tokens=10**9, output_per_author=1)
    tokens, attempts = [10] * 2500, [0] * 2500
    assert [len(group) for group in plan_groups(tokens, attempts, wide)] == [1000, 1000, 500]
    assert [len(group) for group in plan_groups(tokens, attempts, single)] == [1] * 2500


@given(group=st.lists(st.integers(), min_size=2))
def test_halves_are_the_group_in_order_and_differ_by_one_at_most(group: list[int]) -> None:
    first, second = halves(group)
    assert first + second == group
    assert 0 <= len(first) - len(second) <= 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Wang, Y.", "Y. Wáng", "WANG, Y", "Wang, Yi", "Li, X", "", None]), st.integers(0, 2)
        ),
        max_size=40,
    ),
    st.integers(1, 8),
)
def test_two_authors_of_one_name_never_share_a_request_and_nobody_is_left_out(authors, most):
    names, attempts = [name for name, _ in authors], [tried for _, tried in authors]
    limits = GroupLimits(most, 10_000, 10_000, 100)
    groups = list(plan_groups([10] * len(authors), attempts, limits, names))
    assert sorted(position for group in groups for position in group) == list(range(len(authors)))
    for group in groups:
        one_name = [position for position in group if names[position] in ("Wang, Y.", "Y. Wáng", "WANG, Y")]
        assert len(one_name) <= 1
        assert len(group) <= most
        assert sum(names[position] == "Li, X" for position in group) <= 1


def test_who_has_no_name_is_nobody_s_namesake():
    assert list(plan_groups([1] * 4, [0] * 4, GroupLimits(20, 100, 1000, 10), ["", None, "", None])) == [[0, 1, 2, 3]]

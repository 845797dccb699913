"""The rule by which new summaries count as worse: neither chance nor a few retried authors set it off."""

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from summarizer_assets.core.quality.drift import FEWEST, Quality, Sums, grounding_verdict, language_verdict, worse_by


def quality(number: int, support: float = 0.9, foreign: int = 0, doubted: int = 0, ungrounded: int = 0) -> Quality:
    flags = [
        [*(["other_language"] if at < foreign else []), *(["unknown_name"] if at < doubted else []), "other_model"]
        for at in range(number)
    ]
    made = Quality()
    rows = pl.DataFrame({"support": [support] * number, "flags": flags})
    made.add(rows.cast({"support": pl.Float64, "flags": pl.List(pl.String)}), ungrounded)
    return made


def test_a_fall_of_the_support_is_told_with_both_means():
    verdict = grounding_verdict(quality(60, support=0.7), quality(1000, support=0.9))
    assert (verdict.holds, verdict.wrong) == (False, False)
    assert "support 70% of their words, of the older 90%" in verdict.text
    assert verdict.facts["new_support"] == 0.7


def test_summaries_refused_as_ungrounded_count_as_doubted():
    assert not grounding_verdict(quality(60, ungrounded=30), quality(1000)).holds
    assert not grounding_verdict(quality(60, doubted=30), quality(1000)).holds
    assert grounding_verdict(quality(60, doubted=30), quality(1000, doubted=500)).holds


def test_more_summaries_in_another_language_are_told_and_fewer_are_not():
    verdict = language_verdict(quality(60, foreign=20), quality(1000, foreign=10))
    assert not verdict.holds
    assert "33% are in another language than asked for, of the older 1%" in verdict.text
    assert language_verdict(quality(60), quality(1000, foreign=500)).holds


@pytest.mark.parametrize(("new", "old"), [(3, 78_000), (29, 78_000), (78_000, 29), (40, 0), (0, 40)])
def test_a_few_retried_authors_never_set_it_off(new, old):
    verdict = grounding_verdict(quality(new, support=0.0), quality(old))
    assert verdict.holds
    assert "Too few to tell" in verdict.text


def test_a_difference_that_is_sure_but_small_is_none():
    assert grounding_verdict(quality(50_000, support=0.87), quality(50_000, support=0.9)).holds


@settings(derandomize=True, max_examples=30)  # by the rule itself, one draw in 30,000 would be told apart
@given(st.integers(0, 10_000), st.floats(0.02, 0.98), st.integers(FEWEST, 200), st.integers(FEWEST, 600))
def test_two_draws_of_the_same_authors_are_never_told_apart(seed, share, new, old):
    chance = random.Random(seed)
    groups = []
    for number in (new, old):
        group = Sums()
        group.add(pl.Series([float(chance.random() < share) for _ in range(number)]))
        groups.append(group)
    assert worse_by(groups[0], groups[1], low_is_bad=False) is None

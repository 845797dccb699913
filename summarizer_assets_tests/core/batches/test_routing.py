from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.routing import RouteRule

HOUR_S = 3_600.0
AUTO = RouteRule("auto", 0.5, least=200, window_s=24 * HOUR_S)

rules = st.builds(
    RouteRule,
    st.just("auto"),
    st.none() | st.sampled_from([0.1, 0.5, 1.0]),
    st.integers(1, 500),
    st.sampled_from([3_600.0, 86_400.0]),
    st.none() | st.floats(1, 60).map(lambda hours: hours * HOUR_S),
    st.none() | st.just("it has none"),
)


@given(rules, st.integers(0, 1_000), st.floats(0, 200_000))
def test_a_job_is_chosen_if_it_is_cheaper_large_enough_and_ends_in_time_and_only_then(rule, requests, waited_s):
    cheaper = rule.lacking is None and rule.factor is not None and rule.factor < 1
    in_time = rule.deadline_s is None or waited_s + rule.window_s + 2 * HOUR_S <= rule.deadline_s
    assert rule.choose(requests, waited_s).batch == (cheaper and in_time and requests >= rule.least)


@given(rules, st.integers(0, 1_000), st.floats(0, 200_000), st.sampled_from(["online", "batch"]))
def test_a_route_that_is_set_is_taken_whatever_speaks_against_it(rule, requests, waited_s, route):
    assert replace(rule, route=route).choose(requests, waited_s).batch == (route == "batch")


@given(rules, st.integers(0, 1_000), st.floats(0, 200_000))
def test_where_no_run_may_send_a_job_none_does(rule, requests, waited_s):
    assert rule.may_batch or not rule.choose(requests, waited_s).batch


@given(rules, st.floats(0, 1e6), st.floats(0, 1e6))
def test_who_has_waited_until_the_deadline_goes_into_no_other_job(rule, since, waited_s):
    if rule.overdue(since, since + waited_s):
        assert not rule.choose(1_000, waited_s).batch
        assert rule.drops_unsent(since, since + waited_s)


@pytest.mark.parametrize(
    ("rule", "requests", "waited_s", "told"),
    [
        (AUTO, 3_900, 0, "by batch jobs: 3,900 requests at 0.5 of the price, within 24 h"),
        (AUTO, 199, 0, "online: the number of requests, 199, is below SUMMARIZER_BATCH_MIN_REQUESTS=200"),
        (
            replace(AUTO, factor=None),
            3_900,
            0,
            "online: this provider's price of batch jobs is not known; SUMMARIZER_BATCH_FACTOR tells it",
        ),
        (replace(AUTO, factor=1.0), 3_900, 0, "online: batch jobs cost no less"),
        (
            replace(AUTO, deadline_s=25 * HOUR_S),
            3_900,
            0,
            "online: a batch job may take 24 h, and SUMMARIZER_DEADLINE_H leaves less",
        ),
        (
            replace(AUTO, deadline_s=30 * HOUR_S),
            3_900,
            10 * HOUR_S,
            "online: a batch job may take 24 h, and SUMMARIZER_DEADLINE_H leaves less after 10 h in jobs",
        ),
        (replace(AUTO, lacking="it has none"), 3_900, 0, "online: it has none"),
    ],
)
def test_the_choice_is_told_in_one_sentence(rule, requests, waited_s, told):
    assert rule.choose(requests, waited_s).told == told

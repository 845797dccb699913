"""What a job takes on so many workers: the arithmetic."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.capacity.fleet import (
    COMMITS,
    CPU,
    REACHED,
    STARTS,
    Costs,
    Fleet,
    Job,
    Provider,
    in_flight_needed,
    plan,
    workers_needed,
)
from summarizer_assets.capacity.footprint import footprint_of
from summarizer_assets.core.buckets import AUTHORS_A_BUCKET, AUTHORS_OF_ONE_RUN, MAX_BUCKETS, buckets_for
from summarizer_assets.core.duration import ANSWERS, REQUESTS, TOKENS
from summarizer_assets.core.money.amounts import Price
from summarizer_assets.core.rate_schedule import RateLimits

MILLION = 1_000_000
JOB = Job(20 * MILLION, 20, 158, 89)
FREE = Costs(start_s=0, author_s=0, request_s=0, queue_s=0, commit_s=0, commit_file_s=0)

limits = st.builds(
    RateLimits, st.none() | st.floats(1, 1e6, allow_nan=False), st.none() | st.floats(100, 1e9, allow_nan=False)
)
jobs = st.builds(Job, st.integers(1, 10**9), st.integers(1, 1000), st.floats(0, 5000), st.floats(0, 1000))
providers = st.builds(Provider, limits, st.floats(0, 100), st.floats(0, 0.1))
fleets = st.builds(
    Fleet,
    workers=st.integers(1, 200),
    buckets=st.integers(1, MAX_BUCKETS),
    cores=st.integers(1, 64),
    runs_at_once=st.integers(1, 64),
    in_flight=st.integers(1, 10_000),
    object_store=st.booleans(),
)
costs = st.builds(Costs, start_s=st.floats(0, 60), author_s=st.floats(0, 0.01), queue_s=st.floats(0, 60))


@given(jobs, providers, fleets, costs)
def test_no_job_is_faster_than_the_limit(job, provider, fleet, costs):
    found, allowed = plan(job, provider, fleet, costs), provider.limits
    minutes = found.seconds / 60 * (1 + 1e-9)
    assert allowed.requests is None or job.requests <= minutes * allowed.requests
    assert allowed.tokens is None or job.tokens <= minutes * allowed.tokens
    assert found.limit_used is None or 0 <= found.limit_used <= 1


@given(jobs, providers, fleets, costs, st.integers(1, 8))
def test_more_of_anything_never_makes_a_job_slower(job, provider, fleet, costs, more):
    for name in ("workers", "cores", "in_flight"):
        larger = replace(fleet, **{name: getattr(fleet, name) + more})
        assert plan(job, provider, larger, costs).seconds <= plan(job, provider, fleet, costs).seconds * (1 + 1e-9)


@given(jobs, providers, fleets, costs)
def test_what_binds_is_the_longest_or_the_starts_that_are_most_of_it(job, provider, fleet, costs):
    found = plan(job, provider, fleet, costs)
    longest = max(found.bounds.values(), key=lambda bound: bound.seconds)
    assert found.seconds == longest.seconds
    if found.bound_by == STARTS:
        assert longest.starting_s > found.seconds / 2
    else:
        assert found.bounds[found.bound_by].seconds == found.seconds
    assert (REQUESTS in found.bounds) == (provider.limits.requests is not None)


@given(jobs, providers, fleets, costs)
def test_so_many_workers_reach_the_limit_and_one_less_does_not(job, provider, fleet, costs):
    limited = replace(provider, limits=RateLimits(1000.0, provider.limits.tokens))
    for needed, name in (
        (workers_needed(job, limited, fleet, costs), "workers"),
        (in_flight_needed(job, limited, fleet, costs), "in_flight"),
    ):
        if needed is None:
            continue
        used = [
            plan(job, limited, replace(fleet, **{name: count}), costs).limit_used
            for count in (needed, needed - 1)
            if count
        ]
        assert used[0] >= REACHED * (1 - 1e-9)
        assert used[1:] == [] or used[1] < REACHED * (1 + 1e-9)


def test_without_costs_of_our_own_a_job_takes_what_the_limit_allows():
    found = plan(JOB, Provider(RateLimits(10_000, None)), Fleet(2, 256), FREE)
    assert found.bound_by == REQUESTS
    assert found.seconds == pytest.approx(100 * 60 / 0.99)  # a million requests, 99 % of 10,000 a minute used
    tokens = plan(JOB, Provider(RateLimits(10_000, 10 * MILLION)), Fleet(2, 256), FREE)
    assert tokens.bound_by == TOKENS
    assert tokens.seconds == pytest.approx(20 * (158 + 89) / 10 * 60 / 0.99)


def test_requests_in_flight_are_those_a_second_times_their_seconds():
    provider = Provider(RateLimits(6000, None), latency_s=10, latency_token_s=0.01)
    found = plan(JOB, provider, Fleet(1, 256))
    assert found.in_flight_in_all == pytest.approx(100 * (10 + 0.01 * 89 * 20))
    assert found.bound_by == ANSWERS
    assert plan(JOB, Provider(latency_s=10), Fleet(1, 256)).in_flight_in_all is None


def test_each_cost_binds_where_it_is_the_largest():
    quick = Provider(latency_s=0.001)
    assert plan(JOB, quick, Fleet(1, 256)).bound_by == CPU
    assert plan(replace(JOB, authors=10_000), quick, Fleet(1, 256)).bound_by == STARTS
    assert plan(JOB, quick, Fleet(64, 256, object_store=True)).bound_by == COMMITS
    alone = Provider(RateLimits(10_000, None), latency_s=0.001)
    assert plan(replace(JOB, authors=10_000), alone, Fleet(1, 256, runs_at_once=1)).bound_by == STARTS


def test_twenty_million_authors_take_the_cpu_and_the_memory_that_were_measured():
    found = plan(JOB, Provider(latency_s=0.001), Fleet(1, 256, runs_at_once=1), Costs(queue_s=0))
    assert found.seconds == pytest.approx(75 * 60, rel=0.05)  # docs/scale.md: 17.5 s for each of 256 buckets
    left = footprint_of(JOB, Fleet(1, 256), Costs(commit_rows=8000), found.seconds)  # as it was set then
    assert left.run_bytes == pytest.approx(697e6, rel=0.05)
    assert left.versions == 256 * 11
    assert left.event_files == 1024


def test_the_first_request_of_a_run_goes_alone_and_unknown_limits_are_felt_out():
    few = Job(20 * 64, 20, 100, 100)  # 64 requests
    known = Provider(RateLimits(1e6, None), latency_s=1)
    assert plan(few, known, Fleet(1, 1), FREE).bounds[ANSWERS].seconds == 2
    assert plan(few, Provider(latency_s=1), Fleet(1, 1), FREE).bounds[ANSWERS].seconds == 1 + 4 + 1  # 4, 8, 16, 32, 3


def test_a_price_makes_a_cost_and_none_is_no_cost():
    priced = Provider(price=Price.per_million(0.15, 0.60))
    assert plan(JOB, priced, Fleet(1, 256)).cost_usd == pytest.approx(20 * (158 * 0.15 + 89 * 0.60))
    assert plan(JOB, Provider(), Fleet(1, 256)).cost_usd is None


@given(st.integers(1, 2 * 10**9), st.integers(1, 1000))
def test_recommended_buckets_fit_into_memory_or_say_that_one_root_is_too_small(authors, places):
    found = buckets_for(authors, places)
    assert 1 <= found.count <= MAX_BUCKETS
    assert found.too_large == (authors / found.count > AUTHORS_A_BUCKET)
    assert found.too_large or authors <= AUTHORS_OF_ONE_RUN or found.count >= min(8 * places, MAX_BUCKETS)


def test_recommended_buckets_are_those_of_the_documents():
    assert buckets_for(20_000, 2).count == 1
    assert buckets_for(20_001, 2).count == 16
    assert buckets_for(20 * MILLION, 4).count == 256


@pytest.mark.parametrize("name", ["workers", "buckets", "cores", "runs_at_once", "in_flight"])
def test_a_fleet_of_nothing_is_refused(name):
    with pytest.raises(ValueError, match=f"{name} is 0; allowed: above 0"):
        plan(JOB, Provider(), replace(Fleet(1, 16), **{name: 0}))

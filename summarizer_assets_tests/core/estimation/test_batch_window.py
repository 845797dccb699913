import math

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.packing import JobLimits
from summarizer_assets.core.estimation.batch_window import Load, batch_work, jobs_of

DAY_S = 86_400.0
LOADS = st.builds(Load, st.floats(0, 200_000), st.floats(0, 5e8))
LIMITS = st.builds(
    JobLimits, st.integers(1, 50_000), st.integers(1_000_000, 200_000_000), st.none() | st.integers(100_000, 10**9)
)


@given(LOADS, LIMITS)
def test_no_job_is_above_a_limit_and_there_are_no_more_than_the_limits_ask_for(load: Load, limits: JobLimits) -> None:
    jobs = jobs_of(load, limits)
    assert bool(jobs) == (load.requests > 0)
    if not jobs:
        return
    assert math.isclose(sum(jobs), load.tokens, abs_tol=1e-3)
    assert load.requests / len(jobs) <= limits.requests * (1 + 1e-9)
    assert limits.tokens is None or max(jobs) <= limits.tokens * (1 + 1e-9)
    fewer = len(jobs) - 1
    if fewer:
        parts = (load.requests / limits.requests, 5 * load.tokens / limits.bytes, load.tokens / (limits.tokens or 1e99))
        assert max(parts) > fewer * (1 - 1e-9)


@given(st.lists(LOADS, max_size=6), LIMITS, st.none() | st.integers(1, 20))
def test_what_the_account_may_queue_makes_the_rounds(
    loads: list[Load], limits: JobLimits, jobs_at_once: int | None
) -> None:
    found = batch_work(loads, limits, window_s=DAY_S, jobs_at_once=jobs_at_once)
    assert found.jobs == sum(len(jobs_of(load, limits)) for load in loads)
    assert found.rounds <= found.jobs
    assert bool(found.rounds) == bool(found.jobs)
    assert found.seconds == found.rounds * DAY_S
    if jobs_at_once is not None:
        assert found.rounds >= math.ceil(found.jobs / jobs_at_once)
    if limits.tokens is None and jobs_at_once is None:
        assert found.rounds == min(found.jobs, 1)
    elif limits.tokens is not None:
        sent = sum(load.tokens for load in loads if load.requests > 0)
        assert found.rounds >= math.ceil(sent / limits.tokens - 1e-6)


def test_a_bucket_of_78000_authors_is_one_job_and_20_million_take_as_many_days_as_the_queue_makes_them() -> None:
    load = Load(3_900, 3_900 * 3_172)
    openai = JobLimits(50_000, 200_000_000)
    assert batch_work([load] * 256, openai, window_s=DAY_S).jobs == 256
    queued = batch_work([load] * 256, JobLimits(50_000, 200_000_000, 1_000_000_000), window_s=DAY_S)
    assert (queued.jobs, queued.most_of_a_bucket, queued.rounds) == (256, 1, 4)
    small = batch_work([load] * 2, JobLimits(50_000, 200_000_000, 5_000_000), window_s=DAY_S)
    assert (small.jobs, small.most_of_a_bucket, small.rounds) == (6, 3, 6)

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.packing import JobLimits, LineSize, affordable, packed

sizes = st.lists(st.builds(LineSize, st.integers(1, 50), st.integers(0, 50), st.integers(0, 50)), max_size=30)
limits = st.builds(JobLimits, st.integers(1, 8), st.integers(1, 120), st.none() | st.integers(1, 120))


@given(sizes, limits)
def test_every_request_is_in_one_job_in_order_and_no_job_is_over_a_limit_but_one_of_a_single_request(sizes, limits):
    jobs = list(packed(sizes, limits))
    assert [place for job in jobs for place in job] == list(range(len(sizes)))
    for job in jobs:
        mine = [sizes[place] for place in job]
        within = (
            len(mine) <= limits.requests
            and sum(size.bytes for size in mine) <= limits.bytes
            and (limits.tokens is None or sum(size.tokens for size in mine) <= limits.tokens)
        )
        assert within or len(mine) == 1


@given(sizes, limits)
def test_two_jobs_in_a_row_would_not_fit_into_one(sizes, limits):
    jobs = list(packed(sizes, limits))
    for one, other in pairwise(jobs):
        joined = [sizes[place] for place in (*one, other[0])]
        assert (
            len(joined) > limits.requests
            or sum(size.bytes for size in joined) > limits.bytes
            or (limits.tokens is not None and sum(size.tokens for size in joined) > limits.tokens)
        )


@given(sizes, st.none() | st.integers(0, 500))
def test_the_first_requests_that_the_room_pays_for_and_no_more(sizes, room):
    count = affordable(sizes, room)
    if room is None:
        assert count == len(sizes)
    else:
        assert sum(size.reserve for size in sizes[:count]) <= room
        assert count == len(sizes) or sum(size.reserve for size in sizes[: count + 1]) > room

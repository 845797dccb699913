from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.batches.waiting import Waiting

HOUR = 3_600.0
MOMENTS = st.integers(0, 10**6).map(float)
LIVE = [state for state in JobState if state.live]
JOBS = st.builds(
    Waiting.of,
    st.sampled_from(LIVE),
    requests=st.integers(0, 100),
    authors=st.integers(0, 100),
    reserve=st.integers(0, 10**12),
    planned_at=MOMENTS,
    expires_at=st.none() | MOMENTS,
)


@given(st.lists(JOBS, max_size=5))
def test_a_sum_of_jobs_is_as_old_as_its_oldest_and_expires_with_its_first(jobs: list[Waiting]) -> None:
    whole = sum(jobs, Waiting())
    assert whole.jobs == len(jobs)
    for name in ("requests", "authors", "for_us", "reserve"):
        assert getattr(whole, name) == sum(getattr(job, name) for job in jobs)
    assert whole.oldest_at == min((job.oldest_at for job in jobs), default=None)
    assert whole.expires_at == min((job.expires_at for job in jobs if job.expires_at is not None), default=None)
    assert whole == sum(reversed(jobs), Waiting())


@given(st.lists(JOBS, max_size=5))
def test_a_run_brings_something_when_a_job_ended_or_none_is_at_the_provider(jobs: list[Waiting]) -> None:
    states = {state for job in jobs for state in job.states}
    at_the_provider = states & {JobState.CREATING, JobState.OPEN}
    assert sum(jobs, Waiting()).can_go_on == (JobState.ENDED in states or bool(states and not at_the_provider))


@given(st.lists(JOBS, max_size=5))
def test_a_run_is_wanted_unless_all_jobs_are_known_to_be_at_work(jobs: list[Waiting]) -> None:
    assert sum(jobs, Waiting()).wants_a_run == any(job.states != {JobState.OPEN} for job in jobs)


def test_age_expiry_and_money_are_told_in_words() -> None:
    job = Waiting.of(
        JobState.OPEN, requests=600, authors=12_000, reserve=1_200_000_000, planned_at=0.0, expires_at=24 * HOUR
    )
    assert job.words(3 * HOUR) == (
        "1 batch job of 600 requests, the oldest 3.0 hours old, the first expires in 21.0 hours, $1.20 reserved"
    )
    assert "the first expired 2.0 hours ago" in job.words(26 * HOUR)
    unsent = Waiting.of(JobState.PLANNED, requests=1, authors=1, reserve=0, planned_at=0.0, expires_at=None)
    assert (job + unsent).words(0.0).startswith("2 batch jobs of 601 requests")
    assert unsent.words(0.0) == "1 batch job of 1 request, the oldest < 1 s old"

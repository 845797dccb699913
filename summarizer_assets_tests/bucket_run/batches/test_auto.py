"""The route `auto`: each run chooses, and nobody is asked online who is in a job."""

from collections import Counter

import pytest

from summarizer_assets.bucket_run.asking.asker import Asker
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Rule
from summarizer_assets_tests.bucket_run.batches.jobs_house import JobsHouse, jobs_housed

SLOW = BatchTerms(running_s=100)
GIVEN = {"route": "auto", "batch_factor": 0.5, "batch_min_requests": 5}
EVERYBODY = Counter(map(str, range(1, 31)))


@pytest.fixture
def it(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch, 30, **GIVEN) as house:
        house.offer(SLOW)
        yield house


def told_route(it: JobsHouse) -> tuple[str | None, str]:
    """Why the next run stops, and which way it says that it asked."""
    run = it.run()
    return None if run.stop is None else run.stop.cause, str(run.summaries.metadata()["route"])


def asked(it: JobsHouse) -> Counter[str]:
    """How often each author was asked, online and in jobs."""
    return it.house.asked() + it.billed()


def test_a_few_authors_tell_online_how_the_model_answers_and_the_rest_goes_into_a_job(it):
    cause, route = told_route(it)
    assert (cause, route) == (IN_BATCH, "by batch jobs: 8 requests at 0.5 of the price, within 24 h")
    assert (it.states, sum(it.house.asked().values()), it.rows[0].authors) == (["open"], 8, 22)
    assert len(it.house.summaries()) == 8
    it.wait(100)
    assert it.cause() is None
    assert asked(it) == EVERYBODY
    costs = it.house.frame("summaries")["cost_usd"]
    assert round(costs.sum() * 1e9) == it.money["spent"]
    assert costs.max() > 1.9 * costs.min(), "half of the price in the job"
    it.assert_settled()


def test_without_a_reason_for_a_job_all_are_asked_online(it):
    other = JobsHouse(it.house.with_settings(batch_min_requests=9), it.ahead_s)
    why = "online: the number of requests, 8, is below SUMMARIZER_BATCH_MIN_REQUESTS=9"
    assert told_route(other) == (None, why)
    assert (other.rows, asked(other)) == ([], EVERYBODY)
    other.assert_settled()


def test_where_no_run_may_send_a_job_the_batch_service_is_not_even_called(it):
    it.offer(BatchTerms(calls=(CallFault("jobs", "unauthorized", times=None),)))
    other = JobsHouse(it.house.with_settings(batch_factor=None), it.ahead_s)
    cause, route = told_route(other)
    assert (cause, route.partition(";")[0]) == (None, "online: this provider's price of batch jobs is not known")


def test_a_provider_without_batch_jobs_is_asked_online(it):
    it.offer(BatchTerms(calls=tuple(CallFault(call, "model_not_found", times=None) for call in ("jobs", "upload"))))
    assert told_route(it) == (None, "online: the provider has no batch jobs at this address")
    it.assert_settled()


def test_whoever_is_in_a_job_is_not_asked_online_and_the_others_are(it):
    pilot = JobsHouse(it.house.with_settings(limit=20), it.ahead_s)
    assert pilot.cause() == IN_BATCH
    (job,) = pilot.jobs.live()
    inside = {author for request in pilot.jobs.requests(job.key) for author in request.authors}
    before = it.house.asked()
    few = JobsHouse(it.house.with_settings(batch_min_requests=1_000), it.ahead_s)
    assert few.cause() == IN_BATCH
    assert set(few.house.asked() - before) == set(EVERYBODY) - set(before) - inside
    assert few.cause() == IN_BATCH
    it.wait(100)
    assert few.cause() is None
    assert asked(few) == EVERYBODY
    few.assert_settled()


def test_what_a_job_leaves_is_asked_online_when_it_is_little(it):
    it.offer(BatchTerms(running_s=100), Rule("huge_summary", authors=("20",)))
    it.cause()
    it.wait(100)
    it.offer(SLOW)
    cause, route = told_route(it)
    assert (cause, route) == (None, "online: the number of requests, 1, is below SUMMARIZER_BATCH_MIN_REQUESTS=5")
    assert (it.states, asked(it)) == (["collected"], EVERYBODY + Counter(["20"]))
    it.assert_settled()


def test_a_model_that_is_none_is_found_out_before_a_job_is_sent(it):
    it.offer(SLOW, Rule("no_choices", share=1))
    assert it.cause() == "unusable"
    assert (it.rows, it.house.failures()) == ([], {})
    assert len(it.house.asked()) == 8


def test_a_job_that_was_not_sent_by_the_deadline_is_given_up_and_its_authors_asked_online(it):
    late = JobsHouse(it.house.with_settings(deadline_h=30), it.ahead_s)
    late.offer(BatchTerms(calls=(CallFault("create", "throttled_silent", times=None),)))
    assert late.cause() == IN_BATCH
    assert late.states == ["uploaded"]
    it.wait(30 * 3_600)
    assert late.cause() is None
    assert (late.states, late.house.app.batches.jobs(), asked(late)) == (["failed"], [], EVERYBODY)
    assert late.house.app.batches.files("Bearer sk-one", None, oldest_first=True) == []
    late.assert_settled()


def test_a_run_that_is_killed_while_it_asks_online_what_a_job_left_loses_and_repeats_nothing(it, monkeypatch):
    it.offer(BatchTerms(running_s=60 * 3_600, window_s=1e9, cancelling_s=60))
    late = JobsHouse(it.house.with_settings(deadline_h=30), it.ahead_s)
    late.cause()
    it.wait(30 * 3_600)
    late.cause()
    it.wait(60)
    late.kill_at(monkeypatch, Asker, "run", after=False)
    assert late.cause() is None
    assert asked(late) == EVERYBODY
    late.assert_settled()

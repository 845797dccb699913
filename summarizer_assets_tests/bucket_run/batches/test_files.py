"""Files at the provider are gone once their job is settled, whatever happens in between."""

import pytest

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets.storage.state_db.batch_jobs import BatchJobs
from summarizer_assets_tests.bucket_run.batches.jobs_house import JobsHouse, jobs_housed
from summarizer_assets_tests.ticking import Ticking

QUICK = BatchTerms()


@pytest.fixture
def it(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch) as house:
        house.offer(QUICK)
        yield house


def files(it: JobsHouse) -> list[str]:
    """Those of all kinds."""
    found = it.house.app.batches.files("Bearer sk-one", None, oldest_first=True)
    return [file["purpose"] for file in found]


def tick(it: JobsHouse) -> str:
    return " ".join(Ticking(it.house.installation, "collect_batches").tick().log)


def test_the_files_of_a_collected_job_are_gone(it):
    it.cause()
    assert files(it) == ["batch", "batch_output"]
    assert it.cause() is None
    assert files(it) == []
    it.assert_settled()


def test_the_file_of_a_job_that_failed_is_gone(it):
    it.offer(BatchTerms(most_requests=1))
    it.cause()
    assert it.cause() == "batch_failed"
    assert files(it) == []


def test_the_file_of_a_lost_job_is_gone(it):
    it.offer(BatchTerms(ids_after_s=1e9))
    it.cause()
    it.cause()
    it.wait(3_600)
    it.cause()
    assert it.states[0] == "lost"
    assert len([purpose for purpose in files(it) if purpose == "batch"]) == 1, "that of the next job"


def test_a_run_that_was_killed_between_booking_and_deleting_leaves_the_files_to_the_sensor(it, monkeypatch):
    it.cause()
    it.kill_at(monkeypatch, BatchJobs, "settle", after=True)
    assert (it.states, files(it)) == (["collected"], ["batch", "batch_output"])
    tick(it)
    assert files(it) == []
    it.cause()
    it.assert_settled()


def test_files_that_cannot_be_deleted_stop_no_run_and_are_deleted_hours_later(it):
    it.offer(BatchTerms(calls=(CallFault("delete", "server_error", times=2),)))
    it.cause()
    told: list[str] = []
    assert it.cause(log=told.append) is None
    assert any("could not be deleted at the provider, which is tried again in some hours" in line for line in told)
    assert tick(it) == "", "not at each tick"
    it.wait(6 * 3_600 + 1)
    assert "could not be deleted" in tick(it)
    it.wait(6 * 3_600 + 1)
    tick(it)
    assert files(it) == []
    it.assert_settled()


def test_files_that_can_never_be_deleted_are_left_to_expire(it):
    it.offer(BatchTerms(calls=(CallFault("delete", "unauthorized", times=None),)))
    it.cause()
    assert it.cause() is None
    it.wait(30 * 86_400)
    assert "which is left to expire" in tick(it)
    assert it.jobs.to_delete(it.rows[0].account, 1) == []


def test_a_job_that_fits_is_cut_where_a_person_says_so(it):
    it.offer(BatchTerms(running_s=100))
    small = JobsHouse(it.house.with_settings(batch_max_requests=1), it.ahead_s)
    assert small.cause() == IN_BATCH
    assert [row.requests for row in small.rows] == [1, 1, 1]

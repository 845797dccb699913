import pytest

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets_tests.bucket_run.batches.jobs_house import jobs_housed

SLOW = BatchTerms(validating_s=10, running_s=100, finalizing_s=5)


@pytest.fixture
def it(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch) as house:
        yield house


def test_a_run_sends_a_job_and_ends_and_a_later_one_collects_it(it):
    it.offer(SLOW)
    run = it.run()
    assert run.stop is not None
    assert run.stop.cause == IN_BATCH
    assert (run.counts.pending, it.states) == (10, ["open"])
    assert it.money["reserved"] == it.rows[0].reserve > 0
    it.wait(50)
    assert it.cause() == IN_BATCH
    assert it.house.app.batches.jobs()[0]["status"] == "in_progress"
    it.wait(65)
    assert it.cause() is None
    assert len(it.house.summaries()) == 10
    assert it.states == ["collected"]
    assert set(it.billed().values()) == {1}
    assert it.money == {"spent": it.bill, "uncertain": 0, "reserved": 0, "wasted": 0}
    assert it.house.asked() == {}, "nobody was asked online"
    it.assert_settled()

import pytest

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.estimate.pending_sample import pending_authors
from summarizer_assets.overview.work import buckets_to_run
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.sensors.facts import retry_facts
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets_tests.bucket_run.batches.jobs_house import BUCKET, jobs_housed

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


def test_a_pilot_s_limit_counts_those_who_wait_in_the_jobs_of_other_buckets(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch, buckets=3, limit=5) as it:
        made = it.house.summarizer
        persist(made.tables.authors, made.ingest(bucket_keys(3), log=lambda _: None, describe=lambda *_: None))
        it.offer(SLOW)

        def round_of_runs(name):
            for bucket in bucket_keys(3):
                run = made.bucket_run(bucket, f"{name}-{bucket}", log=lambda _: None)
                it.house.work(run=run)

        round_of_runs("first")
        assert sum(row.authors for row in it.jobs.live()) == 5
        assert not retry_facts(made).unfinished_counts
        round_of_runs("second")
        it.wait(200)
        round_of_runs("third")
        round_of_runs("fourth")
        assert len(it.house.summaries()) == 5
        assert set(it.billed().values()) == {1}
        assert it.jobs.live() == []


def test_a_bucket_whose_job_is_under_way_is_run_although_nobody_in_it_is_to_be_asked(it, tmp_path):
    it.offer(SLOW)
    it.cause()
    excluded = tmp_path / "excluded.txt"
    excluded.write_text("".join(f"{number}\n" for number in range(1, 11)))
    made = it.house.with_settings(exclude=excluded).summarizer
    assert buckets_to_run(made, pending_authors(made)) == [BUCKET]

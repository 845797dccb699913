"""Batch jobs in Dagster: a run that only sends one is a success without a materialisation; sensors bring the rest."""

import asyncio

import pytest

from summarizer_assets.llm.batches import openai_batches
from summarizer_assets.llm.batches.provider import NewJob
from summarizer_assets.rehearsal.batches.terms import BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets.routes import batch_api
from summarizer_assets_tests.ticking import Ticking
from testing.installation import Installation, metadata_of, statuses, write_authors
from testing.provider import answer, serving

SLOW = BatchTerms(running_s=100)


@pytest.fixture
def app():
    return FaultyProvider(answer, Plan(batch=SLOW))


@pytest.fixture
def house(tmp_path, app):
    with serving(app) as url:
        given = {"llm_base_url": url, "llm_model": "m", "llm_api_key": "sk-one", "route": "batch", "group_size": 4}
        made = Installation(tmp_path / "root", write_authors(tmp_path / "a.parquet", 10), **given)
        made.ingest()
        yield made


def test_a_run_that_sends_a_job_is_a_success_and_its_partition_is_no_failure(house, app):
    (sent,) = house.summarize()
    assert sent.success
    assert statuses(house) == {"0000": "MISSING"}
    told = metadata_of(sent)
    assert (told["pending"], told["summaries"]) == (10, 0)
    assert told["waits_for"].startswith("10 authors wait for 1 batch jobs")
    assert told["in_batch"] == 10
    assert "stopped" not in told
    app.batches.advance(100)
    (collected,) = house.summarize()
    assert collected.success
    assert statuses(house) == {"0000": "MATERIALIZED"}
    assert metadata_of(collected)["summaries"] == 10
    house.assert_each_author_in_one_place()


def test_a_provider_without_batch_jobs_fails_the_run_and_says_so(house, app):
    app.use(Plan(batch=BatchTerms(calls=(CallFault("upload", "model_not_found", times=None),))))
    (failed,) = house.summarize()
    assert not failed.success
    assert statuses(house) == {"0000": "FAILED"}


def test_the_sensors_wait_for_a_job_and_collect_it_when_it_ended(house, app):
    looking, retrying = Ticking(house, "collect_batches"), Ticking(house)
    assert looking.tick().said == "no batch job is under way"
    house.summarize()
    tick = looking.tick()
    assert (tick.requests, tick.said) == ([], "1 batch jobs: 1 in_progress")
    assert "1 a batch job is under way" in retrying.tick().said
    app.batches.advance(100)
    assert "1 a batch job is under way" in retrying.tick().said
    tick = looking.tick()
    assert tick.buckets == ["0000"]
    assert looking.tick().requests[0].run_key == tick.requests[0].run_key, "Dagster starts it once"
    assert looking.execute(tick)[0].success
    assert statuses(house) == {"0000": "MATERIALIZED"}
    assert looking.tick().said == "no batch job is under way"
    assert retrying.tick().said == "1 nothing to do"


def test_a_provider_that_does_not_answer_changes_nothing_and_a_job_that_nobody_heard_of_is_found(house, app):
    lost = CallFault("create", "gateway_timeout", done=True)
    app.use(Plan(batch=BatchTerms(running_s=100, calls=(lost, CallFault("jobs", "server_error", after=1, times=2)))))
    house.summarize()
    looking = Ticking(house, "collect_batches")
    for _ in range(2):
        assert looking.tick().said == "1 batch jobs: 1 creating"
    assert looking.tick().said == "1 batch jobs: 1 in_progress"


def test_a_job_is_found_behind_many_others_of_the_account_page_by_page(house, app, monkeypatch):
    monkeypatch.setattr(openai_batches, "_PAGE", 5)
    house.summarize()

    async def others() -> None:
        api = batch_api(house.settings)
        file = await api.upload("others.jsonl", b"{}")
        for _ in range(101):
            await api.create(NewJob("m", {}, file.id, b""))
        await api.aclose()

    asyncio.run(others())
    app.batches.advance(100)
    assert Ticking(house, "collect_batches").tick().buckets == ["0000"]


def test_with_another_key_the_sensor_asks_for_nothing(house, app):
    house.summarize()
    given = {**house.given, "llm_api_key": "sk-two"}
    root, source = given.pop("root"), given.pop("source")
    other = Installation(root, source, **given)
    app.use(Plan(batch=BatchTerms(calls=(CallFault("jobs", "server_error", times=None),))))
    said = Ticking(other, "collect_batches").tick()
    assert (said.requests, said.said, said.log) == ([], "1 batch jobs: 1 validating", [])


def test_a_tick_starts_no_more_runs_than_allowed_and_those_that_failed_before_keep_nobody_waiting(tmp_path, app):
    with serving(app) as url:
        given = {"llm_base_url": url, "llm_model": "m", "llm_api_key": "sk-one", "route": "batch"}
        source = write_authors(tmp_path / "a.parquet", 12)
        house = Installation(tmp_path / "root", source, buckets=3, retry_runs_per_tick=1, **given)
        house.ingest()
        house.summarize()
        app.batches.advance(100)
        looking = Ticking(house, "collect_batches")
        app.use(Plan(batch=BatchTerms(calls=(CallFault("content", "server_error", times=1),))))
        buckets = sorted(row.bucket for row in house.summarizer.jobs.live())
        assert len(buckets) > 1
        for bucket in buckets:
            tick = looking.tick()
            assert tick.buckets == [bucket]
            looking.execute(tick)
        assert looking.tick().requests == []
        assert [row.bucket for row in house.summarizer.jobs.live()] == buckets[:1], "left to the retry sensor"

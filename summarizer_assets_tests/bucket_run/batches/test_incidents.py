"""What befalls an installation while its batch jobs are under way, as a person meets it."""

import pytest
import sqlalchemy as sa

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.rehearsal.batches.terms import CALLS, BatchTerms, CallFault
from summarizer_assets_tests.bucket_run.batches.jobs_house import jobs_housed
from summarizer_assets_tests.bucket_run.house import new_titles
from testing.command_line import run_command
from testing.newcomer import settings_of

SLOW = BatchTerms(running_s=100)
QUARTER_OF_A_DAY_S = 21_600
TABLES = ("batch_jobs", "batch_requests")


@pytest.fixture
def it(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch) as house:
        yield house


@pytest.mark.parametrize("fault", ["unavailable", "reset"])
@pytest.mark.parametrize("under_way", [False, True], ids=["before a job", "while a job is under way"])
def test_a_provider_that_is_gone_for_a_day_costs_the_day_and_nothing_else(it, fault, under_way):
    it.offer(SLOW)
    if under_way:
        assert it.cause() == IN_BATCH
    it.offer(BatchTerms(calls=tuple(CallFault(call, fault, times=None) for call in CALLS)))
    for _ in range(4):
        assert it.cause() == IN_BATCH
        it.wait(QUARTER_OF_A_DAY_S)
    assert it.states == (["open"] if under_way else [])
    assert it.house.failures() == {}
    it.offer(BatchTerms())
    for _ in range(2):
        it.cause()
    assert len(it.house.summaries()) == 10
    assert set(it.billed().values()) == {1}
    assert it.money == {"spent": it.bill, "uncertain": 0, "reserved": 0, "wasted": 0}
    it.assert_settled()


def test_a_state_store_from_a_backup_that_does_not_know_the_jobs_since_makes_no_new_ones(it):
    it.offer(BatchTerms())
    it.cause()
    assert it.cause() is None
    it.house.change_source(new_titles(1, 2))
    it.house.ingest()
    it.offer(SLOW)
    assert it.cause() == IN_BATCH
    key = it.rows[-1].key
    with it.house.summarizer.database.begin() as connection:  # as it was before the second job
        for table in TABLES:
            connection.execute(sa.text(f"DELETE FROM {table} WHERE key = '{key}'"))
    assert it.states == ["collected"]
    assert it.cause() == "batch_unknown"
    assert len(it.house.app.batches.jobs()) == 2
    with settings_of(it.house.installation.environment()):
        assert run_command("jobs", "--disown") == 0
    assert it.cause() == IN_BATCH
    assert len(it.house.app.batches.jobs()) == 3


def test_a_state_store_that_is_put_back_collects_the_jobs_as_if_nothing_had_happened(it):
    it.offer(SLOW)
    assert it.cause() == IN_BATCH
    with it.house.summarizer.database.begin() as connection:
        kept = {table: connection.execute(sa.text(f"SELECT * FROM {table}")).mappings().all() for table in TABLES}
        for table in TABLES:
            connection.execute(sa.text(f"DELETE FROM {table}"))
    assert it.cause() == "batch_unknown"
    with it.house.summarizer.database.begin() as connection:
        for table, rows in kept.items():
            values = ", ".join(f":{column}" for column in rows[0])
            connection.execute(sa.text(f"INSERT INTO {table} VALUES ({values})"), [dict(row) for row in rows])
    it.wait(QUARTER_OF_A_DAY_S)
    assert it.cause() is None
    assert len(it.house.summaries()) == 10
    assert set(it.billed().values()) == {1}
    assert it.money == {"spent": it.bill, "uncertain": 0, "reserved": 0, "wasted": 0}
    it.assert_settled()

"""What befalls an installation while its batch jobs are under way, as a person meets it."""

import pytest

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.rehearsal.batches.terms import CALLS, BatchTerms, CallFault
from summarizer_assets_tests.bucket_run.batches.jobs_house import jobs_housed

SLOW = BatchTerms(running_s=100)
QUARTER_OF_A_DAY_S = 21_600


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

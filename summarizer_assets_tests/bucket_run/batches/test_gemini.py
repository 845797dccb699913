"""Batch jobs at Gemini, over sockets: the way from a run to the tables, and the faults that differ from OpenAI's.

Numbers are those of the project's list of faults of batch jobs.
"""

import pytest

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.batches.gemini_batches import GeminiBatches
from summarizer_assets.rehearsal.batches.terms import BadLine, BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets_tests.bucket_run.batches.jobs_house import JobsHouse, jobs_housed

SLOW, QUICK = BatchTerms(running_s=100), BatchTerms()
TWO_DAYS_S = 172_800
GEMINI = {"llm_protocol": "gemini", "llm_model": "gemini-2.5-flash-lite", "batch_factor": 0.5}
COLUMNS = ("author_id", "summary", "model", "response_model", "prompt_tokens", "completion_tokens", "flags")


@pytest.fixture
def it(tmp_path, monkeypatch):
    with jobs_housed(tmp_path, monkeypatch, **GEMINI) as house:
        yield house


def ends_well(it: JobsHouse, runs: int = 6, paid: int = 1) -> None:
    """With a provider that works again, all is answered, and paid for at most so often."""
    it.offer(QUICK)
    for _ in range(runs):
        if it.cause() is None:
            break
        it.wait(1_000)
    assert len(it.house.summaries()) == 10
    assert set(it.billed().values()) <= set(range(1, paid + 1))
    assert it.money["spent"] <= it.bill
    it.assert_settled()


def test_a_job_answers_what_requests_answer_that_are_waited_for_at_half_the_price(it, tmp_path, monkeypatch):
    it.offer(SLOW)
    assert it.cause() == IN_BATCH
    assert (it.states, it.rows[0].file_id is not None) == (["open"], True)
    it.wait(100)
    assert it.cause() is None
    it.assert_settled()
    by_batch = it.house.frame("summaries").sort("author_id")
    (tmp_path / "online").mkdir()
    with jobs_housed(tmp_path / "online", monkeypatch, **{**GEMINI, "route": "online"}) as other:
        assert other.cause() is None
        online = other.house.frame("summaries").sort("author_id")
    assert by_batch.select(COLUMNS).equals(online.select(COLUMNS))
    assert by_batch["cost_usd"].sum() * 2 == pytest.approx(online["cost_usd"].sum(), abs=1e-8)


def test_3_and_4_killed_after_the_upload_and_after_the_create_its_file_and_its_job_are_found(it, monkeypatch):
    it.offer(SLOW)
    it.kill_at(monkeypatch, GeminiBatches, "upload", after=True)
    it.kill_at(monkeypatch, GeminiBatches, "create", after=True)
    assert it.cause() == IN_BATCH
    assert it.states == ["open"]
    assert len(it.house.app.batches.files("sk-one", "batch", oldest_first=True)) == 1
    assert len(it.house.app.batches.jobs()) == 1
    ends_well(it)


@pytest.mark.parametrize("done", [True, False], ids=["5 made", "6 not made"])
def test_5_and_6_a_create_that_nobody_heard_of_is_looked_for_by_its_name_and_never_repeated_at_once(it, done):
    it.offer(BatchTerms(running_s=100, calls=(CallFault("create", "gateway_timeout", done=done),)))
    assert it.cause() == IN_BATCH
    assert it.states == ["creating"]
    it.wait(60)
    assert it.cause() == IN_BATCH
    assert it.states == (["open"] if done else ["creating"])
    it.wait(900)
    it.cause()
    assert len(it.house.app.batches.jobs()) == 1
    ends_well(it)


def test_7_and_10_a_throttle_is_waited_out_and_a_job_that_is_refused_is_billed_to_nobody(it):
    calls = (CallFault("create", "throttled"), CallFault("create", "bad_request", after=1))
    it.offer(BatchTerms(calls=calls))
    assert it.cause() == IN_BATCH
    assert it.states == ["uploaded"]
    assert it.cause() == "batch_failed"
    assert (it.states, it.money["reserved"], it.house.failures()) == (["failed"], 0, {})
    ends_well(it)


def test_8_a_file_that_is_not_active_yet_is_waited_for_and_one_that_is_gone_is_uploaded_again(it):
    it.offer(BatchTerms(calls=(CallFault("create", "throttled"),)))
    it.cause()
    it.wait(TWO_DAYS_S + 1)  # no file is kept for longer
    assert it.cause() == IN_BATCH
    assert it.states == ["uploading"]
    it.offer(BatchTerms(readable_after_s=60, running_s=1))
    assert it.cause() == IN_BATCH
    assert it.states == ["uploaded"]
    ends_well(it)


def test_13_a_schema_that_the_model_refuses_is_left_out_in_the_next_job(it):
    it.house.app.use(Plan(batch=QUICK, accepts_schema=False))
    assert [it.cause() for _ in range(3)] == [IN_BATCH, IN_BATCH, None]
    assert it.house.summarizer.adapting.form.structured == "json_object"
    assert it.house.failures() == {}
    it.assert_settled()


def test_19_to_21_a_wrong_line_costs_its_own_request_and_no_other(it):
    it.offer(BatchTerms(lines=(BadLine(0, "foreign"), BadLine(1, "twice"))))
    it.cause()
    it.offer(SLOW)
    it.cause()
    assert len(it.house.summaries()) == 6
    assert it.money["uncertain"] > 0
    ends_well(it, paid=2)


def test_23_and_24_a_line_with_an_error_counts_as_it_does_online(it):
    it.offer(QUICK, Rule("bad_request", authors=("3",)), Rule("server_error", authors=("9",), times_per_group=1))
    for _ in range(8):
        if it.cause() is None:
            break
    assert it.house.failures() == {"3": "rejected"}
    assert len(it.house.summaries()) == 9
    it.assert_settled()


@pytest.mark.parametrize("at_s", [0, 50])
def test_26_a_cancelled_job_shows_no_results_and_what_it_did_is_uncertain(it, at_s):
    it.offer(SLOW)
    it.cause()
    it.wait(at_s)
    it.house.app.batches.cancel("sk-one", (it.rows[0].remote_id or "").removeprefix("batches/"))
    reserve = it.rows[0].reserve
    assert it.cause() == IN_BATCH
    if at_s:  # a file of its results may still show
        it.wait(3_600)
        assert it.cause() == IN_BATCH
    assert it.states == ["lost" if at_s else "collected", "open"]
    assert it.money["uncertain"] == (reserve if at_s else 0)
    assert it.house.summaries() == it.house.failures() == {}
    ends_well(it, paid=2)


def test_27_a_job_that_expires_has_no_results_all_are_asked_again_and_its_cost_is_uncertain(it):
    it.offer(BatchTerms(running_s=2 * TWO_DAYS_S, window_s=TWO_DAYS_S))
    it.cause()
    reserve = it.rows[0].reserve
    it.wait(TWO_DAYS_S)
    it.offer(SLOW)
    assert it.cause() == IN_BATCH
    assert it.states == ["lost", "open"]
    assert (it.money["spent"], it.money["uncertain"]) == (0, reserve)
    assert 0 < it.bill <= reserve
    assert it.house.summaries() == it.house.failures() == {}
    ends_well(it, paid=2)

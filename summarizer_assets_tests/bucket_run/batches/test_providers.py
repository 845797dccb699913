"""Faults whose way differs by provider, over sockets; `test_faults.py` has all of them in OpenAI's words."""

import json

import httpx
import pytest
import sqlalchemy as sa

from summarizer_assets.core.run_records import IN_BATCH
from summarizer_assets.llm.batches.anthropic_batches import AnthropicBatches
from summarizer_assets.rehearsal.batches.terms import BadLine, BatchTerms, CallFault
from summarizer_assets.rehearsal.plan import Rule
from summarizer_assets_tests.bucket_run.batches.jobs_house import JobsHouse, jobs_housed
from testing.command_line import run_command
from testing.newcomer import settings_of

DAY_S = 86_400
NOT_ANSWERED = CallFault("create", "gateway_timeout")
MADE = CallFault("create", "gateway_timeout", done=True)


@pytest.fixture
def of(tmp_path, monkeypatch):
    opened = []

    def housed(provider: str) -> JobsHouse:
        opened.append(jobs_housed(tmp_path, monkeypatch, provider=provider))  # type: ignore[arg-type] # one of them
        return opened[-1].__enter__()

    yield housed
    for one in opened:
        one.__exit__(None, None, None)


@pytest.fixture
def anthropic(of) -> JobsHouse:
    return of("anthropic")


def ends_well(it: JobsHouse, runs: int = 6) -> None:
    """With a provider that works again, all is answered, and paid for once."""
    it.offer(BatchTerms())
    for _ in range(runs):
        if it.cause() is None:
            break
        it.wait(1_000)
    assert len(it.house.summaries()) == 10
    assert set(it.billed().values()) == {1}
    assert it.money == {"spent": it.bill, "uncertain": 0, "reserved": 0, "wasted": 0}
    it.assert_settled()


@pytest.mark.parametrize("provider", ["azure", "mistral", "together"])
def test_5_25_a_create_that_nobody_heard_of_is_found_and_what_a_late_job_did_is_kept(of, provider):
    it = of(provider)
    it.offer(BatchTerms(running_s=2 * DAY_S, calls=(MADE,)))
    assert it.cause() == IN_BATCH
    assert it.states == ["creating"]
    assert it.cause() == IN_BATCH
    assert (it.states, len(it.house.app.batches.jobs())) == (["open"], 1)
    it.wait(DAY_S)
    it.offer(BatchTerms(running_s=100))
    assert it.cause() == IN_BATCH
    assert (len(it.house.summaries()) > 0) == (provider != "azure")
    assert it.house.failures() == {}
    it.wait(DAY_S)
    ends_well(it)


@pytest.mark.parametrize("provider", ["together", "anthropic"])
def test_39_a_store_that_lost_its_jobs_makes_no_new_ones_whatever_jobs_tell_of_themselves(of, provider):
    it = of(provider)
    it.offer(BatchTerms())
    it.cause()
    with it.house.summarizer.database.begin() as connection:
        for table in ("batch_jobs", "batch_requests"):
            connection.execute(sa.text(f"DELETE FROM {table}"))
    assert it.cause() == "batch_unknown"
    assert (len(it.house.app.batches.jobs()), it.states) == (1, [])


# Anthropic's jobs tell nothing of what they were made with.


def foreign_job(it: JobsHouse, requests: int) -> None:
    """Another program's, of the same account."""
    body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "Hello."}]}
    lines = [{"custom_id": f"another-{number}", "params": body} for number in range(requests)]
    settings = it.house.summarizer.settings
    assert settings.llm_api_key is not None
    headers = {"x-api-key": settings.llm_api_key.get_secret_value(), "anthropic-version": "2023-06-01"}
    url = f"{settings.llm_base_url}/messages/batches"
    httpx.post(url, content=json.dumps({"requests": lines}), headers=headers).raise_for_status()


def test_5_a_job_is_adopted_once_it_ended_and_until_then_nothing_is_sent(anthropic):
    it = anthropic
    it.offer(BatchTerms(running_s=10_000, calls=(MADE,)))
    for _ in range(3):
        assert it.cause() == IN_BATCH
        assert (it.states, it.rows[0].file_id) == (["creating"], None)
        assert it.money["reserved"] > 0
        assert it.rows[0].reason is None or "msgbatch_" in it.rows[0].reason
        it.wait(1_000)
    it.wait(7_000)
    it.cause()
    assert (it.states, len(it.house.app.batches.jobs()), it.rows[0].reason) == (["open"], 1, None)
    ends_well(it)


def test_6_a_job_that_was_not_made_is_sent_once_the_jobs_of_that_time_and_size_ended_as_somebody_else_s(anthropic):
    it = anthropic
    it.offer(BatchTerms(running_s=5_000, calls=(NOT_ANSWERED,)))
    assert it.cause() == IN_BATCH
    foreign_job(it, requests=3)
    foreign_job(it, requests=2)
    smaller = it.house.app.batches.jobs()[-1]["id"]
    with settings_of(it.house.installation.environment()):
        assert run_command("jobs", "--adopt", it.rows[0].key, smaller) == 2, "it has not as many requests"
    for _ in range(2):
        it.wait(1_000)
        assert it.cause() == IN_BATCH
        assert it.states == ["creating"]
    it.wait(4_000)
    for _ in range(2):
        it.cause()
        it.wait(1_000)
    assert (it.states, len(it.house.app.batches.jobs())) == (["open"], 3)
    it.wait(5_000)
    it.offer(BatchTerms())
    assert it.cause() is None
    assert len(it.house.summaries()) == 10
    assert it.billed()["1"] == 1
    it.assert_settled()


def test_4_killed_right_after_the_create_a_job_is_made_once(anthropic, monkeypatch):
    anthropic.offer(BatchTerms(running_s=100))
    anthropic.kill_at(monkeypatch, AnthropicBatches, "create", after=True)
    for _ in range(3):
        anthropic.wait(1_000)
        anthropic.cause()
    assert len(anthropic.house.app.batches.jobs()) == 1
    anthropic.wait(1_000)
    ends_well(anthropic)


def test_25_what_was_not_done_costs_nothing_and_is_sent_again(anthropic):
    it = anthropic
    it.offer(BatchTerms(running_s=2 * DAY_S))
    it.cause()
    it.wait(DAY_S)
    it.offer(BatchTerms(running_s=100))
    assert it.cause() == IN_BATCH
    assert 0 < len(it.house.summaries()) < 10
    assert (it.money["spent"], it.money["uncertain"]) == (it.bill, 0)
    it.wait(100)
    ends_well(it)


def test_what_the_cache_gives_is_booked_at_its_own_price_times_the_factor_of_jobs(tmp_path, monkeypatch):
    prices = {"price_cached_input_usd": 0.1, "price_cache_write_usd": 1.25, "batch_factor": 0.5}
    with jobs_housed(tmp_path, monkeypatch, provider="anthropic", **prices) as it:
        it.offer(BatchTerms(), cache_from=1)
        it.cause()
        assert it.cause() is None
        lines = it.house.app.batches.bill
        assert sum(line.cached_tokens for line in lines) > 0
        exact = sum(
            line.cached_tokens * 0.1
            + line.written_tokens * 1.25
            + (line.prompt_tokens - line.cached_tokens - line.written_tokens)
            + line.completion_tokens * 2
            for line in lines
        )
        assert it.money["spent"] == it.bill == pytest.approx(exact * 1_000 / 2, abs=len(lines))


def test_19_22_23_24_a_line_that_errored_is_asked_again_and_a_cut_one_costs_no_other(anthropic):
    it = anthropic
    refused, failed = Rule("bad_request", authors=("3",)), Rule("server_error", authors=("9",), times_per_group=1)
    it.offer(BatchTerms(lines=(BadLine(1, "cut"),)), refused, failed)
    assert it.cause() == IN_BATCH
    it.offer(BatchTerms(), refused)
    for _ in range(9):
        if it.cause() is None:
            break
    assert it.house.failures() == {"3": "rejected"}
    assert len(it.house.summaries()) == 9
    assert it.money["spent"] <= it.bill
    assert it.money["reserved"] == 0

"""A bucket asked in Anthropic's messages over a socket: faults, the cache, limits, what is booked of it."""

import json
from typing import Any

import pytest

from summarizer_assets.core.money.amounts import Usage, dollars
from summarizer_assets.llm.embedded import app
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.bucket_run.house import AUTHORS, House, housed
from testing.installation import Installation, write_authors
from testing.provider import serving
from testing.waits import short_waits

__all__ = ["short_waits"]  # a fixture of all tests here

CLAUDE: dict[str, Any] = {"llm_protocol": "anthropic", "llm_model": "claude-haiku-4-5", "llm_api_key": "sk-ant-key"}
OPENAI: dict[str, Any] = {"llm_protocol": "openai", "llm_model": "gpt-6-luna", "llm_api_key": "sk-key"}
Told = dict[str, Any]


def worked(house: House) -> tuple[Told, list[str]]:
    """The metadata of a run, and its log."""
    log: list[str] = []
    run = house.work(run=house.prepare(log=log.append))
    return {**run.summaries.metadata(), "stop": run.stop}, log


def billed(house: House) -> int:
    """By the provider's own record, in nano-dollars."""
    price = house.summarizer.price
    assert price is not None
    return sum(
        price.cost(Usage(entry.prompt_tokens, entry.completion_tokens, entry.cached_tokens, entry.written_tokens))
        for entry in house.app.entries
        if entry.prompt_tokens
    )


def assert_booked_to_the_nano_dollar(house: House, told: Told) -> None:
    assert told["spent_usd"] == dollars(billed(house))
    assert house.summarizer.ledger.audit() == []


@pytest.mark.parametrize("provider", [CLAUDE, OPENAI], ids=["anthropic", "openai"])
def test_what_the_prompt_cache_takes_in_and_gives_is_booked_at_its_own_price(tmp_path, provider):
    with housed(tmp_path, reply=app.answer, budget_usd=1, **provider) as house:
        house.app.use(Plan(cache_from=100))
        house.ingest()
        told, _ = worked(house)
        house.assert_settled()
        assert_booked_to_the_nano_dollar(house, told)
        entries = house.app.entries
        assert sum(entry.written_tokens > 0 for entry in entries) == 1
        assert sum(entry.cached_tokens > 0 for entry in entries) == len(entries) - 1 > 5
        rows = house.frame("summaries")
        assert rows["prompt_tokens"].sum() == sum(entry.prompt_tokens for entry in entries)
        assert rows["cost_usd"].sum() == pytest.approx(told["spent_usd"], abs=1e-12)
        without = sum(house.summarizer.price.cost(Usage(e.prompt_tokens, e.completion_tokens, 0, 0)) for e in entries)
        assert billed(house) < without


def test_a_short_instruction_or_one_that_is_not_to_be_cached_costs_the_usual_price(tmp_path):
    with housed(tmp_path, reply=app.answer, **CLAUDE, llm_extra_body={"cache_control": None}) as house:
        house.app.use(Plan(cache_from=100))
        house.ingest()
        told, _ = worked(house)
        assert not any(entry.cached_tokens or entry.written_tokens for entry in house.app.entries)
        assert_booked_to_the_nano_dollar(house, told)


def test_a_bucket_full_of_faults_ends_with_everybody_in_one_place_and_every_token_booked(tmp_path):
    lasting = {"refusal": "3", "content_filter": "11", "unprocessable": "19"}
    passing = {
        "finish_length": "7",
        "overloaded": "1",
        "throttled_ms": "30",
        "server_error": "15",
        "error_under_200": "23",
        "tool_calls": "27",
        "missing_id": "9",
        "empty_text": "10",
    }
    rules = (
        *(Rule(fault, authors=(author,), times_per_group=1, larger_than=1) for fault, author in passing.items()),
        *(Rule(fault, authors=(author,)) for fault, author in lasting.items()),
    )
    with housed(tmp_path, reply=app.answer, budget_usd=1, **CLAUDE) as house:
        house.app.use(Plan(rules=rules, cache_from=100))
        house.ingest()
        told, _ = worked(house)
        assert told["stop"] is None
        assert {entry.fault for entry in house.app.entries} == {None, *lasting, *passing}
        # The interface has one word for what the model declines and for what a filter stops.
        assert house.failures() == {"3": "refusal", "11": "refusal", "19": "rejected"}
        house.installation.assert_each_author_in_one_place()
        assert_booked_to_the_nano_dollar(house, told)
        assert told["wasted_usd"] > 0


def test_a_refused_schema_is_given_up_once_and_remembered_for_this_protocol_alone(tmp_path):
    with housed(tmp_path, reply=app.answer, **CLAUDE) as house:
        house.app.use(Plan(accepts_schema=False))
        house.ingest()
        told, log = worked(house)
        assert told["summaries"] == AUTHORS
        assert sum("JSON by words only instead of json_schema" in line for line in log) == 1
        house.app.use(Plan())
        forms = [house.with_settings(llm_protocol=name).summarizer.adapting.form for name in ("anthropic", "openai")]
        assert [form.structured for form in forms] == ["none", "json_schema"]


def test_the_announced_limits_are_learnt_for_all_runs_of_the_account(tmp_path):
    with housed(tmp_path, reply=app.answer, **CLAUDE) as house:
        house.app.use(Plan(requests_per_minute=6000, tokens_per_minute=9e6))
        house.ingest()
        told, _ = worked(house)
        assert told["summaries"] == AUTHORS
        with house.summarizer.database.begin() as connection:
            learnt = connection.exec_driver_sql("SELECT learnt_requests, learnt_tokens FROM provider_accounts").all()
        assert learnt == [(6000, 9_000_000)]


def test_a_limit_on_answers_alone_below_the_one_on_all_tokens_is_waited_for_and_charges_nobody(tmp_path):
    with housed(tmp_path, reply=app.answer, **CLAUDE) as house:
        house.app.use(Plan(tokens_per_minute=600_000, output_tokens_per_minute=12_000))
        house.ingest()
        told, _ = worked(house)
        assert told["throttles"] > 0
        house.assert_settled()
        assert_booked_to_the_nano_dollar(house, told)


ENDED: dict[str, tuple[Rule, str]] = {
    "quota": (Rule("insufficient_quota", share=1, after_requests=3), "quota"),
    "key": (Rule("unauthorized", share=1, after_requests=3), "auth"),
    "model": (Rule("model_not_found", share=1, after_requests=3), "model"),
}


@pytest.mark.parametrize("how", ENDED)
def test_an_account_that_ends_stops_the_run_and_charges_nobody(tmp_path, how):
    rule, cause = ENDED[how]
    with housed(tmp_path, reply=app.answer, **CLAUDE) as house:
        house.app.use(Plan(rules=(rule,)))
        house.ingest()
        told, _ = worked(house)
        assert told["stop"].cause == cause
        assert (told["failed"], told["summaries"] > 0) == (0, True)
        house.app.heal()
        house.work()
        house.assert_settled()


def test_a_request_too_large_is_split_by_what_the_refusal_tells(tmp_path):
    with housed(tmp_path, reply=app.answer, **CLAUDE) as house:
        house.app.use(Plan(rules=(Rule("context_length", share=1, larger_than=2),)))
        house.ingest()
        told, _ = worked(house)
        assert told["summaries"] == AUTHORS
        assert max(len(entry.ids) for entry in house.app.entries if entry.fault is None) <= 2


class Listening(FaultyProvider):
    """Remembers what was asked."""

    def __init__(self) -> None:
        super().__init__(app.answer)
        self.asked: list[dict[str, Any]] = []

    def reply(self, body: bytes, *interface: Any) -> Any:
        self.asked.append(json.loads(body))
        return super().reply(body, *interface)


def test_what_goes_over_the_wire_begins_alike_in_every_request(tmp_path):
    provider = Listening()
    with serving(provider) as url:
        source = write_authors(tmp_path / "authors.parquet", AUTHORS)
        given = {**CLAUDE, "llm_base_url": url, "llm_extra_body": {"thinking": {"type": "disabled"}}, "group_size": 4}
        house = House(Installation(tmp_path / "root", source, **given), provider)
        house.ingest()
        house.work()
    assert len(provider.asked) > 5
    beginnings = {json.dumps({**body, "messages": None}) for body in provider.asked}
    assert len(beginnings) == 1
    assert json.loads(beginnings.pop())["thinking"] == {"type": "disabled"}

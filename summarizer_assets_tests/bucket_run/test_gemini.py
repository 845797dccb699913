"""A bucket asked in Gemini's interface over a socket: faults, the cache, limits, what is booked of it."""

from typing import Any

import pytest

from summarizer_assets.core.money.amounts import Usage, dollars
from summarizer_assets.llm.embedded import app
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets_tests.bucket_run.house import AUTHORS, House, housed
from testing.waits import short_waits

__all__ = ["short_waits"]  # a fixture of all tests here

GEMINI: dict[str, Any] = {"llm_protocol": "gemini", "llm_model": "gemini-2.5-flash-lite", "llm_api_key": "AIza-key"}


def worked(house: House) -> tuple[dict[str, Any], list[str]]:
    """The metadata of a run, and its log."""
    log: list[str] = []
    run = house.work(run=house.prepare(log=log.append))
    return {**run.summaries.metadata(), "stop": run.stop}, log


def test_a_bucket_full_of_faults_ends_with_everybody_in_one_place_and_every_token_booked(tmp_path):
    lasting = {"refusal": "3", "content_filter": "11", "unprocessable": "19"}
    passing = {
        "finish_length": "7",
        "overloaded": "1",
        "throttled": "30",
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
    with housed(tmp_path, reply=app.answer, budget_usd=1, **GEMINI) as house:
        house.app.use(Plan(rules=rules, cache_from=100))
        house.ingest()
        told, _ = worked(house)
        assert told["stop"] is None
        entries = house.app.entries
        assert {entry.fault for entry in entries} == {None, *lasting, *passing}
        # The interface has one word for what the model declines and for what a filter stops.
        assert house.failures() == {"3": "content_filter", "11": "content_filter", "19": "rejected"}
        house.installation.assert_each_author_in_one_place()
        price = house.summarizer.price
        assert price is not None
        used = [Usage(one.prompt_tokens, one.completion_tokens, one.cached_tokens) for one in entries]
        assert told["spent_usd"] == dollars(sum(price.cost(usage) for usage in used if usage.prompt_tokens))
        assert house.summarizer.ledger.audit() == []
        assert any(usage.cached_tokens for usage in used)
        assert told["wasted_usd"] > 0


def test_a_refused_schema_is_given_up_once_and_remembered_for_the_next_run(tmp_path):
    with housed(tmp_path, reply=app.answer, **GEMINI) as house:
        house.app.use(Plan(accepts_schema=False))
        house.ingest()
        told, log = worked(house)
        assert told["summaries"] == AUTHORS
        assert sum("json_object instead of json_schema" in line for line in log) == 1
        assert house.summarizer.adapting.form.structured == "json_object"


ENDED: dict[str, tuple[Rule, str]] = {
    "quota": (Rule("insufficient_quota", share=1, after_requests=3), "quota"),
    "key": (Rule("unauthorized", share=1, after_requests=3), "auth"),
    "model": (Rule("model_not_found", share=1, after_requests=3), "model"),
}


@pytest.mark.parametrize("how", ENDED)
def test_an_account_that_ends_stops_the_run_and_charges_nobody(tmp_path, how):
    rule, cause = ENDED[how]
    with housed(tmp_path, reply=app.answer, **GEMINI) as house:
        house.app.use(Plan(rules=(rule,)))
        house.ingest()
        told, _ = worked(house)
        assert told["stop"].cause == cause
        assert (told["failed"], told["summaries"] > 0) == (0, True)


def test_the_setting_that_is_refused_is_named_and_nobody_charged(tmp_path):
    wrong = {"generationConfig": {"thinkingBudget": 0}}
    with housed(tmp_path, reply=app.answer, **GEMINI, llm_extra_body=wrong) as house:
        house.ingest()
        told, _ = worked(house)
        assert told["stop"].cause == "configuration"
        assert "sets generationConfig.thinkingBudget" in told["stop"].message
        assert (told["failed"], told["summaries"]) == (0, 0)

"""Whose fault a refusal is: real bodies of providers and servers, wherever in them the words stand."""

import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.prompt.context_limits import told_limits
from summarizer_assets.llm.http.classify import Outcome, classify
from summarizer_assets.llm.http.error_body import read_error
from summarizer_assets.llm.http.refusal_signals import SIGNALS, Cause
from summarizer_assets_tests.llm.http.refusals import LIMITS, TABLE, Seen
from testing.openai_chat import success_in_name_only


@pytest.mark.parametrize("seen", TABLE, ids=lambda seen: f"{seen.provider}-{seen.status}-{seen.seen}"[:60])
def test_each_refusal_is_laid_at_the_right_door(seen):
    verdict = classify(seen.status, {}, seen.body)
    assert (verdict.outcome, verdict.cause) == (seen.outcome, seen.cause), verdict.message


def test_the_table_holds_several_refusals_of_at_least_fifteen_providers():
    held = Counter(seen.provider for seen in TABLE)
    assert sum(number >= 4 for number in held.values()) >= 15
    assert {signal.cause for signal in SIGNALS} == set(Cause)


#: Those whose cause their body tells: where it stands and under which status must not matter.
TOLD = [seen for seen in TABLE if seen.body[:1] in (b"{", b"[") and seen.status in (400, 403, 429)]
WRAPPED = {
    "in a list": lambda document: [document],
    "deep": lambda document: {"error": {"message": "upstream", "metadata": {"upstream": [{"inner": document}]}}},
    "as a text": lambda document: {"error": {"message": "Provider returned error", "raw": json.dumps(document)}},
    "behind words": lambda document: {"detail": f"upstream said: {json.dumps(document)}"},
}
PROVIDER_FAULTS = {Outcome.FATAL, Outcome.UNSUPPORTED, Outcome.FILTERED, Outcome.GARBLED, Outcome.TOO_LARGE}


@pytest.mark.parametrize("form", WRAPPED)
def test_where_in_the_body_the_cause_stands_does_not_matter(form):
    for seen in TOLD:
        if seen.outcome is Outcome.REJECTED:
            continue
        body = json.dumps(WRAPPED[form](json.loads(seen.body))).encode()
        verdict = classify(seen.status, {}, body)
        assert (verdict.outcome, verdict.cause) == (seen.outcome, seen.cause), (seen, verdict.message)


@pytest.mark.parametrize("status", [400, 403, 412, 422, 429])
def test_an_account_that_is_at_its_end_stops_the_run_under_any_status(status):
    for seen in TABLE:
        if (seen.outcome, seen.body[:1]) == (Outcome.FATAL, b"{") and seen.cause == "quota" and seen.status != 402:
            verdict = classify(status, {}, seen.body)
            assert (verdict.outcome, verdict.cause) == (seen.outcome, seen.cause), seen


def test_an_error_object_within_a_reply_is_laid_at_the_same_door():
    for seen in TABLE:
        if seen.outcome not in PROVIDER_FAULTS or seen.body[:1] != b"{":
            continue
        error = json.loads(seen.body).get("error")
        if isinstance(error, dict) and seen.status not in (401, 402, 404):
            verdict = success_in_name_only(json.dumps({"choices": [{"error": error}]}).encode(), {})
            assert verdict is not None
            assert verdict.outcome is seen.outcome, seen


@pytest.mark.parametrize(("words", "told"), LIMITS)
def test_limits_are_read_in_the_usual_wordings(words, told):
    found = told_limits(words)
    assert [found.context, found.prompt, found.cap] == told


@given(st.text("max_tokens length of context is 0123456789,<=>()[]`'"))
def test_whatever_stands_there_a_limit_is_a_positive_number_or_none(words):
    told = told_limits(words)
    assert all(number is None or number > 0 for number in (told.context, told.prompt, told.cap))


def test_an_error_names_the_fields_of_the_request_that_it_speaks_of():
    mistral = json.dumps({"detail": [{"loc": ["body", "enable_thinking"], "msg": "Extra inputs are not permitted"}]})
    assert read_error(mistral.encode()).params == {"enable_thinking"}
    openai = (
        b'{"error": {"message": "Unsupported parameter: \'max_tokens\'. Use \'max_completion_tokens\'", "param": null}}'
    )
    assert read_error(openai).quoted >= {"max_tokens", "max_completion_tokens"}
    assert read_error(b'{"error": {"param": "messages[1].content"}}').params == {"messages"}
    assert read_error(b'{"error": {"message": "Unrecognized request argument supplied: top_a"}}').quoted >= {"top_a"}


@given(st.binary())
def test_no_body_makes_the_reader_fail(body):
    assert len(read_error(body).message) <= 2000


def test_all_seen_are_seen_once():
    assert len(set(TABLE)) == len(TABLE)
    assert all(isinstance(seen, Seen) for seen in TABLE)

"""Anthropic's messages: what is sent, how a reply is opened, what it is billed, which limits its headers tell."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.core.prompt.context_limits import NOTHING_TOLD
from summarizer_assets.core.prompt.messages import OUTPUT_SCHEMA
from summarizer_assets.core.prompt.request_form import FIRST_FORM, Refusal, RequestForm, adapted
from summarizer_assets.core.prompt.request_form import Size as RequestSize
from summarizer_assets.core.records import FailureReason as Why
from summarizer_assets.llm.budget.prices import list_price
from summarizer_assets.llm.http.classify import Outcome, classify, success_in_name_only
from summarizer_assets.llm.http.error_body import read_error
from summarizer_assets.llm.http.retry_after import waiting_time
from summarizer_assets.llm.protocols.anthropic_messages import ANTHROPIC_MESSAGES, VERSION
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.rehearsal.messages import MESSAGES

ROWS = '{"summaries":[{"author_id":"1","summary":"Ada writes on {peat}."}]}'
NOON = 1_800_000_000.0


def encoded(
    form: RequestForm = FIRST_FORM,
    extra_body: dict[str, Any] | None = None,
    *,
    system: str = "SYSTEM",
    user: str = "USER",
) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        ANTHROPIC_MESSAGES.encode(ChatRequest("m", system, user, 50, form, extra_body or {}))
    )
    return found


def message(content: object, stop: object = "end_turn", **fields: object) -> bytes:
    usage = {"input_tokens": 40, "output_tokens": 9}
    body = {
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": content,
        "stop_reason": stop,
        "usage": usage,
    }
    return json.dumps({**body, **fields}).encode()


def text(words: str) -> dict[str, str]:
    return {"type": "text", "text": words}


# What is sent.


def test_the_constant_instruction_is_marked_for_the_cache_and_the_records_are_not():
    assert encoded() == {
        "model": "m",
        "max_tokens": 50,
        "system": [{"type": "text", "text": "SYSTEM", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "USER"}],
        "output_config": {"format": {"type": "json_schema", "schema": OUTPUT_SCHEMA}},
    }


@given(st.text(), st.text(), st.sampled_from(["json_schema", "json_object", "none"]))
def test_any_text_arrives_as_it_is(system, user, structured):
    body = encoded(RequestForm(structured), system=system, user=user)
    assert body["system"][0]["text"] == system
    assert body["messages"] == [{"role": "user", "content": user}]
    assert ("output_config" in body) == (structured == "json_schema")
    assert json.loads(MESSAGES.asked(json.dumps(body).encode()))["messages"][0]["content"] == system


@pytest.mark.parametrize(
    ("extra", "sent"),
    [
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"thinking": {"type": "disabled"}}, {"thinking": {"type": "disabled"}}),
        ({"service_tier": None}, {"service_tier": None}),
        ({"cache_control": None}, {"system": [{"type": "text", "text": "SYSTEM"}]}),
        ({"output_config": None}, {"output_config": {"format": {"type": "json_schema", "schema": OUTPUT_SCHEMA}}}),
        (
            {"output_config": {"effort": "low"}},
            {"output_config": {"effort": "low", "format": {"type": "json_schema", "schema": OUTPUT_SCHEMA}}},
        ),
    ],
)
def test_what_a_person_sets_goes_with_each_request_and_a_null_takes_a_field_out(extra, sent):
    body = encoded(extra_body=extra)
    assert {name: body.get(name) for name in sent} == sent
    assert None not in body.values()
    assert encoded(RequestForm("none"), {"output_config": {"effort": "low"}})["output_config"] == {"effort": "low"}


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        *(({name: "x"}, f"sets {name}, .*take it out") for name in ("messages", "model", "stream", "system", "tools")),
        ({"output_config": {"format": {}}}, r"sets output_config\.format, .*take it out"),
        ({"output_config": "low"}, "output_config to no object"),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, "null for no caching"),
        ({"max_tokens": None}, "each request needs one"),
    ],
)
def test_what_would_decide_the_request_itself_is_refused_with_the_remedy(extra, complaint):
    with pytest.raises(ValueError, match=f"SUMMARIZER_LLM_EXTRA_BODY sets .*{complaint.removeprefix('sets ')}"):
        ANTHROPIC_MESSAGES.checked_extra_body(extra)


@pytest.mark.parametrize(
    ("extra", "most"), [({}, 50), ({"max_tokens": 9}, 9), ({"max_tokens": "9"}, None), ({"max_tokens": True}, None)]
)
def test_the_bound_of_an_answer_is_the_one_that_is_sent(extra, most):
    assert ANTHROPIC_MESSAGES.most_output_tokens(extra, 50) == most
    assert most is None or encoded(extra_body=extra)["max_tokens"] == most


JWT = "eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        (None, {}),
        ("sk-ant-api03-k", {"x-api-key": "sk-ant-api03-k"}),
        ("of-a-gateway", {"x-api-key": "of-a-gateway"}),
        ("sk-ant-oat01-k", {"Authorization": "Bearer sk-ant-oat01-k"}),
        (JWT, {"Authorization": f"Bearer {JWT}"}),
    ],
)
def test_a_key_goes_into_its_own_header_and_a_token_is_a_bearer_token(key, sent):
    assert ANTHROPIC_MESSAGES.headers("/v1/messages", {}, key) == {"anthropic-version": VERSION, **sent}


# When the form is refused.


def refusal(words: str) -> Refusal:
    body = read_error(
        json.dumps({"type": "error", "error": {"type": "invalid_request_error", "message": words}}).encode()
    )
    return Refusal(words, body.params | body.quoted, body.params, NOTHING_TOLD, of_size=False)


@pytest.mark.parametrize(
    "words",
    [
        "output_config.format: Extra inputs are not permitted",
        "output_config: Extra inputs are not permitted",
        "output_config.format.schema: Invalid schema: The compiled grammar is too large. Simplify your tool schemas.",
        "Structured outputs are not available for this model.",
    ],
)
def test_a_model_that_refuses_the_schema_is_asked_in_words_from_then_on(words):
    said = refusal(words)
    assert classify(400, {}, json.dumps({"error": {"message": words}}).encode()).outcome is Outcome.UNSUPPORTED
    form = adapted(FIRST_FORM, said, RequestSize(10, 10, 50), ANTHROPIC_MESSAGES.simpler)
    assert form == RequestForm("none")
    assert "output_config" not in encoded(form)
    assert ANTHROPIC_MESSAGES.simpler(form, said) is None


@pytest.mark.parametrize(
    "words", ["`temperature` is deprecated for this model.", "system.0.cache_control: Extra inputs are not permitted"]
)
def test_a_refusal_of_something_else_changes_nothing(words):
    assert ANTHROPIC_MESSAGES.simpler(FIRST_FORM, refusal(words)) is None


# How a reply is opened.


@pytest.mark.parametrize(
    ("body", "content", "cut"),
    [
        (message([text(ROWS)]), ROWS, ""),
        (message([text(ROWS)], "stop_sequence"), ROWS, ""),
        (message([text(ROWS)], "a reason of tomorrow"), ROWS, ""),
        (message([text(ROWS[:20]), text(ROWS[20:])]), ROWS, ""),
        (message([{"type": "thinking", "thinking": '{"summaries":[]}', "signature": "s"}, text(ROWS)]), ROWS, ""),
        (message([{"type": "redacted_thinking", "data": "x"}, text(ROWS)]), ROWS, ""),
        (message([{"type": "block of tomorrow"}, text(ROWS)]), ROWS, ""),
        (message(ROWS), ROWS, ""),
        (message([text("Words alone.")]), "Words alone.", ""),
        (message([text(ROWS[:30])], "max_tokens"), ROWS[:30], "max_tokens"),
        (message([text(ROWS[:30])], "model_context_window_exceeded"), ROWS[:30], "model_context_window_exceeded"),
        (
            message([{"type": "tool_use", "id": "t", "name": "n", "input": json.loads(ROWS)}], "tool_use"),
            json.dumps(json.loads(ROWS)),
            "",
        ),
        (b": comment\n\n" + message([text(ROWS)]), ROWS, ""),
    ],
)
def test_the_text_of_a_message_is_that_of_its_text_blocks(body, content, cut):
    found = ANTHROPIC_MESSAGES.open(body)
    assert (found.content, found.cut, found.model, found.error) == (content, cut, "m", None)
    assert found.told.usage == Usage(40, 9)
    assert success_in_name_only(body, {}, ANTHROPIC_MESSAGES) is None


@pytest.mark.parametrize(
    ("body", "why", "same", "split"),
    [
        (message([], "refusal"), Why.REFUSAL, False, True),
        (message([text(ROWS)], "refusal"), Why.REFUSAL, False, True),  # stopped in its midst
        (message([], "max_tokens"), Why.TRUNCATED, False, True),
        (message([{"type": "thinking", "thinking": "x"}], "max_tokens"), Why.TRUNCATED, False, True),
        (message([]), Why.EMPTY_SUMMARY, True, True),
        (message([text(" \n")]), Why.EMPTY_SUMMARY, True, True),
        (message([{"type": "tool_use", "input": {"a": 1}}], "tool_use"), Why.BAD_SHAPE, True, True),
        (b'{"type":"message","usage":null}', Why.NO_CHOICE, True, True),
        (b'{"choices":[{"message":{"content":"of another protocol"}}]}', Why.NO_CHOICE, True, True),
        (message([text(ROWS)])[:-30], Why.BAD_JSON, True, True),
        (b"[1]", Why.BAD_SHAPE, True, True),
        (b"<html>", Why.GATEWAY_BODY, True, False),
        (b"", Why.GATEWAY_BODY, True, False),
        (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', Why.GATEWAY_BODY, True, False),
    ],
)
def test_what_is_no_answer_is_named_with_what_to_do_about_it(body, why, same, split):
    with pytest.raises(UnusableReply) as caught:
        ANTHROPIC_MESSAGES.open(body)
    assert (caught.value.reason, caught.value.retry_same, caught.value.split) == (why, same, split)


def test_a_refusal_tells_its_category_in_printable_words():
    details = {"type": "refusal", "category": "bio", "explanation": "Not\u202e this\none."}
    with pytest.raises(UnusableReply, match=r"the model declined: bio: Not\\u202e this\\none\.") as caught:
        ANTHROPIC_MESSAGES.open(message([text("I")], "refusal", stop_details=details))
    assert caught.value.detail.isascii()


def outcome(body: bytes) -> Completion | UnusableReply:
    try:
        return ANTHROPIC_MESSAGES.open(body)
    except UnusableReply as unusable:
        return unusable


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["type", "text", "input", "error"]), inner)
    ),
    max_leaves=8,
)


@given(
    JSON, JSON, JSON, JSON, st.sampled_from(["end_turn", "max_tokens", "refusal", "tool_use", "pause_turn", None, 3])
)
def test_whatever_a_reply_holds_it_is_opened_or_named_and_never_both_plain_and_an_error(
    content, usage, error, details, stop
):
    body = message(content, stop, usage=usage, error=error, stop_details=details)
    assert ANTHROPIC_MESSAGES.text(body) is None or isinstance(ANTHROPIC_MESSAGES.text(body), str)
    ANTHROPIC_MESSAGES.usage(body)
    found = outcome(body)
    error = found.error if isinstance(found, Completion) else found.provider_error
    assert not (error and ANTHROPIC_MESSAGES.is_plain(body))


@given(st.binary(max_size=60))
def test_any_bytes_are_opened_or_named(body):
    ANTHROPIC_MESSAGES.is_plain(body)
    ANTHROPIC_MESSAGES.text(body)
    ANTHROPIC_MESSAGES.usage(body)
    found = outcome(body)
    assert isinstance(found, Completion) or found.detail.isascii()


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [("overloaded_error", Outcome.THROTTLED), ("api_error", Outcome.TRANSIENT), ("billing_error", Outcome.FATAL)],
)
def test_an_error_under_a_success_is_classified_as_if_it_came_under_its_own_status(kind, outcome):
    body = json.dumps({"type": "error", "error": {"type": kind, "message": "no"}}).encode()
    verdict = success_in_name_only(body, {}, ANTHROPIC_MESSAGES)
    assert verdict is not None
    assert verdict.outcome is outcome


# What it is billed.

TOKENS = st.integers(0, 200_000)


@given(st.integers(1, 200_000), TOKENS, TOKENS, st.integers(1, 60_000))
def test_what_the_cache_gave_and_took_in_is_booked_at_its_own_price(fresh, read, written, said):
    listed = list_price("claude-haiku-5-5")
    assert listed is not None
    told = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": said,
        "service_tier": "standard",
    }
    usage = ANTHROPIC_MESSAGES.usage(message([text(ROWS)], usage=told))
    assert usage == Usage(fresh + read + written, said, read, written, "standard")
    pico = fresh * 100_000 + read * 10_000 + written * 125_000 + said * 500_000
    assert listed.price.cost(usage) == -(-pico // 1000)


COUNTS = st.none() | st.integers(-5, 20_000_000) | st.sampled_from([True, "9", 3.0, 2.5])


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.none() | st.sampled_from(["standard", "batch", 3]))
def test_its_usage_is_read_as_the_reader_of_all_dialects_reads_it(fresh, read, written, said, tier):
    told = {
        "input_tokens": fresh,
        "cache_read_input_tokens": read,
        "cache_creation_input_tokens": written,
        "output_tokens": said,
        "service_tier": tier,
    }
    assert Told.of_message(told).usage == Told.of(told).usage
    assert ANTHROPIC_MESSAGES.usage(message([text(ROWS)], usage=told)) == Told.of(told).usage


def test_without_a_word_on_the_cache_all_that_may_be_new_there_is_booked_as_written():
    price = Price.per_million(1, 5, cached_input_usd=0.1, cache_write_usd=1.25)
    usage = ANTHROPIC_MESSAGES.usage(message([text(ROWS)]))
    assert usage is not None
    assert price.cost(usage) == 40 * 1250 + 9 * 5000


# What its headers tell.


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, (None, None)),
        ({"requests-limit": "50", "tokens-limit": "96000", "input-tokens-limit": "80000"}, (50, 96000)),
        ({"input-tokens-limit": "80000", "output-tokens-limit": "16000"}, (None, 96000)),
        ({"output-tokens-limit": "16000"}, (None, 16000)),
        ({"requests-limit": "many", "tokens-limit": "-5"}, (None, None)),
        ({"requests-limit": "0", "tokens-limit": "9" * 13}, (None, None)),
    ],
)
def test_limits_are_read_from_the_names_of_anthropic(headers, told):
    found = ANTHROPIC_MESSAGES.limits({f"anthropic-ratelimit-{name}": value for name, value in headers.items()})
    assert (found.requests.limit, found.tokens.limit) == told
    assert (found.requests.full_in_s, found.tokens.full_in_s) == (None, None)


def test_a_wait_is_the_one_that_is_asked_for_else_until_the_last_limit_is_full_again():
    resets = {
        "anthropic-ratelimit-requests-reset": "2027-01-15T08:00:10Z",
        "anthropic-ratelimit-output-tokens-reset": "2027-01-15T08:00:40Z",
        "anthropic-ratelimit-tokens-reset": "nonsense",
    }
    now = NOON - NOON % 86_400 + 8 * 3600  # 2027-01-15, eight o'clock
    assert waiting_time(resets, now, ANTHROPIC_MESSAGES.resets(resets, now)) == 40
    asked = {**resets, "retry-after": "7"}
    assert waiting_time(asked, now, ANTHROPIC_MESSAGES.resets(asked, now)) == 7

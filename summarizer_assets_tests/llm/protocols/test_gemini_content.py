"""Gemini's generated content: what is sent, how a reply is opened, what it is billed, what a refusal means."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.prompt.context_limits import NOTHING_TOLD
from summarizer_assets.core.prompt.messages import OUTPUT_SCHEMA
from summarizer_assets.core.prompt.request_form import FIRST_FORM, Refusal, RequestForm, adapted, settings_blamed
from summarizer_assets.core.prompt.request_form import Size as RequestSize
from summarizer_assets.core.records import FailureReason as Why
from summarizer_assets.llm.budget.prices import list_price
from summarizer_assets.llm.http.classify import Outcome, classify, success_in_name_only
from summarizer_assets.llm.http.exchange import FailedTry, Wire
from summarizer_assets.llm.http.model_path import path_for
from summarizer_assets.llm.http.retry_after import told_delay
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.llm.protocols.gemini_content import GEMINI_CONTENT
from summarizer_assets.rehearsal.generate_content import GenerateContent

ROWS = '{"summaries":[{"author_id":"1","summary":"Ada writes on {peat}."}]}'
SIZE = RequestSize(10, 10, 50)


def encoded(
    form: RequestForm = FIRST_FORM,
    extra_body: dict[str, Any] | None = None,
    *,
    system: str = "SYSTEM",
    user: str = "USER",
) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        GEMINI_CONTENT.encode(ChatRequest("m", system, user, 50, form, extra_body or {}))
    )
    return found


def content(parts: object, finish: object = "STOP", **fields: object) -> bytes:
    candidate = {"content": {"role": "model", "parts": parts}, "finishReason": finish, "index": 0}
    usage = {"promptTokenCount": 40, "candidatesTokenCount": 9, "totalTokenCount": 49}
    return json.dumps({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", **fields}).encode()


def text(words: str) -> dict[str, str]:
    return {"text": words}


# What is sent.


def test_the_instruction_is_apart_from_the_records_and_the_schema_is_json_schema():
    assert encoded() == {
        "systemInstruction": {"parts": [{"text": "SYSTEM"}]},
        "contents": [{"role": "user", "parts": [{"text": "USER"}]}],
        "generationConfig": {
            "maxOutputTokens": 50,
            "responseMimeType": "application/json",
            "responseJsonSchema": OUTPUT_SCHEMA,
        },
    }


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gemini-2.5-flash-lite", "/models/gemini-2.5-flash-lite:generateContent"),
        ("models/gemini-2.5-flash-lite", "/models/gemini-2.5-flash-lite:generateContent"),
        ("a/b?c", "/models/a%2Fb%3Fc:generateContent"),
    ],
)
def test_the_model_stands_in_the_path_and_nowhere_else(model, path):
    assert path_for(GEMINI_CONTENT, model) == path
    assert "model" not in encoded()


@given(st.text(), st.text(), st.sampled_from(["json_schema", "json_object", "none"]))
def test_any_text_arrives_as_it_is(system, user, structured):
    body = encoded(RequestForm(structured), system=system, user=user)
    config = body["generationConfig"]
    assert ("responseJsonSchema" in config) == (structured == "json_schema")
    assert ("responseMimeType" in config) == (structured != "none")
    asked = json.loads(GenerateContent("m").asked(json.dumps(body).encode()))
    assert asked["messages"] == [{"role": "system", "content": system}, {"role": "user", "content": user}]
    assert asked.get("response_format", {"type": "none"})["type"] == structured


@pytest.mark.parametrize(
    ("extra", "sent"),
    [
        ({"generationConfig": {"thinkingConfig": {"thinkingBudget": 0}}}, {"thinkingConfig": {"thinkingBudget": 0}}),
        ({"generationConfig": {"maxOutputTokens": 9}}, {"maxOutputTokens": 9}),
        ({"generationConfig": {"maxOutputTokens": None}}, {"maxOutputTokens": None}),
        ({"generationConfig": {"temperature": None}}, {"temperature": None, "maxOutputTokens": 50}),
        ({"generationConfig": None}, {"maxOutputTokens": 50}),
    ],
)
def test_what_a_person_sets_goes_with_each_request_and_a_null_takes_a_field_out(extra, sent):
    config = encoded(extra_body=extra)["generationConfig"]
    assert {name: config.get(name) for name in sent} == sent
    assert None not in config.values()
    assert config["responseJsonSchema"] == OUTPUT_SCHEMA


def test_a_field_beside_the_configuration_goes_with_the_request_too():
    body = encoded(extra_body={"service_tier": "flex", "safetySettings": None})
    assert body["service_tier"] == "flex"
    assert "safetySettings" not in body


@pytest.mark.parametrize(
    ("extra", "complaint"),
    [
        *(
            ({name: "x"}, f"sets {name}, .*take it out")
            for name in ("contents", "model", "systemInstruction", "system_instruction", "tools", "cached_content")
        ),
        *(
            ({"generationConfig": {name: 1}}, rf"sets generationConfig\.{name}, .*take it out")
            for name in ("responseMimeType", "response_schema", "responseJsonSchema", "candidateCount")
        ),
        ({"generationConfig": "low"}, "generationConfig to no object"),
        ({"generation_config": {}}, "generation_config; write it as generationConfig"),
        ({"generationConfig": {"max_output_tokens": 5}}, "max_output_tokens; write it as maxOutputTokens"),
        ({"serviceTier": "flex"}, "serviceTier; write it as service_tier"),
    ],
)
def test_what_would_decide_the_request_itself_is_refused_with_the_remedy(extra, complaint):
    with pytest.raises(ValueError, match=f"SUMMARIZER_LLM_EXTRA_BODY sets .*{complaint.removeprefix('sets ')}"):
        GEMINI_CONTENT.checked_extra_body(extra)


@pytest.mark.parametrize(
    ("config", "most"),
    [
        ({}, 50),
        ({"maxOutputTokens": 9}, 9),
        ({"maxOutputTokens": "9"}, None),
        ({"maxOutputTokens": True}, None),
        ({"maxOutputTokens": None}, None),
    ],
)
def test_the_bound_of_an_answer_is_the_one_that_is_sent(config, most):
    extra = {"generationConfig": config}
    assert GEMINI_CONTENT.most_output_tokens(extra, 50) == most
    assert most is None or encoded(extra_body=extra)["generationConfig"]["maxOutputTokens"] == most
    assert ("max_output_tokens" in GEMINI_CONTENT.set_fields(extra)) == (config.get("maxOutputTokens") is not None)


@pytest.mark.parametrize(
    ("key", "sent"),
    [
        (None, {}),
        ("AIzaSy", {"x-goog-api-key": "AIzaSy"}),
        ("of-a-gateway", {"x-goog-api-key": "of-a-gateway"}),
        ("ya29.token", {"Authorization": "Bearer ya29.token"}),
    ],
)
def test_a_key_goes_into_its_own_header_and_a_token_is_a_bearer_token(key, sent):
    assert GEMINI_CONTENT.headers("/v1beta/models/m:generateContent", {}, key) == sent


# When something is refused.


def refused(words: str, field: str | None = None) -> bytes:
    violations = [{"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": field}]}]
    error = {"code": 400, "message": words, "status": "INVALID_ARGUMENT", "details": violations if field else []}
    return json.dumps({"error": error}).encode()


def refusal(body: bytes) -> Refusal:
    verdict = classify(400, {}, body)
    assert verdict.outcome is Outcome.UNSUPPORTED
    return Refusal(verdict.message, verdict.fields, verdict.blamed, NOTHING_TOLD, of_size=False)


UNKNOWN = "Invalid JSON payload received. Unknown name \"{}\" at '{}': Cannot find field."


@pytest.mark.parametrize(
    "body",
    [
        refused(UNKNOWN.format("responseJsonSchema", "generation_config"), "generation_config"),
        refused(
            UNKNOWN.format("x", "generation_config.response_json_schema"), "generation_config.response_json_schema"
        ),
        refused("* GenerateContentRequest.generation_config.response_schema: too many states for serving"),
        refused("JSON mode is not enabled for models/gemma-3-27b-it"),
    ],
)
def test_a_model_that_refuses_the_schema_is_asked_for_json_and_then_in_words(body):
    said = refusal(body)
    set_fields = GEMINI_CONTENT.set_fields({"generationConfig": {"thinkingConfig": {}, "temperature": 0}})
    assert settings_blamed(said, SIZE, set_fields, GEMINI_CONTENT.output_fields) == frozenset()
    form = adapted(FIRST_FORM, said, SIZE, GEMINI_CONTENT.simpler)
    assert form == RequestForm("json_object")
    assert GEMINI_CONTENT.simpler(form, said) == RequestForm("none")
    assert GEMINI_CONTENT.simpler(RequestForm("none"), said) is None


@pytest.mark.parametrize(
    "body",
    [
        refused(
            UNKNOWN.format("thinkingBudgets", "generation_config.thinking_config"), "generation_config.thinking_config"
        ),
        refused(UNKNOWN.format("thinkingConfig", "generation_config"), "generation_config"),
    ],
)
def test_a_refused_setting_is_named_as_the_person_wrote_it(body):
    said = refusal(body)
    set_fields = GEMINI_CONTENT.set_fields({"generationConfig": {"thinkingConfig": {"thinkingBudgets": 0}, "topP": 1}})
    blamed = settings_blamed(said, SIZE, set_fields, GEMINI_CONTENT.output_fields)
    assert blamed == {"generationConfig.thinkingConfig"}
    assert GEMINI_CONTENT.simpler(FIRST_FORM, said) is None


@pytest.mark.parametrize(
    ("told", "seconds"),
    [
        ('"retryDelay": "34s"', 34),
        ('"retryDelay":"34.074824224s"', 34.074824224),
        ('"retryDelay":"0s"', None),
        ('"retryDelay":"90000s"', None),
        ('"retryDelay":"soon"', None),
        ('"retryDelay":34', None),
        ("", None),
    ],
)
def test_the_wait_of_a_throttle_is_read_from_its_body(told, seconds):
    info = "{" + ",".join(part for part in ('"@type":"type.googleapis.com/google.rpc.RetryInfo"', told) if part) + "}"
    body = f'[{{"error":{{"code":429,"details":[{info}]}}}}]'
    assert told_delay(body.encode()) == seconds
    assert told_delay(json.dumps({"error": {"message": body}}).encode()) == seconds  # as gateways quote it


def test_a_request_goes_to_its_model_and_learns_the_wait_from_a_throttle():
    asked: list[httpx.Request] = []

    class Throttled(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            asked.append(request)
            return httpx.Response(429, content=b'{"error":{"code":429,"details":[{"retryDelay":"34s"}]}}')

    async def post() -> FailedTry:
        wire = Wire(Throttled(), "https://h/v1beta?x=1", GEMINI_CONTENT, "m", "AIza", str, lambda: 0.0)
        found = await wire.post(b"{}", 1)
        assert isinstance(found, FailedTry)
        return found

    failed = asyncio.run(post())
    assert (failed.verdict.outcome, failed.wait_s) == (Outcome.THROTTLED, 34)
    assert str(asked[0].url) == "https://h/v1beta/models/m:generateContent?x=1"
    assert asked[0].headers["x-goog-api-key"] == "AIza"


def test_without_a_model_there_is_no_path():
    with pytest.raises(ValueError, match="give it"):
        path_for(GEMINI_CONTENT, "")


@given(st.binary(max_size=60))
def test_any_body_tells_a_believable_wait_or_none(body):
    told = told_delay(b'"retryDelay":"' + body)
    assert told is None or 0 < told <= 3600


# How a reply is opened.


@pytest.mark.parametrize(
    ("body", "text_", "cut"),
    [
        (content([text(ROWS)]), ROWS, ""),
        (content([text(ROWS)], "A_REASON_OF_TOMORROW"), ROWS, ""),
        (content([text(ROWS)], None), ROWS, ""),
        (content([text(ROWS)], "OTHER"), ROWS, ""),
        (content([text(ROWS[:20]), text(ROWS[20:])]), ROWS, ""),
        (content([{"text": '{"summaries":[]}', "thought": True}, text(ROWS)]), ROWS, ""),
        (content([{"thoughtSignature": "s", "text": ROWS}]), ROWS, ""),
        (content([text("Words alone.")]), "Words alone.", ""),
        (content([text(ROWS[:30])], "MAX_TOKENS"), ROWS[:30], "MAX_TOKENS"),
        (b"\n\n" + content([text(ROWS)]), ROWS, ""),
    ],
)
def test_the_text_of_an_answer_is_that_of_its_parts_without_thoughts(body, text_, cut):
    found = GEMINI_CONTENT.open(body)
    assert (found.content, found.cut, found.model, found.error) == (text_, cut, "m", None)
    assert found.told.usage == Usage(40, 9)
    assert success_in_name_only(body, {}, GEMINI_CONTENT) is None
    assert GEMINI_CONTENT.text(body) == text_


BLOCKED = b'{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":40}}'


@pytest.mark.parametrize(
    ("body", "why", "same", "split"),
    [
        *(
            (content([text(ROWS)], finish), Why.CONTENT_FILTER, False, True)  # stopped in its midst
            for finish in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE")
        ),
        (b'{"candidates":[{"finishReason":"SAFETY"}]}', Why.CONTENT_FILTER, False, True),
        (BLOCKED, Why.CONTENT_FILTER, False, True),
        (b'{"candidates":[],"promptFeedback":{"blockReason":"OTHER"}}', Why.CONTENT_FILTER, False, True),
        (b'{"candidates":[{"content":{"role":"model"},"finishReason":"MAX_TOKENS"}]}', Why.TRUNCATED, False, True),
        (content([{"text": "x", "thought": True}], "MAX_TOKENS"), Why.TRUNCATED, False, True),
        (content([]), Why.EMPTY_SUMMARY, True, True),
        (content([text(" \n")]), Why.EMPTY_SUMMARY, True, True),
        (b'{"candidates":[{"finishReason":"OTHER"}]}', Why.EMPTY_SUMMARY, True, True),
        (b'{"candidates":[{"finishReason":"MALFORMED_RESPONSE"}]}', Why.BAD_SHAPE, True, True),
        (content([{"functionCall": {"name": "f"}}]), Why.BAD_SHAPE, True, True),
        (content([{"functionCall": {"name": "f"}}], "UNEXPECTED_TOOL_CALL"), Why.BAD_SHAPE, True, True),
        (b'{"usageMetadata":{"promptTokenCount":40}}', Why.NO_CHOICE, True, True),
        (b'{"choices":[{"message":{"content":"of another protocol"}}]}', Why.NO_CHOICE, True, True),
        (content([text(ROWS)])[:-30], Why.BAD_JSON, True, True),
        (b"[1]", Why.BAD_SHAPE, True, True),
        (b"<html>", Why.GATEWAY_BODY, True, False),
        (b"", Why.GATEWAY_BODY, True, False),
        (b'{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}', Why.GATEWAY_BODY, True, False),
        (b'[{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}]', Why.GATEWAY_BODY, True, False),
    ],
)
def test_what_is_no_answer_is_named_with_what_to_do_about_it(body, why, same, split):
    with pytest.raises(UnusableReply) as caught:
        GEMINI_CONTENT.open(body)
    assert (caught.value.reason, caught.value.retry_same, caught.value.split) == (why, same, split)
    assert caught.value.detail.isascii()


def outcome(body: bytes) -> Completion | UnusableReply:
    try:
        return GEMINI_CONTENT.open(body)
    except UnusableReply as unusable:
        return unusable


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["text", "thought", "error", "blockReason"]), inner)
    ),
    max_leaves=8,
)


@given(JSON, JSON, JSON, JSON, st.sampled_from(["STOP", "MAX_TOKENS", "SAFETY", "OTHER", None, 3]))
def test_whatever_a_reply_holds_it_is_opened_or_named_and_never_both_plain_and_an_error(
    parts, usage, error, feedback, finish
):
    body = content(parts, finish, usageMetadata=usage, error=error, promptFeedback=feedback)
    assert GEMINI_CONTENT.text(body) is None or isinstance(GEMINI_CONTENT.text(body), str)
    GEMINI_CONTENT.usage(body)
    found = outcome(body)
    error = found.error if isinstance(found, Completion) else found.provider_error
    assert not (error and GEMINI_CONTENT.is_plain(body))


@given(st.binary(max_size=60))
def test_any_bytes_are_opened_or_named(body):
    GEMINI_CONTENT.is_plain(body)
    GEMINI_CONTENT.text(body)
    GEMINI_CONTENT.usage(body)
    found = outcome(body)
    assert isinstance(found, Completion) or found.detail.isascii()


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b'{"error":{"code":429,"message":"no","status":"RESOURCE_EXHAUSTED"}}', Outcome.THROTTLED),
        (b'{"error":{"code":503,"message":"no","status":"UNAVAILABLE"}}', Outcome.TRANSIENT),
        (b'{"candidates":[{"finishReason":"PUP_LIMITED_DISABLED"}]}', Outcome.FATAL),
    ],
)
def test_an_error_under_a_success_is_classified_as_if_it_came_under_its_own_status(body, outcome):
    verdict = success_in_name_only(body, {}, GEMINI_CONTENT)
    assert verdict is not None
    assert verdict.outcome is outcome


# What it is billed.

TOKENS = st.integers(0, 200_000)


@given(st.integers(1, 200_000), TOKENS, st.integers(1, 60_000), TOKENS)
def test_what_was_thought_is_booked_as_output_and_what_the_cache_gave_at_its_own_price(asked, read, said, thought):
    listed = list_price("gemini-2.5-flash-lite")
    assert listed is not None
    read = min(read, asked)
    told = {
        "promptTokenCount": asked,
        "cachedContentTokenCount": read,
        "candidatesTokenCount": said,
        "thoughtsTokenCount": thought,
        "totalTokenCount": asked + said + thought,
    }
    usage = GEMINI_CONTENT.usage(content([text(ROWS)], usageMetadata=told))
    assert usage == Usage(asked, said + thought, read)
    pico = (asked - read) * 100_000 + read * 10_000 + (said + thought) * 400_000
    assert listed.price.cost(usage) == -(-pico // 1000)
    assert GEMINI_CONTENT.usage(json.dumps({"usageMetadata": told, "error": {"code": 500}}).encode()) == usage


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        (
            {"promptTokenCount": 40, "thoughtsTokenCount": 50, "totalTokenCount": 90},
            Usage(40, 50),
        ),  # cut while thinking
        ({"promptTokenCount": 40, "totalTokenCount": 90}, Usage(40, 50)),
        ({"promptTokenCount": 40, "totalTokenCount": 40}, Usage(40, 0)),  # the prompt was blocked
        ({"promptTokenCount": 40, "candidatesTokenCount": 9}, Usage(40, 9)),
        ({"promptTokenCount": 40}, None),
        ({"promptTokenCount": 0, "candidatesTokenCount": 9}, None),
        ({"promptTokenCount": -5, "candidatesTokenCount": 10**12}, None),
        (None, None),
    ],
)
def test_the_usage_is_what_its_counts_tell_together(told, usage):
    assert Told.of_candidates(told).usage == usage
    assert GEMINI_CONTENT.usage(json.dumps({"candidates": [], "usageMetadata": told}).encode()) == usage


def test_it_announces_no_limits():
    assert GEMINI_CONTENT.limits({"x-ratelimit-limit-requests": "9"}).requests.limit is None

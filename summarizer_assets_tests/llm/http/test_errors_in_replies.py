# ruff: noqa: E501 - one body a line, however long, so that the table can be read as one
"""Errors in bodies under status 200: found wherever they stand, classified by their code, and what a client makes of them."""

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.llm.errors import Exhausted, ProviderError, StopCause
from summarizer_assets.llm.http.classify import Outcome
from summarizer_assets_tests.llm.wire import GOOD, answering, ask, calling, reply, serving
from testing.openai_chat import success_in_name_only

THROTTLED, TRANSIENT, GARBLED, TOO_LARGE, UNSUPPORTED, FILTERED, REJECTED, DENIED, FATAL = Outcome


def beside(told: object = None, content: object = "", finish: object = "error", **message: object) -> bytes:
    """A choice with an error in it."""
    choice = {"index": 0, "finish_reason": finish, "error": told, "message": {"content": content, **message}}
    return json.dumps({"id": "c", "choices": [choice]}).encode()


ROWS = json.dumps({"summaries": [{"author_id": "1", "summary": "A text."}]})
# Where providers put an error under status 200, by whom it was seen.
IN_REPLIES = {
    "OpenRouter, throttled": (beside({"code": 429, "message": "upstream"}), THROTTLED, None),
    "OpenRouter, down": (beside({"code": 502, "message": "Provider returned error", "metadata": {"raw": "x"}}), TRANSIENT, None),
    "OpenRouter, out of credit": (beside({"code": 402, "message": "Insufficient credits"}), FATAL, StopCause.QUOTA),
    "OpenRouter, half an answer": (beside({"code": 503, "message": "x"}, ROWS[:20]), TRANSIENT, None),
    "a text as error": (beside("rate limit"), THROTTLED, None),
    "in the message": (beside(None, error={"code": "rate_limit_exceeded", "message": "x"}), THROTTLED, None),
    "in the message, account": (beside(None, None, "stop", error={"code": "insufficient_quota"}), FATAL, StopCause.QUOTA),
    "Bifrost: nothing but a finish reason": (beside(None, '{"events": [{"title": "part', "error"), TRANSIENT, None),
    "Zhipu": (beside(None, "", "network_error"), TRANSIENT, None),
    "SGLang": (beside(None, "", "abort"), TRANSIENT, None),
    "DeepSeek": (beside(None, "", "insufficient_system_resource"), TRANSIENT, None),
    "vLLM, object error": (b'{"object":"error","message":"m","type":"InternalServerError","code":500}', TRANSIENT, None),
    "vLLM, object error of one request": (b'{"object":"error","message":"prompt is too long","code":400}', TOO_LARGE, None),
    "FastAPI": (b'{"detail":"Internal failure"}', TRANSIENT, None),
    "FastAPI, a list": (b'{"detail":[{"msg":"field required"}]}', TRANSIENT, None),
    "Cloudflare": (b'{"result":null,"success":false,"errors":[{"code":429,"message":"slow"}],"messages":[]}', THROTTLED, None),
    "Gemini, a list": (b'[{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}]', THROTTLED, None),
    "Gemini, by status": (b'{"error":{"message":"quota","status":"RESOURCE_EXHAUSTED"}}', THROTTLED, None),
    "MiniMax, throttled": (b'{"choices":null,"base_resp":{"status_code":1002,"status_msg":"rate limit"}}', THROTTLED, None),
    "MiniMax, balance": (b'{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}', FATAL, StopCause.QUOTA),
    "MiniMax, key": (b'{"base_resp":{"status_code":2049,"status_msg":"invalid api key"}}', FATAL, StopCause.AUTH),
    "MiniMax, sensitive": (b'{"choices":[],"base_resp":{"status_code":1026,"status_msg":"sensitive"}}', FILTERED, None),
    "MiniMax, unknown": (b'{"base_resp":{"status_code":1000,"status_msg":"unknown error"}}', TRANSIENT, None),
    "Zhipu, gateway": (b'{"code":500,"msg":"404 NOT_FOUND","success":false}', TRANSIENT, None),
    "Zhipu, throttled": (b'{"error":{"code":"1302","message":"high concurrency"}}', THROTTLED, None),
    "Zhipu, arrears": (b'{"error":{"code":"1113","message":"in arrears"}}', FATAL, StopCause.QUOTA),
    "Anthropic": (b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}', THROTTLED, None),
    "an error in an error": (b'{"error":{"error":{"code":429,"message":"x"}}}', THROTTLED, None),
    "a list of errors": (b'{"errors":[{"code":"503","message":"x"}],"choices":null}', TRANSIENT, None),
    "a true error": (b'{"error":true,"code":429,"message":"x"}', THROTTLED, None),
    "AWS": (b'{"message":"Internal server error"}', TRANSIENT, None),
    "Baidu": (b'{"error_code":18,"error_msg":"QPS limit"}', TRANSIENT, None),
    "as an event": (b'data: {"error":{"code":429,"message":"x"}}\n\ndata: [DONE]\n', THROTTLED, None),
    "in a stream": (b'data: {"choices":[{"delta":{"content":"{"}}]}\n\ndata: {"error":{"code":502},"choices":[{"finish_reason":"error"}]}\n', TRANSIENT, None),
    "after blanks that kept the connection": (b"\n" * 64 + b'{"error":{"code":429,"message":"x"}}', THROTTLED, None),
    "nothing but blanks": (b" \r\n" * 64, TRANSIENT, None),
}  # fmt: skip


@pytest.mark.parametrize("source", IN_REPLIES)
def test_an_error_in_a_reply_counts_by_its_code_wherever_it_stands(source):
    body, outcome, cause = IN_REPLIES[source]
    verdict = success_in_name_only(body, {})
    assert verdict is not None
    assert (verdict.outcome, verdict.cause) == (outcome, cause)


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        beside({"code": 502, "message": "upstream"}, ROWS, "stop"),
        beside({"code": 502, "message": "upstream"}, f"```json\n{ROWS}\n```"),
        beside(None, ROWS, error={"code": 429}),
        beside(None, ROWS, "abort"),
        b"\n" * 64 + beside(None, ROWS, None),
        json.dumps({"choices": [{"message": {"content": ROWS}}], "base_resp": {"status_code": 0}}).encode(),
        json.dumps({"choices": [], "id": "x", "object": "chat.completion", "usage": {}}).encode(),
        b'{"object": "response", "status": "completed", "error": null, "output": []}',  # another protocol's reply
        b'{"model": "m", "message": {"role": "assistant", "content": "x"}, "done": true}',
        b'{"type": "message", "content": [{"type": "text", "text": "x"}]}',
        json.dumps({"choices": [{"message": {"content": 'The word "error" is no error.'}}]}).encode(),
    ],
)
def test_an_answer_beside_an_error_and_a_reply_without_one_are_left_to_the_reader(body):
    assert success_in_name_only(body, {}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "errors", "code", "message", "choices", "detail", "base_resp", "status_code", "delta"]
            ),
            inner,
        )
    ),
)


@given(JSON)
def test_no_document_raises(document):
    verdict = success_in_name_only(json.dumps(document).encode(), {})
    assert verdict is None or isinstance(verdict.message, str)


def asked_once(*replies: bytes) -> tuple[ProviderError | str, int, int]:
    """How a request ended that is answered so, how often it was sent, and how often it was throttled."""

    async def main() -> tuple[ProviderError | str, int, int]:
        async with serving(answering(*(reply(body) for body in replies))) as server, calling(server.url) as client:
            try:
                ended: ProviderError | str = await ask(client)
            except ProviderError as error:
                ended = error
            return ended, len(server.asked), client.counters.throttles

    return asyncio.run(main())


def test_a_throttle_within_a_choice_is_waited_out_and_uses_no_try():
    throttled = beside({"code": 429, "message": "upstream"})
    assert asked_once(throttled, throttled, GOOD) == (GOOD.decode(), 3, 2)


def test_a_server_that_fails_within_its_choices_is_tried_as_often_as_one_that_says_so_by_its_status():
    ended, sent, _ = asked_once(beside({"code": 502, "message": "upstream"}))
    assert isinstance(ended, Exhausted)
    assert (ended.kind, ended.status, sent) == ("server_error", 502, 5)


@pytest.mark.parametrize("blanks", [1, 64, 100_000])
def test_any_number_of_blank_bytes_before_a_body_is_no_outage(blanks):
    body = b"\n" * blanks + GOOD
    assert asked_once(body) == (body.decode(), 1, 0)

import json
from typing import Any

import pytest

from summarizer_assets.core.answers.usage import estimated_usage, usage_of
from summarizer_assets.core.money.amounts import Usage


def body(usage: Any) -> bytes:
    return json.dumps({"choices": [], "usage": usage}).encode()


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"prompt_tokens": 70, "completion_tokens": 9}, Usage(70, 9)),
        (
            {"prompt_tokens": 70, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 60}},
            Usage(70, 9, 60),
        ),
        (
            {"prompt_tokens": 70, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 900}},
            Usage(70, 9, 70),
        ),
        (
            {"prompt_tokens": 70, "completion_tokens": 9, "prompt_tokens_details": {"cache_write_tokens": 64}},
            Usage(70, 9, 0, 64),
        ),
        ({"prompt_tokens": 70, "completion_tokens": 9, "prompt_tokens_details": None}, Usage(70, 9)),
        ({"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 79}, Usage(70, 9)),
        ({"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 0}, Usage(70, 9)),
        ({"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 10**9}, Usage(70, 9)),
        ({"prompt_tokens": 70.0, "completion_tokens": 9.0}, Usage(70, 9)),
        ({"prompt_tokens": 70, "completion_tokens": 0}, Usage(70, 0)),
        ({"prompt_tokens": 70, "completion_tokens": 9, "prompt_cache_hit_tokens": 60}, Usage(70, 9, 60)),
        ({"input_tokens": 70, "output_tokens": 9}, Usage(70, 9)),
        ({"input_tokens": 70, "output_tokens": 9, "input_tokens_details": {"cached_tokens": 60}}, Usage(70, 9, 60)),
        ({"input_tokens": 10, "output_tokens": 9, "cache_read_input_tokens": 60}, Usage(70, 9, 60)),
        ({"input_tokens": 10, "output_tokens": 9, "cache_creation_input_tokens": 60}, Usage(70, 9, 0, 60)),
        ({"promptTokenCount": 70, "candidatesTokenCount": 9, "totalTokenCount": 99}, Usage(70, 29)),
        ({"billed_units": {"x": 1}, "tokens": {"input_tokens": 70, "output_tokens": 9}}, Usage(70, 9)),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, None),
        ({"prompt_tokens": 70.5, "completion_tokens": 9}, None),
        ({"prompt_tokens": float("inf"), "completion_tokens": 9}, None),
        ({"prompt_tokens": 70}, None),
        ({"prompt_tokens": -1, "completion_tokens": 9}, None),
        ({"prompt_tokens": 70, "completion_tokens": 10**8}, None),
        ({"prompt_tokens": 70, "completion_tokens": "9"}, None),
        ([], None),
        (None, None),
    ],
)
def test_usage_is_read_where_it_can_be_one(told: Any, read: Usage | None) -> None:
    assert usage_of(body(told)) == read


def test_what_a_model_thought_counts_as_output_where_only_the_total_has_it() -> None:
    assert usage_of(body({"prompt_tokens": 70, "completion_tokens": 9, "total_tokens": 279})) == Usage(70, 209)


@pytest.mark.parametrize(
    ("details", "said"),
    [({"reasoning_tokens": 200}, 209), ({"reasoning_tokens": 9}, 9), ({"reasoning_tokens": 5}, 9), ({}, 9), (None, 9)],
)
def test_thoughts_that_are_more_than_what_was_said_are_no_part_of_it(details: Any, said: int) -> None:
    told = {"prompt_tokens": 70, "completion_tokens": 9, "completion_tokens_details": details}
    assert usage_of(body(told)) == Usage(70, said)
    assert usage_of(body({**told, "total_tokens": 70 + said})) == Usage(70, said)


TOLD = b'"usage": {"prompt_tokens": 70, "completion_tokens": 9}'


@pytest.mark.parametrize(
    "reply",
    [
        b'{"choices": [{"message": {"content": "\xff\xfe"}}], ' + TOLD + b"}",
        b'{"choices": [{"message": {"content": NaN}}], ' + TOLD + b"}",
        b'{"error": {"code": "server_error"}, ' + TOLD + b"}",
        b'{"code": 0, "data": {"choices": [], ' + TOLD + b"}}",
        b'{"code": 0, "data": {"choices": []}, ' + TOLD + b"}",
        b"\n: a comment\n{" + TOLD + b"}",
        b'data: {"choices": [{"delta": {"content": "x"}}]}\n\ndata: {"choices": [], ' + TOLD + b"}\n\n",
        b'data: {"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}]}\n\ndata: {'
        + TOLD
        + b"}\n\ndata: [DONE]",
        b'data: {"error": {"code": 500}, ' + TOLD + b"}\n\ndata: {broken",
    ],
)
def test_usage_is_found_whatever_is_wrong_with_the_body_around_it(reply: bytes) -> None:
    assert usage_of(reply) == Usage(70, 9)


@pytest.mark.parametrize("reply", [b"", b"no json", b"[]", b'{"usage": {"prompt_tokens": 1', b"\xff" * 20])
def test_a_body_that_cannot_be_read_tells_no_usage(reply: bytes) -> None:
    assert usage_of(reply) is None


def test_an_estimate_is_above_what_english_text_has() -> None:
    assert estimated_usage(4000, 400).prompt_tokens > 4000 / 4
    assert estimated_usage(4000, 400).completion_tokens > 400 / 4


@pytest.mark.parametrize(
    ("beside", "within", "tier"),
    [
        ({"service_tier": "flex"}, {}, "flex"),
        ({}, {"service_tier": "standard"}, "standard"),  # Anthropic's place for it
        ({"service_tier": "default"}, {"service_tier": "flex"}, "default"),
        ({"service_tier": None}, {}, None),
        ({"service_tier": 7}, {}, None),
        ({"service_tier": ["flex"]}, {"service_tier": {}}, None),
    ],
)
def test_the_tier_that_a_reply_names_is_read_with_its_usage(beside: Any, within: Any, tier: str | None) -> None:
    usage = {"prompt_tokens": 70, "completion_tokens": 9, **within}
    assert usage_of(json.dumps({"usage": usage, **beside}).encode()) == Usage(70, 9, tier=tier)

"""Anthropic's own client for Python drives the faulty provider: a reading of the interface that is not ours."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest
from anthropic.types import Message, MessageParam

from summarizer_assets.core.prompt.messages import PromptSettings, system_message, user_message
from summarizer_assets.core.prompt.request_form import FIRST_FORM
from summarizer_assets.llm.embedded import app
from summarizer_assets.llm.protocols.anthropic_messages import ANTHROPIC_MESSAGES, VERSION
from summarizer_assets.llm.protocols.chat_protocol import ChatRequest
from summarizer_assets.rehearsal.plan import Plan, Rule
from summarizer_assets.rehearsal.provider import FaultyProvider
from summarizer_assets_tests.rehearsal.sockets import records
from testing.provider import serving

SYSTEM = system_message(PromptSettings())


def body(*ids: str, **extra_body: Any) -> dict[str, Any]:
    """Ours, as the arguments of its call: a field that it does not know, it refuses."""
    request = ChatRequest("m", SYSTEM, user_message(records(*ids)), 500, FIRST_FORM, extra_body)
    found: dict[str, Any] = json.loads(ANTHROPIC_MESSAGES.encode(request))
    return found


@pytest.fixture
def provider() -> FaultyProvider:
    return FaultyProvider(app.answer)


@pytest.fixture
def client(provider: FaultyProvider) -> Iterator[anthropic.Anthropic]:
    with (
        serving(provider) as url,
        anthropic.Anthropic(base_url=url.removesuffix("/v1"), api_key="sk-ant-key", max_retries=0) as made,
    ):
        yield made


def rows(message: Message) -> list[str]:
    (block,) = message.content
    assert block.type == "text"
    return [row["author_id"] for row in json.loads(block.text)["summaries"]]


def test_it_sends_our_request_and_reads_the_answer_as_we_do(client: anthropic.Anthropic) -> None:
    raw = client.messages.with_raw_response.create(**body("a", "b", thinking={"type": "disabled"}))
    message = raw.parse()
    assert (rows(message), message.stop_reason, message.stop_details) == (["a", "b"], "end_turn", None)
    opened = ANTHROPIC_MESSAGES.open(raw.read())
    (block,) = message.content
    assert block.type == "text"
    assert opened.content == block.text
    used = opened.told.usage
    assert used is not None
    assert (used.prompt_tokens, used.completion_tokens, used.tier) == (
        message.usage.input_tokens,
        message.usage.output_tokens,
        message.usage.service_tier,
    )
    assert raw.headers["request-id"] == "req-1"


def test_the_version_of_the_interface_is_the_one_that_it_sends(client: anthropic.Anthropic) -> None:
    assert client.default_headers["anthropic-version"] == VERSION


def test_it_counts_the_cache_as_we_do(client: anthropic.Anthropic, provider: FaultyProvider) -> None:
    provider.use(Plan(cache_from=100))
    first, second = (client.messages.with_raw_response.create(**body("a")) for _ in range(2))
    told = [raw.parse().usage for raw in (first, second)]
    assert told[0].cache_creation_input_tokens == told[1].cache_read_input_tokens
    assert (told[0].cache_read_input_tokens, told[1].cache_creation_input_tokens) == (0, 0)
    for raw, theirs in zip((first, second), told, strict=True):
        ours = ANTHROPIC_MESSAGES.usage(raw.read())
        assert ours is not None
        assert ours.cached_tokens == theirs.cache_read_input_tokens
        assert ours.written_tokens == theirs.cache_creation_input_tokens
        assert ours.prompt_tokens == theirs.input_tokens + ours.cached_tokens + (ours.written_tokens or 0)


def test_an_unmarked_beginning_and_another_model_are_not_in_the_cache(
    client: anthropic.Anthropic, provider: FaultyProvider
) -> None:
    provider.use(Plan(cache_from=100))
    unmarked = client.messages.create(**body("a", cache_control=None))
    assert unmarked.usage.cache_creation_input_tokens == 0
    client.messages.create(**body("a"))
    other = client.messages.create(**{**body("a"), "model": "n"})
    assert other.usage.cache_read_input_tokens == 0


ERRORS: dict[str, tuple[type[anthropic.APIStatusError], str | None]] = {
    "bad_request": (anthropic.BadRequestError, "invalid_request_error"),
    "context_length": (anthropic.BadRequestError, "invalid_request_error"),
    "unauthorized": (anthropic.AuthenticationError, "authentication_error"),
    "payment_required": (anthropic.PaymentRequiredError, "billing_error"),
    "forbidden": (anthropic.PermissionDeniedError, "permission_error"),
    "model_not_found": (anthropic.NotFoundError, "not_found_error"),
    "conflict": (anthropic.ConflictError, "conflict_error"),
    "request_too_large": (anthropic.ContentTooLargeError, "request_too_large"),
    "throttled": (anthropic.RateLimitError, "rate_limit_error"),
    "insufficient_quota": (anthropic.RateLimitError, "rate_limit_error"),
    "server_error": (anthropic.InternalServerError, "api_error"),
    "overloaded": (anthropic.OverloadedError, "overloaded_error"),
    "gateway_timeout": (anthropic.GatewayTimeoutError, None),  # of something before the provider: no JSON
}


@pytest.mark.parametrize("fault", ERRORS)
def test_it_knows_each_error_by_its_type(client: anthropic.Anthropic, provider: FaultyProvider, fault: str) -> None:
    provider.use(Plan(rules=(Rule(fault, share=1),)))
    error, kind = ERRORS[fault]
    with pytest.raises(error) as caught:
        client.messages.create(**body("a"))
    assert (caught.value.type, caught.value.request_id) == (kind, "req-1")
    if fault == "insufficient_quota":
        assert caught.value.error_code == "enforced_spend_limit_reached"
    if fault == "throttled":
        assert caught.value.response.headers["retry-after"] == "1"


STOPS = {
    "refusal": "refusal",
    "content_filter": "refusal",
    "finish_length": "max_tokens",
    "tool_calls": "tool_use",
    "null_content": "end_turn",
}


@pytest.mark.parametrize("fault", STOPS)
def test_it_knows_why_a_message_ended(client: anthropic.Anthropic, provider: FaultyProvider, fault: str) -> None:
    provider.use(Plan(rules=(Rule(fault, share=1),)))
    message = client.messages.create(**body("a"))
    assert message.stop_reason == STOPS[fault]
    if message.stop_reason == "refusal":
        assert message.stop_details is not None
        assert message.stop_details.type == "refusal"


def test_a_bound_that_is_too_small_cuts_the_answer_off(client: anthropic.Anthropic) -> None:
    message = client.messages.create(**{**body("a"), "max_tokens": 5})
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", 5)


def test_limits_are_announced_in_its_words_and_kept_to(client: anthropic.Anthropic, provider: FaultyProvider) -> None:
    provider.use(Plan(requests_per_minute=60, tokens_per_minute=6e6))
    raw = client.messages.with_raw_response.create(**body("a"))
    told = ANTHROPIC_MESSAGES.limits(dict(raw.headers))
    assert (told.requests.limit, told.tokens.limit) == (60, 6_000_000)
    with pytest.raises(anthropic.RateLimitError) as caught:
        client.messages.create(**body("a"))
    assert float(caught.value.response.headers["retry-after"]) == 1
    assert not any(name.startswith("x-ratelimit") for name in caught.value.response.headers)


def test_a_limit_on_answers_alone_has_headers_of_its_own(client: anthropic.Anthropic, provider: FaultyProvider) -> None:
    provider.use(Plan(output_tokens_per_minute=600))
    raw = client.messages.with_raw_response.create(**body("a"))
    told = ANTHROPIC_MESSAGES.limits(dict(raw.headers))
    assert (told.requests.limit, told.tokens.limit) == (None, 600)
    with pytest.raises(anthropic.RateLimitError):
        client.messages.create(**body("a"))


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a field it has no more": ({"extra_body": {"temperature": 1}}, "temperature: Extra inputs are not permitted"),
    "a field of others": ({"extra_body": {"response_format": {}}}, "response_format: Extra inputs are not permitted"),
    "no bound": ({"max_tokens": 0}, "max_tokens"),
    "nothing said": ({"messages": list[MessageParam]()}, "at least one message"),
    "a role of others": ({"messages": [{"role": "system", "content": "x"}]}, "role"),
    "no version": ({"extra_headers": {"anthropic-version": anthropic.omit}}, "anthropic-version: header is required"),
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_request_that_is_none_of_its_is_refused(client: anthropic.Anthropic, how: str) -> None:
    wrong, words = REFUSED[how]
    with pytest.raises(anthropic.BadRequestError, match=words):
        client.messages.create(**{**body("a"), **wrong})


def test_a_schema_can_be_refused(client: anthropic.Anthropic, provider: FaultyProvider) -> None:
    provider.use(Plan(accepts_schema=False))
    with pytest.raises(anthropic.BadRequestError, match=r"output_config\.format: Extra inputs are not permitted"):
        client.messages.create(**body("a"))
    asked = {name: value for name, value in body("a").items() if name != "output_config"}
    assert rows(client.messages.create(**asked)) == ["a"]


def test_it_lists_the_models(client: anthropic.Anthropic, provider: FaultyProvider) -> None:
    assert [(model.id, model.lifecycle) for model in client.models.list(limit=1000)] == [("rehearsal", "active")]
    provider.use(Plan(rules=(Rule("overloaded", share=1),)))
    with pytest.raises(anthropic.OverloadedError):
        client.models.list()

"""From status, headers and body to what is done next; what is left of a secret in a message."""

import json

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from summarizer_assets.llm.errors import Redactor, RequestRejected, RunFatal, StopCause, secret_leaves
from summarizer_assets.llm.http.classify import Outcome, classify
from summarizer_assets_tests.llm.wire import GOOD, KEY, error
from testing.openai_chat import success_in_name_only, waiting_time

NOW = 1_800_000_000.0

THROTTLED, TRANSIENT, GARBLED, TOO_LARGE, UNSUPPORTED, FILTERED, REJECTED, DENIED, FATAL = Outcome

STATUSES = [
    (429, error("slow", code="rate_limit_exceeded"), THROTTLED, None),
    (429, b"", THROTTLED, None),
    (429, error("You exceeded your current quota", status="RESOURCE_EXHAUSTED", code=429), THROTTLED, None),
    (429, error("Request too large for m on tokens per min (TPM): Limit 9, Requested 10"), TOO_LARGE, None),
    (529, error("Overloaded", type="overloaded_error"), THROTTLED, None),
    (503, error("Slow down", code="slow_down"), THROTTLED, None),
    (498, error("capacity"), THROTTLED, None),
    (503, error("starting"), TRANSIENT, None),
    *[(status, b"<html>oops</html>", TRANSIENT, None) for status in (408, 409, 425, 500, 502, 504, 520, 599)],
    (429, error("quota", code="insufficient_quota"), FATAL, StopCause.QUOTA),
    (429, error("quota", type="insufficient_quota"), FATAL, StopCause.QUOTA),
    (429, error("no", code="credit_balance_exhausted"), FATAL, StopCause.QUOTA),
    (429, error("no", code="project_spend_limit_exceeded"), FATAL, StopCause.QUOTA),
    (429, error("no", code="monthly_usage_limit_exceeded"), FATAL, StopCause.QUOTA),
    (402, error("pay"), FATAL, StopCause.QUOTA),
    (401, error("key", code="invalid_api_key"), FATAL, StopCause.AUTH),
    (403, error("region"), DENIED, StopCause.AUTH),
    (403, error("no", code="permission_denied"), FATAL, StopCause.AUTH),
    (403, error("flagged", code="content_policy_violation"), FILTERED, None),
    (404, error("The model `x` does not exist", code="model_not_found"), FATAL, StopCause.MODEL),
    (404, b'{"detail":"Not Found"}', FATAL, StopCause.BASE_URL),
    (400, error("no such model", code="model_not_found"), FATAL, StopCause.MODEL),
    (400, error("This model's maximum context length is 8192 tokens"), TOO_LARGE, None),
    (400, error("long", code="context_length_exceeded"), TOO_LARGE, None),
    (400, b'{"object":"error","message":"prompt is too long","code":400}', TOO_LARGE, None),
    (413, b"<html>413</html>", TOO_LARGE, None),
    (400, error("filtered", code="content_filter"), FILTERED, None),
    (400, error("f", code=None, innererror={"code": "ResponsibleAIPolicyViolation"}), FILTERED, None),
    (400, error("bad parameter", type="invalid_request_error"), REJECTED, None),
    (422, b'{"detail":[{"msg":"field required"}]}', REJECTED, None),
    (422, b'{"detail":[{"msg":"bad","loc":["body","temperature"]}]}', UNSUPPORTED, None),
    (400, error("no", param="model"), FATAL, StopCause.MODEL),
    (400, error("Failed to generate JSON", code="json_validate_failed"), GARBLED, None),
    (404, b"<html>nothing here</html>", DENIED, StopCause.BASE_URL),
    (301, b"", FATAL, StopCause.REDIRECT),
    (307, b"", FATAL, StopCause.REDIRECT),
    (407, b"", FATAL, StopCause.PROXY),
    (204, b"", TRANSIENT, None),
]


@pytest.mark.parametrize(("status", "body", "outcome", "cause"), STATUSES)
def test_each_status_and_code_has_its_class(status, body, outcome, cause):
    verdict = classify(status, {}, body)
    assert (verdict.outcome, verdict.cause) == (outcome, cause)
    assert verdict.retry == (outcome in (THROTTLED, TRANSIENT, GARBLED))
    assert verdict.status == status


@pytest.mark.parametrize(
    ("status", "wish", "outcome", "retry"),
    [
        (400, "true", REJECTED, True),
        (401, "true", FATAL, True),
        (500, "false", TRANSIENT, False),
        (429, "false", FATAL, False),
        (302, "true", FATAL, False),
        (500, "perhaps", TRANSIENT, True),
    ],
)
def test_the_providers_wish_whether_to_retry_is_obeyed(status, wish, outcome, retry):
    verdict = classify(status, {"x-should-retry": wish}, error("x"))
    assert (verdict.outcome, verdict.retry) == (outcome, retry)


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (error("slow", code="rate_limit_exceeded"), THROTTLED),
        (error("gone", code=502), TRANSIENT),
        (error("gone", code="503"), TRANSIENT),
        (error("key", type="authentication_error"), FATAL),
        (error("quota", code="insufficient_quota"), FATAL),
        (error("long", type="invalid_request_error", code="context_length_exceeded"), TOO_LARGE),
        (error("filter", code="content_filter"), FILTERED),
        (error("no", type="invalid_request_error"), REJECTED),
        (error("who knows"), TRANSIENT),
        (b'{"error":"who knows"}', TRANSIENT),
        (b"<!DOCTYPE html><html>hello</html>", TRANSIENT),
        (b"  \n<html>", TRANSIENT),
        (b"", TRANSIENT),
        (b"   ", TRANSIENT),
    ],
)
def test_an_error_under_status_200_is_classified_by_its_code(body, outcome):
    verdict = success_in_name_only(body, {})
    assert verdict is not None
    assert verdict.outcome is outcome


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        b'{"error": null, "choices": [{"message": {"content": "x"}}]}',
        json.dumps({"choices": [{"message": {"content": '{"error": "quoted"}'}}]}).encode(),
        b'{"choices": [{"mess',
        b'{"error": ',
        b"[" * 100_000 + b'"error"',
        b'\xff\xfe"error"',
    ],
)
def test_what_may_be_a_models_reply_is_left_to_the_reader_of_answers(body):
    assert success_in_name_only(body, {}) is None


@given(st.integers(100, 999), st.dictionaries(st.text(), st.text()), st.binary())
def test_classification_never_fails_on_bytes(status, headers, body):
    verdict = classify(status, headers, body)
    assert isinstance(verdict.outcome, Outcome)
    assert (verdict.outcome in (FATAL, DENIED)) == (verdict.cause is not None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "code", "type", "message", "innererror", "choices", "detail"]), inner
        )
    ),
)


@given(st.sampled_from([200, 400, 403, 404, 429, 500, 503]), JSON)
def test_classification_never_fails_on_documents(status, document):
    body = json.dumps(document).encode()
    verdict = success_in_name_only(body, {}) if status == 200 else classify(status, {}, body)
    assert verdict is None or isinstance(verdict.message, str)


def test_equal_refusals_have_equal_fingerprints_whatever_request_they_quote():
    def of(message, status=400):
        return RequestRejected(message, status=status, code="c", request_id=message[-3:]).fingerprint

    assert of("bad field (request id: req_011CSHoEeqs5C35K2UUqR7Fy)") == of(
        "bad field (request id: req_99XYZabcdefghijkl)"
    )
    assert of("at most 9 tokens, not 12") == of("at most 9 tokens, not 4711")
    assert of("bad field") != of("bad value")
    assert of("bad field") != of("bad field", status=422)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "9", "x-ratelimit-reset-requests": "20s"}, 9),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"retry-after": "Fri, 15 Jan 2027 07:59:30 GMT"}, None),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 -0000"}, 30),
        ({"retry-after": "Fri, 99 Jan 2027"}, None),
        *[
            ({"retry-after": absurd}, None)
            for absurd in ("nan", "-1", "1e9", "0", "inf", "1000000000", "", "١٢", "soon")
        ],
        *[({"retry-after-ms": absurd, "retry-after": "3"}, 3) for absurd in ("nan", "-1", "1e9", "0", "99999999999")],
        ({"retry-after": "-1", "x-ratelimit-reset-tokens": "2s"}, 2),
        ({"x-ratelimit-reset-requests": "1m30s", "x-ratelimit-reset-tokens": "6m0s"}, 360),
        ({"x-ratelimit-reset-requests": "250ms"}, 0.25),
        ({"x-ratelimit-reset-tokens": "8.64s"}, 8.64),
        ({"x-ratelimit-reset-tokens": "12"}, 12),
        ({"x-ratelimit-reset-tokens": "1h2m"}, None),
        ({"x-ratelimit-reset-tokens": "-5s"}, None),
        ({"anthropic-ratelimit-requests-reset": "2027-01-15T08:00:40Z", "x-ratelimit-reset-tokens": "12s"}, 40),
        ({"anthropic-ratelimit-input-tokens-reset": "2027-01-15T09:00:40+01:00"}, 40),
        ({"anthropic-ratelimit-tokens-reset": "2027-01-15T07:00:40Z"}, None),
        ({}, None),
    ],
)
def test_waiting_time_is_read_in_the_order_of_trust(headers, seconds):
    raw = [(name, value.encode()) for name, value in headers.items()]
    assert waiting_time(httpx.Headers(raw), NOW) == (None if seconds is None else pytest.approx(seconds))


HEADER_NAMES = [
    "retry-after",
    "retry-after-ms",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
    "anthropic-ratelimit-requests-reset",
]
VALUES = (
    st.text()
    | st.floats().map(str)
    | st.integers().map(str)
    | st.datetimes().map(lambda moment: moment.isoformat())
    | st.datetimes().map(lambda moment: moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    | st.lists(st.sampled_from(["1", "30", "m", "s", "ms", "h", ".", "-", " ", "9" * 20])).map("".join)
    | st.text("MonJan0123456789:, +-GMTZ")
)


@given(st.dictionaries(st.sampled_from(HEADER_NAMES), VALUES), st.floats(0, 4e9), st.floats(0.001, 1e5))
def test_waiting_time_is_none_or_positive_and_within_the_cap_whatever_the_headers(headers, now, cap):
    seconds = waiting_time(headers, now, cap)
    assert seconds is None or 0 < seconds <= cap


@pytest.mark.parametrize(
    "message",
    [
        f"Incorrect API key provided: {KEY}. You can find it",
        f"Incorrect API key provided: {KEY[:8]}********{KEY[-4:]}.",
        f"key {KEY[:9]}... is unknown",
        f"Authorization: Bearer {KEY}",
        f'{{"key":"{KEY[3:]}"}}',
        f"{KEY}{KEY}",
        f"bad key {KEY[4:14]}",
        "sk-abc***",
    ],
)
def test_a_key_is_removed_whole_or_in_part(message):
    cleaned = Redactor(KEY)(message)
    assert "[redacted]" in cleaned
    assert not any(KEY[start : start + 6] in cleaned for start in range(len(KEY) - 5))
    assert "sk-abc" not in cleaned


def test_messages_without_a_secret_stay_as_they_are_but_bounded():
    redact = Redactor(KEY)
    assert (
        redact("This model's maximum context\nlength is 8192 tokens")
        == "This model's maximum context length is 8192 tokens"
    )
    assert redact("The task-specific risk-free sky-high desk-top") == "The task-specific risk-free sky-high desk-top"
    assert len(redact("word " * 100_000)) == 500


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=60), st.text(), st.text())
def test_no_eight_characters_of_any_key_survive(key, before, after):
    cleaned = Redactor(key)(f"{before}{key}{after}")
    assert key not in cleaned
    inside = cleaned.replace("[redacted]", "")
    assert not any(key[start : start + 8] in inside for start in range(len(key) - 7))


def test_an_error_shows_what_identifies_it_at_the_provider():
    shown = str(RunFatal("no", cause=StopCause.QUOTA, status=429, code="insufficient_quota", request_id="req_1"))
    assert shown == "no (status 429, code insufficient_quota, request id req_1)"


def test_long_texts_within_a_json_value_may_be_tokens_and_short_ones_are_settings():
    value = {"service_tier": "flex", "metadata": [{"user_token": "tok-1234567890"}, 5, None], "x": "y" * 12}
    assert secret_leaves(value) == ["tok-1234567890", "y" * 12]
    assert secret_leaves({"system": "Write plainly, about temperature and completion, as Bearer tok-1234567890"}) == [
        "tok-1234567890"
    ]


#: An extra body as people have them, and what a provider says of it that nothing is to be cut out of.
HONEST = [
    ({"system": "Write about temperature and completion"}, "temperature must be at most 2 for this completion"),
    ({"provider": {"order": ["deepinfra/fp8-turbo"]}}, "no endpoint deepinfra/fp8 can serve this request"),
    ({"models": ["openai/gpt-4o-mini-2024-07-18"]}, "openai/gpt-4o-mini does not exist"),
    ({"guided_regex": "[0-9]{4}-[0-9]{2} summaries"}, "summaries: the expression [0-9]{4} is not supported"),
    ({"chat_template": "{% for message in messages %}{{ message }}"}, "messages: field required; message"),
    ({"reasoning": {"effort": "minimal_thinking"}}, "minimal effort is not supported, thinking is on"),
    ({"metadata": {"purpose": "authors-of-universities"}}, "metadata is limited to universities"),
    ({"stop": ["<|end_of_turn|>"]}, "stop: too many end_of_turn sequences"),
    ({"user": "department-of-chemistry"}, "user: only chemistry departments"),
    ({"logit_bias": {"50256": "-100 for each of them"}}, "logit_bias of 50256 must be a number"),
]


@pytest.mark.parametrize(("extra", "message"), HONEST)
def test_plain_words_of_an_extra_body_are_no_secrets(extra, message):
    assert Redactor(KEY, *secret_leaves(extra))(message) == message


@pytest.mark.parametrize(
    "token", ["tok-1234567890", "pat_3f9aC81bE2d07746f5aa19", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"]
)
@pytest.mark.parametrize("shape", ["{}", "Bearer {}", "use the token {} for all"])
def test_a_token_in_an_extra_body_is_removed_wherever_it_stands(token, shape):
    redact = Redactor(KEY, *secret_leaves({"metadata": [{"any": shape.format(token)}]}))
    assert token not in redact(f"the token {token} is unknown")
    assert token not in redact(f'{{"token":"{token}"}}')


def test_a_piece_of_a_random_token_in_an_extra_body_is_removed():
    redact = Redactor(KEY, *secret_leaves({"any": "pat_3f9aC81bE2d07746f5aa19"}))
    assert "[redacted]" in redact("unknown token pat_3f9aC81bE2d******")

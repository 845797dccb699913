"""Status faults: named error responses with a status other than 200, as OpenAI-compatible servers send them."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate

from summarizer_assets.rehearsal.body_faults import gzip_bomb


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


#: Returns the response; the argument is the time in epoch seconds.
StatusFault = Callable[[float], Answer]


def _error(status: int, code: str | None, message: str, **headers: str) -> StatusFault:
    kind = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        status,
        "server_error" if status >= 500 else "invalid_request_error",  # noqa: PLR2004 - where HTTP draws the line
    )
    body = json.dumps({"error": {"message": message, "type": kind, "param": None, "code": code}}).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: Answer(status, body, named)


def _throttled(**headers: str) -> StatusFault:
    return _error(429, "rate_limit_exceeded", "Rate limit reached, slow down.", **headers)


def _until(seconds: float) -> StatusFault:
    """A retry-after header as an HTTP date, `seconds` from now."""
    return lambda now: _throttled(retry_after=formatdate(now + seconds, usegmt=True))(now)


def _redirect(_: float) -> Answer:
    return Answer(307, b"", {"location": "http://127.0.0.1:9/v1/chat/completions"})


def _gzip(body: Callable[[], bytes]) -> StatusFault:
    return lambda _: Answer(200, body(), {"content-encoding": "gzip"})


def _raw(status: int, body: str, kind: str = "application/json") -> StatusFault:
    return lambda _: Answer(status, body.encode(), {"content-type": kind})


_FAILED = "The server had an error while processing your request."

#: Faults by name. 33 and 34 have status 200, and their fault is in the encoding.
STATUSES: dict[str, StatusFault] = {
    "context_length": _error(400, "context_length_exceeded", "This model's maximum context length is 8192 tokens."),
    "bad_request": _error(400, "invalid_value", "Invalid value in the request."),
    "unauthorized": _error(401, "invalid_api_key", "Incorrect API key provided."),
    "insufficient_quota": _error(429, "insufficient_quota", "You exceeded your current quota."),
    "payment_required": _error(402, "insufficient_balance", "Insufficient balance."),
    "forbidden": _error(403, "permission_denied", "Your account may not use this."),
    "model_not_found": _error(404, "model_not_found", "The model does not exist."),
    "request_timeout": _error(408, None, "Request timed out."),
    "conflict": _error(409, None, "Conflict, try again."),
    "server_error": _error(500, None, _FAILED),
    "bad_gateway": lambda _: Answer(502, b"<html><h1>502 Bad Gateway</h1></html>", {"content-type": "text/html"}),
    "unavailable": _error(503, None, _FAILED),
    "gateway_timeout": lambda _: Answer(504, b"upstream request timeout", {"content-type": "text/plain"}),
    "request_too_large": _error(413, "request_too_large", "Request too large."),
    "unprocessable": _error(422, None, "Unprocessable content."),
    # Causes that the status does not show.
    "credit_exhausted": _error(400, None, "Your credit balance is too low to access the API."),
    "key_expired": _raw(
        400,
        '[{"error": {"code": 400, "message": "API key expired.", "status": "INVALID_ARGUMENT", '
        '"details": [{"reason": "API_KEY_INVALID"}]}}]',
    ),
    "model_crashed": _raw(400, '{"error": "The model has crashed without additional information."}'),
    "moderated": _raw(
        403, '{"error": {"code": 403, "message": "Your input was flagged.", "metadata": {"reasons": ["violence"]}}}'
    ),
    "firewall_page": _raw(403, "<html><title>403 Forbidden</title>Request blocked</html>", "text/html"),
    "json_validate_failed": _error(400, "json_validate_failed", "Failed to generate JSON."),
    "throttled_as_400": _error(400, None, "Rate limit reached, slow down."),
    "throttled": _throttled(retry_after="1"),
    "throttled_silent": _throttled(),
    "throttled_date": _until(2),
    "throttled_past_date": _until(-3600),
    "throttled_ms": _throttled(retry_after_ms="200", retry_after="60"),
    "throttled_nan": _throttled(retry_after="nan"),
    "throttled_negative": _throttled(retry_after="-5"),
    "throttled_huge": _throttled(retry_after="1000000000"),
    "throttled_reset_only": _throttled(x_ratelimit_reset_requests="1s", x_ratelimit_remaining_requests="0"),
    "overloaded": _error(529, "overloaded_error", "Overloaded."),
    "should_not_retry": _error(500, None, _FAILED, x_should_retry="false"),
    "should_retry": _error(400, "invalid_value", "Invalid value in the request.", x_should_retry="true"),
    "redirect": _redirect,
    "gzip_garbage": _gzip(lambda: b"this is no gzip stream"),
    "gzip_bomb": _gzip(gzip_bomb),
}

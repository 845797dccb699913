"""From a reply that is no success to what it means: a pure function of status, headers and body.

Facts about providers live here; what is done about a class lives in `client.py`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import httpx
import msgspec

from summarizer_assets.core.envelope import open_envelope
from summarizer_assets.core.event_stream import BLANKS
from summarizer_assets.core.rows import read_rows
from summarizer_assets.core.unusable import UnusableReply
from summarizer_assets.llm.body import BodyTooBigError
from summarizer_assets.llm.errors import ExhaustedKind, StopCause
from summarizer_assets.llm.resolver import ForbiddenAddressError
from summarizer_assets.llm.transport import ProxyRefusedError, TlsError


class Outcome(Enum):
    """The class of a reply, named by what follows."""

    THROTTLED = auto()  # wait, no try used
    TRANSIENT = auto()  # try again within bounds
    TOO_LARGE = auto()  # split
    FILTERED = auto()  # split
    REJECTED = auto()  # split
    FATAL = auto()  # stop the run


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failed try means. `retry`: whether trying the same request again is allowed at all."""

    outcome: Outcome
    message: str  # foreign text: redact before it leaves the client
    retry: bool = False
    status: int | None = None
    code: str | None = None
    kind: ExhaustedKind = "server_error"
    cause: StopCause | None = None
    sent: bool = True  # False: no byte reached the provider

    @property
    def billable(self) -> bool:
        """Whether the provider may have done the work and billed it: nobody told that it did not."""
        return self.sent and (self.status is None or self.kind in ("timeout", "gateway_body"))


_QUOTA_CODES = {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached", "billing_not_active"}
_QUOTA_ENDINGS = ("_spend_limit_exceeded", "_usage_limit_exceeded")
_FILTER_CODES = {
    "content_filter",
    "content_filtered",
    "content_policy_violation",
    "responsibleaipolicyviolation",
    "moderation_blocked",
    "invalid_prompt",
}
_TOO_LARGE_CODES = {"context_length_exceeded", "string_above_max_length", "request_too_large"}
_MODEL_CODES = {"model_not_found", "invalid_model", "deploymentnotfound", "model_not_available"}
_KEY_CODES = {"invalid_api_key", "api_key_invalid", "authentication_error"}
_SLOW_DOWN_CODES = {"slow_down", "rate_limit_exceeded", "rate_limit_error", "overloaded_error"}

_TOO_LARGE_TEXT = re.compile(
    r"maximum (?:context|prompt|input|sequence|model) length|context (?:length|window|size)|prompt is too long"
    r"|too many (?:input )?tokens|input is too long"
    r"|exceeds? the (?:maximum|max)(?: allowed)?(?: number of)?(?: input)? tokens"
    r"|reduce the length of the (?:messages|prompt|input)",
    re.IGNORECASE,
)
#: A 429 that waiting cannot cure: one request above the limit of a whole minute.
_LARGER_THAN_LIMIT = re.compile(r"^request too large\b", re.IGNORECASE)

#: The status that a code stands for when an error comes under status 200.
_STATUS_OF_CODE = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "resource_exhausted": 429,
    "too_many_requests": 429,
    "throttling": 429,
    "1302": 429,  # Zhipu's own numbers
    "1303": 429,
    "1305": 429,
    "insufficient_quota": 429,
    "1113": 402,
    "1301": 400,
    "slow_down": 503,
    "overloaded_error": 529,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "unauthenticated": 401,
    "permission_denied": 403,
    "model_not_found": 404,
    "not_found_error": 404,
    "context_length_exceeded": 400,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "request_too_large": 413,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "unavailable": 503,
    "server_error": 500,
    "api_error": 500,
    "internal_error": 500,
} | dict.fromkeys(_FILTER_CODES, 400)
_GATEWAY_FAULT = 502
_ERROR_LIMIT = 64 * 1024  # bytes of an error's body that are looked at


@dataclass(frozen=True, slots=True)
class _Error:
    message: str
    names: tuple[str, ...]  # code, type and inner code, lower case, the code first
    code: str | None  # as the provider wrote it

    def any_in(self, known: set[str]) -> bool:
        return not known.isdisjoint(self.names)


class _GlanceAtMessage(msgspec.Struct):
    error: Any = None


class _GlanceAtChoice(msgspec.Struct):
    message: _GlanceAtMessage | None = None
    finish_reason: Any = None
    error: Any = None

    @property
    def plain(self) -> bool:
        usual = self.finish_reason is None or self.finish_reason in ("stop", "length", "tool_calls")
        return usual and not self.error and self.message is not None and not self.message.error


class _Glance(msgspec.Struct):
    choices: list[_GlanceAtChoice] | None = None
    error: Any = None
    errors: Any = None
    base_resp: Any = None

    @property
    def plain(self) -> bool:
        if not self.choices or self.error or self.errors or self.base_resp:
            return False
        return self.choices[0].plain


_glance = msgspec.json.Decoder(_Glance)


def success_in_name_only(body: bytes, headers: Mapping[str, str]) -> Verdict | None:
    """The verdict on a body under status 200 that is no reply of a model at all; None when it may be one.

    A page of a gateway, an empty body, or a provider's error, at whatever depth, beside which no answer stands. A
    truncated or odd JSON document is left to the reader of answers. Cheap: of a usual success the text is passed over.
    """
    if body[:1] != b"{":
        start = body.lstrip(BLANKS)[:1]
        if start in (b"", b"<"):
            what = "an empty body" if not start else "a page instead of a reply"
            return Verdict(Outcome.TRANSIENT, f"{what} under status 200", retry=True, status=200, kind="gateway_body")
    try:
        if _glance.decode(body).plain:
            return None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # not as usual: looked at more closely
    error: Mapping[str, object] | None = None
    try:
        envelope = open_envelope(body)
        error = envelope.error
        if error is not None:
            read_rows(envelope.content)
            return None  # an answer beside an error is an answer
    except UnusableReply as unusable:
        error = unusable.provider_error or error
    if error is None:
        return None
    return classify(_status_of(error), headers, json.dumps({"error": error}, default=str).encode())


def classify_exception(error: httpx.RequestError) -> Verdict:
    """What a try without a complete reply means."""
    message = str(error)
    kind: ExhaustedKind = "connection"
    sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError)
    match error:
        case TlsError():
            return Verdict(Outcome.FATAL, message, cause=StopCause.TLS, sent=sent)
        case ForbiddenAddressError():
            return Verdict(Outcome.FATAL, message, cause=StopCause.BASE_URL, sent=sent)
        case ProxyRefusedError() if error.status is None or error.status < 500:  # noqa: PLR2004 - above: it may pass
            return Verdict(Outcome.FATAL, message, cause=StopCause.PROXY, sent=sent)
        case httpx.DecodingError():
            kind = "gateway_body"
        case BodyTooBigError():
            kind = "body_too_big"
        case httpx.ReadTimeout():
            kind = "timeout"
    return Verdict(Outcome.TRANSIENT, message, retry=True, kind=kind, sent=sent)


def _status_of(error: Mapping[str, object]) -> int:
    for name in (error.get(key) for key in ("code", "status", "type", "http_code")):
        text = str(name).strip().lower()
        if text.isascii() and text.isdigit() and len(text) == 3 and text[0] in "45":  # noqa: PLR2004 - a status has 3 digits
            return int(text)
        text = text.replace("-", "_").replace(" ", "_")
        if text in _STATUS_OF_CODE:
            return _STATUS_OF_CODE[text]
        if text in _QUOTA_CODES or text.endswith(_QUOTA_ENDINGS):
            return 429
    return _GATEWAY_FAULT


def classify(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """What a reply with `status` other than a success means. `x-should-retry` overrules the status."""
    verdict = _by_status(status, headers, _read_error(body))
    wish = headers.get("x-should-retry", "").lower()
    if wish == "true" and not verdict.retry and not 300 <= status < 400:  # noqa: PLR2004 - no redirect is followed
        return replace(verdict, retry=True)
    if wish == "false" and verdict.retry:
        if verdict.outcome is Outcome.THROTTLED:  # a limit that does not clear by waiting: the account's, not the row's
            return Verdict(Outcome.FATAL, verdict.message, status=status, code=verdict.code, cause=StopCause.QUOTA)
        return replace(verdict, retry=False)
    return verdict


def _by_status(status: int, headers: Mapping[str, str], error: _Error) -> Verdict:  # noqa: C901, PLR0911, PLR0912 - a table
    def is_(outcome: Outcome, cause: StopCause | None = None, *, kind: ExhaustedKind = "server_error") -> Verdict:
        retry = outcome in (Outcome.THROTTLED, Outcome.TRANSIENT)
        return Verdict(outcome, error.message, retry, status, error.code, kind, cause)

    if status < 300 or status >= 600:  # noqa: PLR2004 - nothing a model's reply comes with
        return is_(Outcome.TRANSIENT, kind="gateway_body")
    if status < 400:  # noqa: PLR2004
        return Verdict(
            Outcome.FATAL,
            f"redirected to {headers.get('location', 'nowhere').partition('?')[0]}",
            status=status,
            cause=StopCause.REDIRECT,
        )
    quota = error.any_in(_QUOTA_CODES) or any(name.endswith(_QUOTA_ENDINGS) for name in error.names)
    if status == 402 or (quota and status in (400, 403, 429)):  # noqa: PLR2004
        return is_(Outcome.FATAL, StopCause.QUOTA)
    if status in (400, 403, 422) and error.any_in(_FILTER_CODES):
        return is_(Outcome.FILTERED)
    match status:
        case 401 | 403:
            return is_(Outcome.FATAL, StopCause.AUTH)
        case 404 | 405 | 410:
            about_model = error.any_in(_MODEL_CODES) or "model" in error.message.lower()
            return is_(Outcome.FATAL, StopCause.MODEL if about_model else StopCause.BASE_URL)
        case 407:
            return is_(Outcome.FATAL, StopCause.PROXY)
        case 413:
            return is_(Outcome.TOO_LARGE)
        case 429:
            too_large = _LARGER_THAN_LIMIT.search(error.message) is not None
            return is_(Outcome.TOO_LARGE if too_large else Outcome.THROTTLED)
        case 498 | 529:
            return is_(Outcome.THROTTLED)
        case 503 if error.any_in(_SLOW_DOWN_CODES) or "slow down" in error.message.lower():
            return is_(Outcome.THROTTLED)
        case 408 | 504 | 524:
            return is_(Outcome.TRANSIENT, kind="timeout")
        case 409 | 421 | 425 | 499:
            return is_(Outcome.TRANSIENT)
    if status >= 500:  # noqa: PLR2004
        return is_(Outcome.TRANSIENT)
    if error.any_in(_TOO_LARGE_CODES) or _TOO_LARGE_TEXT.search(error.message):
        return is_(Outcome.TOO_LARGE)
    if error.any_in(_KEY_CODES):
        return is_(Outcome.FATAL, StopCause.AUTH)
    if error.any_in(_MODEL_CODES):
        return is_(Outcome.FATAL, StopCause.MODEL)
    return is_(Outcome.REJECTED)


def _read_error(body: bytes) -> _Error:
    """The error object in any of the forms seen in the wild; a page or free text becomes the message."""
    try:
        document = msgspec.json.decode(body[:_ERROR_LIMIT])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        text = re.sub(r"<[^>]*>", " ", body[:_ERROR_LIMIT].decode("utf-8", "replace"))
        return _Error(" ".join(text.split())[:2000], (), None)
    if isinstance(document, list) and document:
        document = document[0]
    if not isinstance(document, dict):
        return _Error(str(document)[:2000], (), None)
    error = document.get("error") or document
    if not isinstance(error, dict):
        error = {**document, "message": error}
    inner = error.get("innererror") or error.get("inner_error")
    found = [
        error.get("code"),
        error.get("type"),
        error.get("status"),
        inner.get("code") if isinstance(inner, dict) else None,
    ]
    names = tuple(str(name)[:100].lower() for name in found if isinstance(name, str | int))
    code = next((str(name)[:100] for name in found if isinstance(name, str) and name), None)
    message = error.get("message") or error.get("detail") or error.get("msg") or code or ""
    return _Error(str(message)[:2000], names, code)

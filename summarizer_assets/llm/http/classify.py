"""From a reply that is no success to what it means: a pure function of status, headers and body.

By cause and not by status: providers send an exhausted account as 400, a moderated title as 403, a throttle as 400. The
signals stand in a table, `refusal_signals.py`; a body is read in `error_body.py`. What is done about a class lives in
`client.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final

import httpx

from summarizer_assets.core.answers.event_stream import BLANKS
from summarizer_assets.core.answers.rows import read_rows
from summarizer_assets.core.answers.unusable import UnusableReply
from summarizer_assets.core.prompt.context_limits import NOTHING_TOLD, ToldLimits, told_limits
from summarizer_assets.llm.errors import ExhaustedKind, StopCause
from summarizer_assets.llm.http.body import BodyTooBigError
from summarizer_assets.llm.http.error_body import ErrorBody, read_error
from summarizer_assets.llm.http.refusal_signals import REQUEST_FIELDS, SIGNALS, TELLING_FIELDS, Cause, Signal
from summarizer_assets.llm.http.resolver import ForbiddenAddressError
from summarizer_assets.llm.http.transport import ProxyRefusedError, TlsError
from summarizer_assets.llm.protocols.chat_protocol import ChatProtocol


class Outcome(Enum):
    """The class of a reply, named by what follows."""

    THROTTLED = auto()  # wait, no try used
    TRANSIENT = auto()  # try again within bounds
    GARBLED = auto()  # an answer that cannot be read: try again once, then split
    TOO_LARGE = auto()  # ask for less, or split
    UNSUPPORTED = auto()  # ask in another form
    FILTERED = auto()  # split
    REJECTED = auto()  # split, for no cause is told
    DENIED = auto()  # split while others are answered; else the account's, or the address's
    FATAL = auto()  # stop the run


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a failed try means. `retry`: whether trying the same request again is allowed at all.

    `cause`: why the run ends; of DENIED, should it be refused to everybody. `fields`: of the request, that the refusal
    speaks of; `blamed`, that it names as its cause. `told`: the limits that it tells.
    """

    outcome: Outcome
    message: str  # foreign text: redact before it leaves the client
    retry: bool = False
    status: int | None = None
    code: str | None = None
    kind: ExhaustedKind = "server_error"
    cause: StopCause | None = None
    sent: bool = True  # False: no byte reached the provider
    fields: frozenset[str] = frozenset()
    blamed: frozenset[str] = frozenset()
    told: ToldLimits = NOTHING_TOLD

    @property
    def billable(self) -> bool:
        """Whether the provider may have done the work and billed it: nobody told that it did not."""
        return self.sent and (self.status is None or self.kind in ("timeout", "gateway_body"))


_OUTCOMES: Final[Mapping[Cause, Outcome]] = {
    Cause.ACCOUNT: Outcome.FATAL,
    Cause.MODEL: Outcome.FATAL,
    Cause.FIELD: Outcome.UNSUPPORTED,
    Cause.AUTHORS: Outcome.FILTERED,
    Cause.TOO_LARGE: Outcome.TOO_LARGE,
    Cause.THROTTLE: Outcome.THROTTLED,
    Cause.SERVER: Outcome.TRANSIENT,
    Cause.GARBLED: Outcome.GARBLED,
}
_RETRIED: Final = frozenset({Outcome.THROTTLED, Outcome.TRANSIENT, Outcome.GARBLED})
#: Statuses under which a body that names a field of the request speaks of that field.
_OF_FIELDS: Final = (400, 422)

#: The status that a code stands for when an error comes under status 200.
_STATUS_OF_CAUSE: Final[Mapping[Cause, int]] = {
    Cause.ACCOUNT: 403,
    Cause.MODEL: 404,
    Cause.THROTTLE: 429,
    Cause.SERVER: 500,
}
_STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "1302": 429,  # Zhipu's own numbers
    "1303": 429,
    "1305": 429,
    "1113": 402,
    "1301": 400,
    "slow_down": 503,
    "overloaded_error": 529,
    "request_too_large": 413,
    "not_found_error": 404,
    "invalid_request_error": 400,
    "invalid_argument": 400,
    "timeout_error": 504,
    "deadline_exceeded": 504,
    "api_error": 500,
} | {name: _STATUS_OF_CAUSE.get(signal.cause, 400) for signal in reversed(SIGNALS) for name in signal.names}
_REFUSED: Final = 400
_GATEWAY_FAULT: Final = 502


def success_in_name_only(body: bytes, headers: Mapping[str, str], protocol: ChatProtocol) -> Verdict | None:
    """The verdict on a body under status 200 that is no reply of a model at all; None when it may be one.

    A page of a gateway, an empty body, or a provider's error, at whatever depth, beside which no answer stands. A
    truncated or odd JSON document is left to the reader of answers. Cheap: of a usual success the text is passed over.
    """
    if body[:1] != b"{":
        start = body.lstrip(BLANKS)[:1]
        if start in (b"", b"<"):
            what = "an empty body" if not start else "a page instead of a reply"
            return Verdict(Outcome.TRANSIENT, f"{what} under status 200", retry=True, status=200, kind="gateway_body")
    if protocol.is_plain(body):
        return None
    error: Mapping[str, object] | None = None
    try:
        completion = protocol.open(body)
        error = completion.error
        if error is not None:
            read_rows(completion.content)
            return None  # an answer beside an error is an answer
    except UnusableReply as unusable:
        error = unusable.provider_error or error
    if error is None:
        return None
    return classify(_status_of(error), headers, _as_body(error))


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
        case BodyTooBigError():  # an answer, and to this request: the provider is there
            return Verdict(Outcome.GARBLED, message, retry=True, kind="body_too_big", sent=sent)
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
    told = _signal(_REFUSED, read_error(_as_body(error)))
    return _GATEWAY_FAULT if told is None else _STATUS_OF_CAUSE.get(told.cause, _REFUSED)


def _as_body(error: Mapping[str, object]) -> bytes:
    return json.dumps({"error": error}, default=str).encode()


def classify(status: int, headers: Mapping[str, str], body: bytes) -> Verdict:
    """What a reply with `status` other than a success means. `x-should-retry` overrules the status."""
    error = read_error(body)
    verdict = _of_the_wire(status, headers) or _verdict(status, error)
    wish = headers.get("x-should-retry", "").lower()
    if wish == "true" and not verdict.retry and not 300 <= status < 400:  # noqa: PLR2004 - no redirect is followed
        return replace(verdict, retry=True)
    if wish == "false" and verdict.retry:
        if verdict.outcome is Outcome.THROTTLED:  # a limit that does not clear by waiting: the account's, not the row's
            return Verdict(Outcome.FATAL, verdict.message, status=status, code=verdict.code, cause=StopCause.QUOTA)
        return replace(verdict, retry=False)
    return verdict


def _of_the_wire(status: int, headers: Mapping[str, str]) -> Verdict | None:
    """What a status means that no provider's model gives; None: the body is looked at."""
    if 300 <= status < 400:  # noqa: PLR2004 - redirects
        message = f"redirected to {headers.get('location', 'nowhere').partition('?')[0]}"
        return Verdict(Outcome.FATAL, message, status=status, cause=StopCause.REDIRECT)
    return None


def _verdict(status: int, error: ErrorBody) -> Verdict:
    signal = _signal(status, error)
    if signal is not None:
        outcome, cause, kind = _OUTCOMES[signal.cause], signal.stop, "server_error"
    else:
        outcome, cause, kind = _by_status(status, error)
    return Verdict(
        outcome,
        error.message,
        outcome in _RETRIED,
        status,
        error.code,
        kind,  # type: ignore[arg-type] # a literal
        cause,
        fields=error.params | error.quoted,
        blamed=error.params,
        told=told_limits(error.words) if outcome is Outcome.TOO_LARGE else NOTHING_TOLD,
    )


def _signal(status: int, error: ErrorBody) -> Signal | None:
    """The first that holds."""
    if not 400 <= status < 600 or status in (402, 407):  # noqa: PLR2004 - errors whose status leaves anything open
        return None
    found = next((signal for signal in SIGNALS if signal.holds(status, error)), None)
    if found is None and status in _OF_FIELDS:
        if "model" in error.params:
            return Signal(Cause.MODEL, StopCause.MODEL)
        if not REQUEST_FIELDS.isdisjoint(error.params) or not TELLING_FIELDS.isdisjoint(error.quoted):
            return Signal(Cause.FIELD)
    return found


def _by_status(status: int, error: ErrorBody) -> tuple[Outcome, StopCause | None, ExhaustedKind]:  # noqa: C901, PLR0911 - a table
    """What a status means whose body tells no cause."""
    if not 400 <= status < 600:  # noqa: PLR2004 - nothing a model's reply comes with
        return Outcome.TRANSIENT, None, "gateway_body"
    match status:
        case 401:
            return Outcome.FATAL, StopCause.AUTH, "server_error"
        case 402:
            return Outcome.FATAL, StopCause.QUOTA, "server_error"
        case 404 | 405 | 410 if error.page:  # also what some firewalls answer to one title
            return Outcome.DENIED, StopCause.BASE_URL, "server_error"
        case 404 | 405 | 410:
            about_model = "model" in error.message.lower()
            return Outcome.FATAL, StopCause.MODEL if about_model else StopCause.BASE_URL, "server_error"
        case 407:
            return Outcome.FATAL, StopCause.PROXY, "server_error"
        case 413:
            return Outcome.TOO_LARGE, None, "server_error"
        case 429 | 498 | 529:
            return Outcome.THROTTLED, None, "server_error"
        case 408 | 504 | 524:
            return Outcome.TRANSIENT, None, "timeout"
        case 409 | 421 | 425 | 499:
            return Outcome.TRANSIENT, None, "server_error"
        case 403:
            return Outcome.DENIED, StopCause.AUTH, "server_error"
    if status >= 500:  # noqa: PLR2004
        return Outcome.TRANSIENT, None, "server_error"
    return (Outcome.DENIED, StopCause.AUTH, "server_error") if error.page else (Outcome.REJECTED, None, "server_error")

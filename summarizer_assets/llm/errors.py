"""What can go wrong between us and a provider, each class saying what to do next.

::

    ProviderError                    status, code, request_id, a redacted readable message
    ├── Refused                      answered, and no: `core.blame` says when that is the authors' fault
    │   ├── GroupTooLarge            does not fit the model        -> ask for less, split; alone: trim, then `too_large`
    │   ├── Unsupported              a field of the request        -> ask in another form, else as `RequestRejected`
    │   ├── RequestRejected          refused, no cause told        -> split; alone: `rejected`
    │   └── ContentFiltered          stopped by a content filter   -> split; alone: `content_filter`
    ├── BadReply                     status 200, unusable body     -> split; alone: its `kind`
    ├── Parked                       not sent, or the provider is out  -> ask again later, uncharged
    ├── Exhausted                    transient, all tries used     -> the group fails with its `kind`
    └── RunFatal                     no request can succeed        -> stop the run, charge nothing to the rows

Throttles are no error here: the client waits them out, and ends them as `RunFatal` when nothing moves any more.

What belongs here: the classes and the redaction of their messages. What decides which one it is: `classify.py`.
"""

import re
from enum import StrEnum
from hashlib import blake2b
from typing import Literal, Self

from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.display_text import cut
from summarizer_assets.core.prompt.context_limits import NOTHING_TOLD, ToldLimits

ExhaustedKind = Literal["server_error", "timeout", "connection", "body_too_big", "gateway_body"]


class StopCause(StrEnum):
    """Why no request of this run can succeed, and what a person can do about it."""

    remedy: str

    def __new__(cls, value: str, remedy: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.remedy = remedy
        return member

    AUTH = "auth", "the provider refuses the key: check SUMMARIZER_LLM_API_KEY and what it may use"
    QUOTA = "quota", "the account's quota or credit is used up: raise it at the provider, then run again"
    MODEL = "model", "the provider does not know the model: check SUMMARIZER_LLM_MODEL"
    CONFIGURATION = (
        "configuration",
        "the provider refuses a field that every request has: change it in SUMMARIZER_LLM_EXTRA_BODY, or take it out",
    )
    TLS = (
        "tls",
        "TLS failed: check SUMMARIZER_LLM_BASE_URL; SUMMARIZER_LLM_CA_FILE trusts a private certificate authority",
    )
    BASE_URL = (
        "base_url",
        "cannot reach the provider: check SUMMARIZER_LLM_BASE_URL (for most it ends in /v1) and the network",
    )
    PROXY = "proxy", "the proxy refuses: check HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
    REDIRECT = "redirect", "redirects are not followed: set SUMMARIZER_LLM_BASE_URL to the final address"
    THROTTLED = (
        "throttled",
        "nothing passed the provider's rate limit for too long: run again later, or lower SUMMARIZER_RPM or _TPM",
    )
    OUTAGE = "outage", "the provider is down: nothing is charged to the authors, run again later"
    BUDGET = "budget", "the budget is used up: raise SUMMARIZER_BUDGET_USD, then run again"


class ProviderError(Exception):
    """A request that brought no usable answer. The message is safe to log and to store."""

    def __init__(
        self, message: str, *, status: int | None = None, code: str | None = None, request_id: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id

    def __str__(self) -> str:
        """The message, then what identifies the reply at the provider."""
        facts = [f"{name} {value}" for name, value in (("status", self.status), ("code", self.code)) if value]
        if self.request_id:
            facts.append(f"request id {self.request_id}")
        return f"{self.message} ({', '.join(facts)})" if facts else self.message


class Refused(ProviderError):
    """The provider answered that it does not take this request.

    Attributes:
        cause: why the run ends when everybody is refused so; None: no cause is told.
        fields: of the request, that the refusal speaks of; `blamed`: that it names as its cause.
        told: the limits that it tells.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
        cause: StopCause | None = None,
        fields: frozenset[str] = frozenset(),
        blamed: frozenset[str] = frozenset(),
        told: ToldLimits | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.cause = cause
        self.fields = fields
        self.blamed = blamed
        self.told = told or NOTHING_TOLD

    @property
    def fingerprint(self) -> str:
        """Equal for refusals with the same status, code and message, whatever ids and numbers it quotes."""
        words = _VOLATILE.sub("#", self.message)
        return blake2b(f"{self.status} {self.code} {words}".encode(), digest_size=8).hexdigest()


class GroupTooLarge(Refused):
    """The request does not fit the model's context or the provider's size limit."""


class Unsupported(Refused):
    """The provider does not know, or not allow, a field that all requests share."""


class RequestRejected(Refused):
    """The provider refuses this request, and tells no cause: an author in it, or what all requests share."""


class ContentFiltered(Refused):
    """The provider's content filter, or a firewall, stopped the request."""


class BadReply(ProviderError):
    """A reply with status 200 that the reader of answers cannot use.

    Args:
        kind: what is wrong, a value of `FailureReason`.
        retry: whether the same request deserves one more try before this error reaches the caller.
        detail: a readable addition.
    """

    def __init__(
        self,
        kind: str,
        retry: bool,
        detail: str = "",
        *,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"unusable reply: {detail or kind}", status=status, code=code, request_id=request_id)
        self.kind = kind
        self.retry = retry


class Unreadable(BadReply):
    """The model answered, and no reader of answers saw it: it was cut off at the cap, or the server refused it."""


class Exhausted(ProviderError):
    """A fault that passes by itself did not pass within all tries of this request."""

    def __init__(
        self,
        message: str,
        *,
        kind: ExhaustedKind,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.kind = kind


class Parked(ProviderError):
    """The request was not sent, or `failed` as all do in an outage: its authors are to be asked when that is over."""

    def __init__(
        self,
        message: str,
        *,
        failed: bool = False,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.failed = failed


class RunFatal(ProviderError):
    """No request of this run can succeed until a person, or time, changes something. The message has the remedy."""

    def __init__(
        self,
        message: str,
        *,
        cause: StopCause,
        status: int | None = None,
        code: str | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(message, status=status, code=code, request_id=request_id)
        self.cause = cause

    def again(self) -> "RunFatal":
        """An equal error for another waiting request: one instance raised twice would collect both tracebacks."""
        return RunFatal(self.message, cause=self.cause, status=self.status, code=self.code, request_id=self.request_id)


#: Ids and numbers that providers put into messages: they differ between two refusals for the same cause.
_VOLATILE = re.compile(
    r"\b(?:req|request|chatcmpl|resp|trace)[-_][\w-]{6,}|\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{12,}|\b[0-9a-f]{16,}\b"
    r"|\d[\d.,:]*",
    re.IGNORECASE,
)

_REDACTED = "[redacted]"
_GRAM = 8  # so many characters of a secret in a row are no accident
_MESSAGE_LIMIT = 500
_SHORTEST_TOKEN = 12
#: Letters and digits in one word, as in few words of a language.
_ODD = re.compile(r"[A-Za-z]\S*[0-9]|[0-9]\S*[A-Za-z]")
#: A run that nobody would write: so many letters and digits without a break, both kinds among them.
_DRAWN = re.compile(r"(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}")

#: A key in a known form, or one that its sender masked already ("sk-abc***", "****wxyz", "abcd…wxyz").
_KEY_LIKE = re.compile(
    r"(?:Bearer|Basic)\s+\S+|(?<![A-Za-z0-9])(?:(?:sk|pk|rk|gsk|xai|nvapi)[-_]|AIza)[\w*.…•-]{3,}"
    r"|\S*(?:\*{3,}|•{3,}|x{6,})\S*",
    re.IGNORECASE,
)


class Redactor:
    """Removes secrets from foreign text, also where a provider echoes only a piece of one.

    Args:
        key: the provider's.
        others: texts that may be secrets. Pieces count of what is drawn at random in them alone: those of a model's
            name or of a plain word stand in many an honest message.
    """

    def __init__(self, key: str | None = None, *others: str) -> None:
        self._secrets = tuple(secret for secret in (key, *others) if secret)
        drawn = [key or "", *(run for other in others for run in _DRAWN.findall(other))]
        self._pieces = frozenset(
            secret[start : start + _GRAM]
            for secret in drawn
            if secret
            for start in range(max(1, len(secret) - _GRAM + 1))
        )

    def __repr__(self) -> str:
        return f"Redactor({len(self._secrets)} secrets)"

    def __call__(self, text: str) -> str:
        """`text` on one line, at most 500 characters, without secrets, nothing in it that a terminal or a page obeys.

        This is the door: what a provider says goes through it before it is logged, raised or stored.
        """
        text = made_visible(text[: 8 * _MESSAGE_LIMIT])
        for secret in self._secrets:
            text = text.replace(secret, _REDACTED)
        text = _KEY_LIKE.sub(_REDACTED, text)
        words = [_REDACTED if self._holds_piece(word) else word for word in text.split()]
        return cut(" ".join(words), _MESSAGE_LIMIT)

    def _holds_piece(self, word: str) -> bool:
        return any(piece in word for piece in self._pieces)


def secret_leaves(value: object) -> list[str]:
    """Texts in a JSON value that may be a token of the user's, wherever they stand: long words; in prose, odd ones."""
    if isinstance(value, str):
        words = value.split()
        return [word for word in words if len(word) >= _SHORTEST_TOKEN and (len(words) == 1 or _ODD.search(word))]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [leaf for part in inner for leaf in secret_leaves(part)]

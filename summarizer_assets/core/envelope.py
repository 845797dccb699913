"""The chat-completion body around an answer: its text, usage and model, or why there is no text to read."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from summarizer_assets.core.records import FailureReason
from summarizer_assets.core.strange_json import NotJsonError, Object, parse
from summarizer_assets.core.usage import Told

_LONGEST_MODEL_NAME = 200
_DETAIL_CHARACTERS = 300
_CUT_OFF = frozenset({"length", "max_tokens", "model_length"})
_FILTERED = frozenset({"content_filter", "content-filter", "safety", "blocklist", "prohibited_content", "recitation"})


class UnusableReply(Exception):
    """A 200 whose body as a whole says nothing of any author.

    Args:
        reason: what is wrong with it.
        detail: a readable addition, of printable ASCII.
        retry_same: whether the same request deserves one more try.
        split: whether a group is then to be halved until the author it comes from stands alone.
        provider_error: the `error` object of the body, where there was one, for the client to classify.
    """

    def __init__(
        self,
        reason: FailureReason,
        detail: str,
        *,
        retry_same: bool,
        split: bool,
        provider_error: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_same = retry_same
        self.split = split
        self.provider_error = provider_error


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a readable body holds. A name that is no name is None."""

    content: str
    told: Told
    model: str | None


class _Message(msgspec.Struct):
    content: object = None
    refusal: object = None
    tool_calls: object = None
    function_call: object = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    finish_reason: str | None = None
    error: object = None


class _Body(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: object = None
    model: object = None
    error: object = None
    service_tier: object = None


_BODY = msgspec.json.Decoder(_Body)


def open_envelope(body: bytes) -> Envelope:
    """The answer's text and what came with it.

    Raises:
        UnusableReply: there is no text, or none that may be used.
    """
    parsed = _parsed(body)
    if parsed.error:
        raise _gateway(parsed.error)
    if not parsed.choices:
        raise UnusableReply(FailureReason.NO_CHOICE, "the reply held no choices", retry_same=True, split=True)
    choice = parsed.choices[0]
    if choice.error:
        raise _gateway(choice.error)
    content = _content(choice)
    return Envelope(content, Told.of(parsed.usage, parsed.service_tier), _name(parsed.model))


def _parsed(body: bytes) -> _Body:
    try:
        return _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # what is wrong is found out below, with more patience
    start = body[:64].lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"<") or not start:
        page = "a page of markup" if start else "an empty body"
        raise UnusableReply(FailureReason.GATEWAY_BODY, f"{page} instead of JSON", retry_same=True, split=False)
    try:
        parsed = parse(body.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise _bad_json(f"invalid UTF-8 at byte {error.start} of {len(body)}") from None
    except NotJsonError as error:
        raise _bad_json(f"the body is no JSON: {error}") from None
    try:
        return msgspec.convert(parsed.plain() if isinstance(parsed, Object) else parsed, _Body)
    except RecursionError:
        raise _bad_json("the body is no JSON: nested too deeply") from None
    except msgspec.ValidationError as error:
        detail = printable(f"the body is no chat completion: {error}")
        raise UnusableReply(FailureReason.BAD_SHAPE, detail, retry_same=True, split=True) from None


def _bad_json(detail: str) -> UnusableReply:
    return UnusableReply(FailureReason.BAD_JSON, printable(detail), retry_same=True, split=True)


def _gateway(error: object) -> UnusableReply:
    known = error if isinstance(error, dict) else {"message": error}
    detail = printable(f"an error under status 200: {known.get('code') or known.get('type') or 'without a code'}")
    return UnusableReply(FailureReason.GATEWAY_BODY, detail, retry_same=True, split=False, provider_error=known)


def _content(choice: _Choice) -> str:
    """The text of a finished answer."""
    finish = (choice.finish_reason or "").lower()
    if finish in _CUT_OFF:
        raise UnusableReply(
            FailureReason.TRUNCATED, "the output limit was reached (finish_reason length)", retry_same=False, split=True
        )
    if finish in _FILTERED:
        raise UnusableReply(FailureReason.CONTENT_FILTER, "finish_reason content_filter", retry_same=False, split=True)
    message = choice.message or _Message()
    text = _text(message.content)
    if text is not None and text.strip():
        return text
    if message.tool_calls or message.function_call:
        raise UnusableReply(FailureReason.BAD_SHAPE, "tool calls instead of text", retry_same=True, split=True)
    if message.refusal or message.content is None:
        detail = f"the model declined: {message.refusal}" if message.refusal else "the content was null"
        raise UnusableReply(FailureReason.REFUSAL, printable(detail), retry_same=False, split=True)
    if text is None:
        raise UnusableReply(FailureReason.BAD_SHAPE, "the content was no text", retry_same=True, split=True)
    raise UnusableReply(FailureReason.EMPTY_SUMMARY, "the text was empty", retry_same=True, split=True)


def _text(content: object) -> str | None:
    """A string, or the text parts of a list of parts joined; None for anything else."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    texts = [part for part in parts if isinstance(part, str)]
    return "".join(texts) if texts or not content else None


def _name(value: object) -> str | None:
    usable = isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_MODEL_NAME
    return value if usable else None  # type: ignore[return-value] # `usable` says it is a str


def printable(text: str) -> str:
    """A provider's words as they may stand in a log or a table: ASCII, one line, cut."""
    return ascii(text)[1:-1][:_DETAIL_CHARACTERS]

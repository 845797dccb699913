"""Parser of Anthropic's messages: text, usage and model, or the reason why there is no readable text."""

from collections.abc import Iterator

import msgspec

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.answers.provider_error import told_error
from summarizer_assets.core.answers.reply_document import as_text, document_of, gateway, model_name, text_of
from summarizer_assets.core.answers.rows import is_only_rows
from summarizer_assets.core.answers.unusable import UnusableReply, bad_shape, printable, truncated
from summarizer_assets.core.answers.usage import Told, usage_of
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.records import FailureReason

# A stop reason that is unknown here counts as a normal end if the text is readable.
_CUT_OFF = frozenset({"max_tokens", "model_context_window_exceeded"})
_REFUSED = "refusal"
_TOOL = "tool_use"


class _Body(msgspec.Struct):
    content: object = None
    stop_reason: object = None
    stop_details: object = None
    usage: object = None
    model: object = None
    error: object = None


_BODY = msgspec.json.Decoder(_Body)


def open_message(body: bytes) -> Completion:
    """Parse a message.

    Raises:
        UnusableReply: there is no usable text.
    """
    parsed = _parsed(body)
    error = told_error(document_of(body)) if parsed.error or parsed.content is None else None
    if parsed.content is None:
        raise (
            gateway(error)
            if error
            else UnusableReply(FailureReason.NO_CHOICE, "the reply held no content", retry_same=True, split=True)
        )
    stop = parsed.stop_reason if isinstance(parsed.stop_reason, str) else ""
    try:
        content = _content(parsed, stop)
    except UnusableReply:
        if error is None:
            raise
        raise gateway(error) from None
    cut = stop if stop in _CUT_OFF else ""
    return Completion(content, Told.of_message(parsed.usage).beside_text(), model_name(parsed.model), cut, error)


def message_usage(body: bytes) -> Usage | None:
    """See `usage_of`."""
    try:
        usage = Told.of_message(_BODY.decode(body).usage).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        usage = None
    return usage or usage_of(body)


def _parsed(body: bytes) -> _Body:
    try:
        return _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the lenient parser below finds out what is wrong
    try:
        return msgspec.convert(document_of(body), _Body)
    except msgspec.ValidationError as error:
        raise bad_shape(f"the body is no message: {error}") from None


def _content(parsed: _Body, stop: str) -> str:
    """The text of an answer. What was written before a refusal is no answer: it was stopped in its midst."""
    if stop == _REFUSED:
        raise UnusableReply(FailureReason.REFUSAL, _why(parsed.stop_details), retry_same=False, split=True)
    text = text_of(parsed.content)
    if text is not None and "{" in text:
        return text
    if stop in _CUT_OFF:
        raise truncated(stop)
    for rows in _tool_inputs(parsed.content):
        if is_only_rows(rows):
            return rows
    if text is not None and text.strip():
        return text
    if stop == _TOOL:
        raise bad_shape("a tool call instead of text")
    raise UnusableReply(FailureReason.EMPTY_SUMMARY, "the text was empty", retry_same=True, split=True)


def _why(details: object) -> str:
    told = details if isinstance(details, dict) else {}
    named = [str(told[name]) for name in ("category", "explanation") if told.get(name)]
    return printable(": ".join(["the model declined", *named]))


def _tool_inputs(content: object) -> Iterator[str]:
    """What a server puts there that turns the asked form into a tool of its own."""
    for block in content if isinstance(content, list) else []:
        if isinstance(block, dict) and block.get("type") == _TOOL:
            yield from as_text(block.get("input"))

"""Parser of Gemini's generated content: text, usage and model, or the reason why there is no readable text."""

import msgspec

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.answers.provider_error import told_error
from summarizer_assets.core.answers.reply_document import document_of, gateway, model_name
from summarizer_assets.core.answers.unusable import UnusableReply, bad_shape, printable, truncated
from summarizer_assets.core.answers.usage import Told, usage_of
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.records import FailureReason

# A finish reason that is unknown here counts as a normal end if the text is readable.
_CUT_OFF = frozenset({"MAX_TOKENS", "CONTINUATION"})
_FILTERED = frozenset({
    "SAFETY", "RECITATION", "LANGUAGE", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "ESCALATION", "MODEL_ARMOR",
})  # fmt: skip
_MALFORMED = frozenset({
    "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE",
    "MALFORMED_RESPONSE",
})  # fmt: skip
_ACCOUNT_ENDED = "PUP_LIMITED_DISABLED"


class _Content(msgspec.Struct):
    parts: object = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: object = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: object = None
    block_reason_message: object = None


class _Body(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: object = None
    model_version: object = None
    error: object = None


_BODY = msgspec.json.Decoder(_Body)


def open_content(body: bytes) -> Completion:
    """Parse generated content.

    Raises:
        UnusableReply: there is no usable text.
    """
    parsed = _parsed(body)
    error = told_error(document_of(body)) if parsed.error or not parsed.candidates else None
    if not parsed.candidates:
        raise gateway(error) if error else _without_candidate(parsed.prompt_feedback)
    candidate = parsed.candidates[0]
    finish = candidate.finish_reason if isinstance(candidate.finish_reason, str) else ""
    if finish == _ACCOUNT_ENDED:
        error = {"message": f"finishReason {finish}", "code": "account_suspended"}
    try:
        content = _text(candidate.content, finish)
    except UnusableReply:
        if error is None:
            raise
        raise gateway(error) from None
    told = Told.of_candidates(parsed.usage_metadata).beside_text()
    return Completion(content, told, model_name(parsed.model_version), finish if finish in _CUT_OFF else "", error)


def content_usage(body: bytes) -> Usage | None:
    """See `usage_of`."""
    try:
        usage = Told.of_candidates(_BODY.decode(body).usage_metadata).usage
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        usage = None
    return usage or usage_of(body)


def text_of_parts(parts: object) -> str | None:
    """What the model wrote, without what it thought; None if there is nothing to read."""
    texts = [
        part["text"]
        for part in (parts if isinstance(parts, list) else ())
        if isinstance(part, dict) and isinstance(part.get("text"), str) and part.get("thought") is not True
    ]
    return "".join(texts) if texts else None


def _parsed(body: bytes) -> _Body:
    try:
        return _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the lenient parser below finds out what is wrong
    document = document_of(body)
    try:
        return msgspec.convert(document, _Body)
    except msgspec.ValidationError as error:
        if (told := told_error(document)) is not None:  # also as a list of one
            raise gateway(told) from None
        raise bad_shape(f"the body is no generated content: {error}") from None


def _without_candidate(feedback: _Feedback | None) -> UnusableReply:
    if feedback is not None and feedback.block_reason:
        named = [str(told) for told in (feedback.block_reason, feedback.block_reason_message) if told]
        detail = printable(": ".join(["blockReason", *named]))
        return UnusableReply(FailureReason.CONTENT_FILTER, detail, retry_same=False, split=True)
    return UnusableReply(FailureReason.NO_CHOICE, "the reply held no candidates", retry_same=True, split=True)


def _text(content: _Content | None, finish: str) -> str:
    """The text of an answer. What was written before a filter stopped it is no answer."""
    if finish in _FILTERED:
        detail = printable(f"finishReason {finish}")
        raise UnusableReply(FailureReason.CONTENT_FILTER, detail, retry_same=False, split=True)
    text = None if content is None else text_of_parts(content.parts)
    if text is not None and "{" in text:
        return text
    if finish in _CUT_OFF:
        raise truncated(finish)
    if text is not None and text.strip():
        return text
    if finish in _MALFORMED:
        raise bad_shape(f"finishReason {finish} instead of text")
    if text is None and content is not None and content.parts:
        raise bad_shape("the content was no text")
    detail = "the text was empty" if finish in ("", "STOP") else printable(f"no text: finishReason {finish}")
    raise UnusableReply(FailureReason.EMPTY_SUMMARY, detail, retry_same=True, split=True)

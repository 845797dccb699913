"""Parser of OpenAI chat completions: text, usage and model, or the reason why there is no readable text."""

import re
from collections.abc import Iterator

import msgspec

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.answers.provider_error import told_error
from summarizer_assets.core.answers.reply_document import as_text, document_of, gateway, model_name, text_of
from summarizer_assets.core.answers.rows import is_only_rows
from summarizer_assets.core.answers.unusable import UnusableReply, bad_shape, printable, truncated
from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.records import FailureReason

# Finish reasons vary between providers; one that is unknown here counts as a normal end if the text is readable.
_ENDED = frozenset({"", "stop"})
_CUT_OFF = re.compile(r"length|max.*token|token.?limit|context.?window")
_DECLINED = re.compile(r"refus")
_FILTERED = re.compile(r"filter|safety|block|prohibit|recitation|spii|sensitive|guardrail|toxic|moderat|policy")
_FAILED = re.compile(r"error|abort|cancel|interrupt|timeout|overload|insufficient")


class _Message(msgspec.Struct):
    content: object = None
    refusal: object = None
    tool_calls: object = None
    function_call: object = None
    parsed: object = None
    reasoning_content: object = None
    reasoning: object = None
    error: object = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    delta: _Message | None = None
    text: object = None  # in the older completions API
    finish_reason: object = None
    error: object = None


class _Body(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: object = None
    model: object = None
    error: object = None
    errors: object = None
    base_resp: object = None
    service_tier: object = None


_BODY = msgspec.json.Decoder(_Body)


def open_chat_completion(body: bytes) -> Completion:
    """Parse a chat completion.

    Raises:
        UnusableReply: there is no usable text.
    """
    parsed = _parsed(body)
    choice = parsed.choices[0] if parsed.choices else None
    message = _Message() if choice is None else choice.message or choice.delta or _Message(content=choice.text)
    error = None
    if choice is None or parsed.error or parsed.errors or parsed.base_resp or choice.error or message.error:
        error = told_error(_unwrapped(document_of(body)))
    if choice is None:
        raise (
            gateway(error)
            if error
            else UnusableReply(FailureReason.NO_CHOICE, "the reply held no choices", retry_same=True, split=True)
        )
    finish = choice.finish_reason if isinstance(choice.finish_reason, str) else ""
    if finish not in _ENDED and error is None and _failed(finish.lower()):
        error = {"message": f"finish_reason {finish}", "code": "server_error"}
    try:
        content, cut = _content(message, finish)
    except UnusableReply:
        if error is None:
            raise
        raise gateway(error) from None
    return Completion(
        content, Told.of(parsed.usage, parsed.service_tier).beside_text(), model_name(parsed.model), cut, error
    )


def _failed(finish: str) -> bool:
    return _FAILED.search(finish) is not None and _FILTERED.search(finish) is None


def _parsed(body: bytes) -> _Body:
    try:
        parsed = _BODY.decode(body)
        if parsed.choices is not None:
            return parsed
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass  # the lenient parser below finds out what is wrong
    document = _unwrapped(document_of(body))
    try:
        return msgspec.convert(document, _Body)
    except msgspec.ValidationError as error:
        if (told := told_error(document)) is not None:
            raise gateway(told) from None
        raise bad_shape(f"the body is no chat completion: {error}") from None


def _unwrapped(document: object) -> object:
    """The completion, also if a gateway wraps it in another object, as in `{"code": 0, "data": {"choices": …}}`."""
    if isinstance(document, dict) and not document.get("choices"):
        inner = [value for value in document.values() if isinstance(value, dict) and value.get("choices")]
        if len(inner) == 1:  # the usage may be beside it
            return {"usage": document.get("usage"), "service_tier": document.get("service_tier")} | inner[0]
    return document


def _content(message: _Message, finish: str) -> tuple[str, str]:
    """The text of an answer, and the finish reason if it was cut off."""
    text = text_of(message.content)
    if finish in _ENDED and text is not None and "{" in text:
        return text, ""
    cut = finish if _CUT_OFF.search(finish.lower()) else ""
    if _FILTERED.search(finish.lower()):
        detail = printable(f"finish_reason {finish}")
        raise UnusableReply(FailureReason.CONTENT_FILTER, detail, retry_same=False, split=True)
    if text is not None and "{" in text:
        return text, cut
    if cut:
        raise truncated(finish)
    if not message.refusal:
        for elsewhere in _elsewhere(message):
            if is_only_rows(elsewhere):
                return elsewhere, ""
    if text is not None and text.strip():
        return text, ""
    raise _without_text(message, finish)


def _without_text(message: _Message, finish: str) -> UnusableReply:
    if message.tool_calls or message.function_call:
        return bad_shape("tool calls instead of text")
    if message.refusal or message.content is None or _DECLINED.search(finish.lower()):
        detail = f"the model declined: {message.refusal}" if message.refusal else "the content was null"
        return UnusableReply(FailureReason.REFUSAL, printable(detail), retry_same=False, split=True)
    if text_of(message.content) is None:
        return bad_shape("the content was no text")
    return UnusableReply(FailureReason.EMPTY_SUMMARY, "the text was empty", retry_same=True, split=True)


def _elsewhere(message: _Message) -> Iterator[str]:
    """Other fields than `content` in which servers put an answer; used only if they contain nothing else."""
    calls = message.tool_calls if isinstance(message.tool_calls, list) else []
    for call in [*calls, {"function": message.function_call}]:
        function = call.get("function") if isinstance(call, dict) else None
        yield from as_text(function.get("arguments") if isinstance(function, dict) else None)
    for place in (message.parsed, message.reasoning_content, message.reasoning):
        yield from as_text(place)

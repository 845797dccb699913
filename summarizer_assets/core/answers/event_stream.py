"""Reassembly of a body sent as server-sent events although no stream was requested.

Observed: comments such as `: OPENROUTER PROCESSING` before the body, the whole body as one event, its chunks as several
events, and a `data: [DONE]` after a body that is not an event.
"""

import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import msgspec

from summarizer_assets.core.answers.lenient_json import NotJsonError

#: Bytes that may precede a body: blanks that keep a connection alive, a byte order mark.
BLANKS = b"\xef\xbb\xbf \t\r\n"

_DONE = "[DONE]"
_LINE_END = re.compile(r"\r\n|\n|\r")  # not `splitlines`, because JSON strings may contain the other line ends
_COMMENTS = re.compile(r"\s*(?::[^\r\n]*[\r\n]\s*)*")
_TEXTS = ("content", "reasoning_content", "reasoning", "refusal")


def unstreamed(body: bytes) -> bytes:
    """The JSON document assembled from the events of `body`, or found after its comments.

    Raises:
        NotJsonError: the body is not an event stream, or ends early.
        UnicodeDecodeError: the body is not UTF-8.
    """
    text = body.lstrip(BLANKS).decode()
    start = _COMMENTS.match(text)
    text = text[start.end() :] if start else text
    if text.startswith(("{", "[")):
        return text.rstrip().removesuffix(_DONE).rstrip().removesuffix("data:").encode()
    payloads = list(_payloads(text))
    events = [_object(payload) for payload in payloads if payload != _DONE]
    if len(events) == 1 and any(choice.get("message") for choice in _choices(events[0])):
        return msgspec.json.encode(events[0])
    whole = _merged(events)
    choice = whole["choices"][0]
    if _DONE not in payloads and not (choice["finish_reason"] or choice["error"] or whole.get("error")):
        raise NotJsonError(f"the event stream ends early, after {len(events)} events")
    return msgspec.json.encode(whole)


def events_of(text: str) -> Iterator[dict[str, Any]]:
    """The readable events of a text, which may be an incomplete stream or none."""
    for line in _LINE_END.split(text):
        if line.startswith("data:"):
            with suppress(NotJsonError):
                yield _object(line.removeprefix("data:").strip())


def _payloads(text: str) -> Iterator[str]:
    for line in _LINE_END.split(text):
        if line.startswith("data:"):
            yield line.removeprefix("data:").strip()
        elif line.strip() and not line.startswith((":", "event:", "id:", "retry:")):
            raise NotJsonError("neither JSON nor an event stream")


def _object(payload: str) -> dict[str, Any]:
    try:
        event = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        event = None
    if not isinstance(event, dict):
        raise NotJsonError("an event of the stream is no JSON object")
    return event


def _choices(event: dict[str, Any]) -> list[dict[str, Any]]:
    choices = event.get("choices")
    return [choice for choice in choices if isinstance(choice, dict)] if isinstance(choices, list) else []


def _merged(events: list[dict[str, Any]]) -> dict[str, Any]:
    """One chat completion from the first choice's chunks; of a repeated field the last value counts."""
    texts: dict[str, str] = {}
    body: dict[str, Any] = {}
    finish = error = usage = None
    for event in events:
        body |= {name: event[name] for name in ("model", "error", "errors", "service_tier") if event.get(name)}
        usage = event.get("usage") or usage
        for choice in _choices(event):
            if choice.get("index") not in (0, None):
                continue
            delta = choice.get("delta") or choice.get("message")
            for name in _TEXTS:
                if isinstance(delta, dict) and isinstance(delta.get(name), str):
                    texts[name] = texts.get(name, "") + delta[name]
            finish = choice.get("finish_reason") or finish
            error = choice.get("error") or error
            usage = choice.get("usage") or usage
    return {**body, "usage": usage, "choices": [{"message": texts, "finish_reason": finish, "error": error}]}

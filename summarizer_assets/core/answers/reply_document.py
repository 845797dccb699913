"""What the parsers of all protocols share: the JSON of a body, its text, the error in it, the name of the model."""

import contextlib
import json
from collections.abc import Iterator, Mapping

from summarizer_assets.core.answers.event_stream import BLANKS, unstreamed
from summarizer_assets.core.answers.lenient_json import NotJsonError, parse, plain
from summarizer_assets.core.answers.thinking import is_thinking
from summarizer_assets.core.answers.unusable import UnusableReply, bad_json, printable
from summarizer_assets.core.records import FailureReason

_LONGEST_MODEL_NAME = 200


def document_of(body: bytes) -> object:
    """The body as dicts and lists, whatever surrounds its JSON.

    Raises:
        UnusableReply: the body has no JSON.
    """
    start = body.lstrip(BLANKS)[:1]
    if start in (b"<", b""):
        page = "a page of markup" if start else "an empty body"
        raise UnusableReply(FailureReason.GATEWAY_BODY, f"{page} instead of JSON", retry_same=True, split=False)
    try:
        return plain(parse(unstreamed(body).decode()))
    except UnicodeDecodeError as error:
        raise bad_json(f"invalid UTF-8 at byte {error.start} of {len(error.object)}") from None
    except (NotJsonError, UnicodeEncodeError) as error:
        raise bad_json(f"the body is no JSON: {error}") from None
    except RecursionError:
        raise bad_json("the body is no JSON: nested too deeply") from None


def gateway(error: Mapping[str, object]) -> UnusableReply:
    """For a body whose `error` is all that can be used of it."""
    detail = printable(f"an error under status 200: {error.get('code') or error.get('type') or 'without a code'}")
    return UnusableReply(FailureReason.GATEWAY_BODY, detail, retry_same=True, split=False, provider_error=error)


def model_name(value: object) -> str | None:
    """None if it cannot be one."""
    usable = isinstance(value, str) and value.isprintable() and 0 < len(value) <= _LONGEST_MODEL_NAME
    return value if usable else None  # type: ignore[return-value] # `usable` says it is a str


def as_text(value: object) -> Iterator[str]:
    """A string unchanged, an object or a list as JSON; nothing for anything else."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        with contextlib.suppress(RecursionError):  # nested deeper than any answer, so it is none
            yield json.dumps(value, default=str)


def text_of(content: object) -> str | None:
    """The text of a string, of a list of parts without reasoning, or of a JSON value; None for anything else."""
    if isinstance(content, str):
        return content
    if not content:
        return None if content is None or not isinstance(content, list) else ""
    parts = content if isinstance(content, list) else [content]
    texts = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            texts += [] if is_thinking(str(part.get("type"))) or part.get("thought") is True else [part["text"]]
    if texts or any(isinstance(part, dict) and "type" in part for part in parts):
        return "".join(texts) if texts else None
    return next(as_text(content), None)

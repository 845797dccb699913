"""The tokens that a reply says it cost, also where nothing else of it can be used: the provider billed them."""

from typing import Any

import msgspec

from summarizer_assets.core.money import Usage

_BYTES_A_TOKEN = 3  # on the high side for most languages
_MOST_TOKENS = 10_000_000  # a larger count is no count of one request


class _Body(msgspec.Struct):
    usage: Any = None


_BODY = msgspec.json.Decoder(_Body)


def usage_of(body: bytes) -> Usage | None:
    """The usage in a chat completion; None when it is missing, absurd, or the body cannot be read that far."""
    try:
        parsed = _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    usage = parsed.usage if isinstance(parsed.usage, dict) else {}
    asked, said = count(usage.get("prompt_tokens")), count(usage.get("completion_tokens"))
    details = usage.get("prompt_tokens_details")
    cached = count(details.get("cached_tokens")) if isinstance(details, dict) else None
    return None if asked is None or said is None else Usage(asked, said, min(cached or 0, asked))


def estimated_usage(asked: int, said: int) -> Usage:
    """From the bytes of a request and of its reply, where that one tells no usage."""
    return Usage(asked // _BYTES_A_TOKEN, said // _BYTES_A_TOKEN)


def count(value: object) -> int | None:
    """A number of tokens, None when `value` cannot be one."""
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    return value if valid else None  # type: ignore[return-value] # `valid` says it is an int

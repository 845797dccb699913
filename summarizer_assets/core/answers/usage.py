"""The token usage reported by a reply, even if nothing else of it is usable, because the provider billed it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from summarizer_assets.core.answers.event_stream import events_of, unstreamed
from summarizer_assets.core.answers.lenient_json import NotJsonError, parse, plain
from summarizer_assets.core.money.amounts import Usage

_BYTES_A_TOKEN = 3  # overestimates tokens for most languages
_MOST_TOKENS = 10_000_000  # a larger count cannot be that of one request

#: Names of counts in other APIs (messages, responses, Gemini), by the usual name.
_DIALECTS = {
    "prompt_tokens": ("input_tokens", "promptTokenCount"),
    "completion_tokens": ("output_tokens", "candidatesTokenCount"),
    "total_tokens": ("total_tokens", "totalTokenCount"),
    "cached_tokens": ("cache_read_input_tokens", "cachedContentTokenCount"),
    "cache_write_tokens": ("cache_creation_input_tokens",),
}


class _Body(msgspec.Struct):
    usage: Any = None
    service_tier: Any = None


_BODY = msgspec.json.Decoder(_Body)


def usage_of(body: bytes) -> Usage | None:
    """The usage reported by a body, whatever else is wrong with it; None if missing, absurd or unreadable.

    An unusable answer or an error with usage was billed, too.
    """
    try:
        parsed = _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        parsed = _Body()
    return Told.of(parsed.usage, parsed.service_tier).usage or _usage_somewhere(body)


def _usage_somewhere(body: bytes) -> Usage | None:
    """The usage in a body with invalid bytes, in an event of a stream, or in a completion wrapped by a gateway."""
    if b'"usage' not in body:  # or Gemini's `usageMetadata`
        return None
    text = body.decode(errors="replace")
    try:
        documents = [plain(parse(unstreamed(text.encode()).decode()))]
    except (NotJsonError, UnicodeError, RecursionError):
        documents = list(events_of(text))
    for document in reversed(documents):
        if isinstance(document, dict):
            for holder in (document, *(inner for inner in document.values() if isinstance(inner, dict))):
                told = holder.get("usage") or holder.get("usageMetadata")
                if (used := Told.of(told, holder.get("service_tier")).usage) is not None:
                    return used
    return None


@dataclass(frozen=True, slots=True)
class Told:
    """Counts of a reply's `usage`, each None if missing or absurd."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    written_tokens: int | None  # into the provider's cache
    tier: str | None = None

    @classmethod
    def of(cls, usage: object, tier: object = None) -> "Told":
        """Parse a `usage`. Some providers omit reasoning from `completion_tokens` but bill it; the total includes it.

        Args:
            usage: the reply's `usage`.
            tier: the reply's `service_tier`; some providers put it into `usage`.
        """
        told = usage if isinstance(usage, dict) else {}
        if "prompt_tokens" not in told:
            told = _usual(told)
        details = told.get("prompt_tokens_details")
        details = details if isinstance(details, dict) else {"cached_tokens": told.get("prompt_cache_hit_tokens")}
        asked, said, whole = (count(told.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
        if asked is not None and said is not None:
            said += _thoughts_beside(told, said)
            said = max(said, (whole or 0) - asked)
        tier = tier or (usage.get("service_tier") if isinstance(usage, dict) else None)
        cached, written = count(details.get("cached_tokens")), count(details.get("cache_write_tokens"))
        # No prompt is empty, so 0 tokens means not counted.
        return cls(asked or None, said, cached, written, tier if isinstance(tier, str) else None)

    @classmethod
    def of_message(cls, usage: object) -> "Told":
        """The same as `of`, from Anthropic's `usage` alone, without a search for names.

        Its count of the input leaves out what its cache gave and took in.
        """
        told = usage if isinstance(usage, dict) else {}
        fresh, cached = count(told.get("input_tokens")), count(told.get("cache_read_input_tokens"))
        written = count(told.get("cache_creation_input_tokens"))
        asked = 0 if fresh is None else fresh + (cached or 0) + (written or 0)
        tier = told.get("service_tier")
        return cls(
            asked or None, count(told.get("output_tokens")), cached, written, tier if isinstance(tier, str) else None
        )

    @classmethod
    def of_candidates(cls, usage: object) -> "Told":
        """The same as `of`, from Gemini's `usageMetadata` alone, without a search for names.

        What was thought is billed as output, and is no part of its count of the output; where only the total tells it,
        that is believed. Its count of the input has what its cache gave.
        """
        told = usage if isinstance(usage, dict) else {}
        asked, whole = count(told.get("promptTokenCount")), count(told.get("totalTokenCount"))
        parts = [count(told.get(name)) for name in ("candidatesTokenCount", "thoughtsTokenCount")]
        said = None if parts == [None, None] else sum(part or 0 for part in parts)
        if asked is not None and whole is not None:
            said = max(said or 0, whole - asked)
        return cls(asked or None, said, count(told.get("cachedContentTokenCount")), None)

    def beside_text(self) -> "Told":
        """The counts of a reply with a text, for which 0 completion tokens are impossible."""
        return self if self.completion_tokens else replace(self, completion_tokens=None)

    @property
    def usage(self) -> Usage | None:
        """None where either side is not known."""
        asked, said = self.prompt_tokens, self.completion_tokens
        if asked is None or said is None:
            return None
        return Usage(asked, said, min(self.cached_tokens or 0, asked), self.written_tokens, self.tier)


def estimated_usage(asked: int, said: int) -> Usage:
    """The usage estimated from the bytes of a request and of its reply, if the reply reports none."""
    return Usage(asked // _BYTES_A_TOKEN, said // _BYTES_A_TOKEN)


def _usual(told: Mapping[str, Any]) -> dict[str, Any]:
    """Counts told in another provider's words, or one level deeper, in the usual words."""
    for holder in (told, *told.values()):
        found = {
            usual: number
            for usual, names in _DIALECTS.items()
            for name in (usual, *names)
            if isinstance(holder, Mapping) and (number := count(holder.get(name))) is not None
        }
        if "prompt_tokens" in found:
            details = holder.get("input_tokens_details")
            if not isinstance(details, Mapping):
                # Anthropic's count of the input leaves out what its cache took in and gave.
                if "input_tokens" in holder:
                    found["prompt_tokens"] += found.get("cached_tokens", 0) + found.get("cache_write_tokens", 0)
                details = found
            return {**found, "prompt_tokens_details": dict(details)}
    return {}


def _thoughts_beside(told: Mapping[str, Any], said: int) -> int:
    """What was thought, where that is more than was said: the one is then no part of the other."""
    details = told.get("completion_tokens_details")
    thought = count(details.get("reasoning_tokens")) if isinstance(details, Mapping) else None
    return thought if thought is not None and thought > said else 0


def count(value: object) -> int | None:
    """A number of tokens, None when `value` cannot be one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    return value if valid else None  # type: ignore[return-value] # `valid` says it is an int

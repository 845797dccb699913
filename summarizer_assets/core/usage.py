"""The tokens that a reply says it cost, also where nothing else of it can be used: the provider billed them."""

from dataclasses import dataclass
from typing import Any

import msgspec

from summarizer_assets.core.money import Usage

_BYTES_A_TOKEN = 3  # on the high side for most languages
_MOST_TOKENS = 10_000_000  # a larger count is no count of one request


class _Body(msgspec.Struct):
    usage: Any = None
    service_tier: Any = None


_BODY = msgspec.json.Decoder(_Body)


def usage_of(body: bytes) -> Usage | None:
    """The usage in a chat completion; None when it is missing, absurd, or the body cannot be read that far."""
    try:
        parsed = _BODY.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Told.of(parsed.usage, parsed.service_tier).usage


@dataclass(frozen=True, slots=True)
class Told:
    """Counts of a reply's `usage`, each None where it is missing or absurd."""

    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    written_tokens: int | None  # into the provider's cache
    tier: str | None = None

    @classmethod
    def of(cls, usage: object, tier: object = None) -> "Told":
        """Some providers leave what the model thought out of `completion_tokens`, and bill it: the total has it.

        Args:
            usage: the reply's.
            tier: the `service_tier` of the reply; some name it within `usage`.
        """
        told = usage if isinstance(usage, dict) else {}
        details = told.get("prompt_tokens_details")
        details = details if isinstance(details, dict) else {}
        asked, said, whole = (count(told.get(f"{name}_tokens")) for name in ("prompt", "completion", "total"))
        if asked is not None and said is not None and whole is not None:
            said = max(said, whole - asked)
        tier = tier or told.get("service_tier")
        name = tier if isinstance(tier, str) else None
        return cls(asked, said, count(details.get("cached_tokens")), count(details.get("cache_write_tokens")), name)

    @property
    def usage(self) -> Usage | None:
        """None where either side is not known."""
        asked, said = self.prompt_tokens, self.completion_tokens
        if asked is None or said is None:
            return None
        return Usage(asked, said, min(self.cached_tokens or 0, asked), self.written_tokens, self.tier)


def estimated_usage(asked: int, said: int) -> Usage:
    """From the bytes of a request and of its reply, where that one tells no usage."""
    return Usage(asked // _BYTES_A_TOKEN, said // _BYTES_A_TOKEN)


def counted(told: Usage | None, asked: int, said: int, most_output: int) -> Usage:
    """What a request is taken to have used: what it told, an estimate where it told nothing, and never what cannot be.

    As the money is booked that was held for it. So the costs of answers sum to what their requests were booked at.

    Args:
        told: by the reply.
        asked: bytes of the request, which bound the tokens of its prompt.
        said: bytes of the reply.
        most_output: tokens that the request let be written.
    """
    used = told or estimated_usage(asked, said)
    return used if used.believable(asked, most_output) else Usage(asked, most_output, tier=used.tier)


def count(value: object) -> int | None:
    """A number of tokens, None when `value` cannot be one."""
    valid = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_TOKENS
    return value if valid else None  # type: ignore[return-value] # `valid` says it is an int

"""The headers by which Anthropic announces an account's limits; gateways pass them on beside other protocols."""

from collections.abc import Iterator, Mapping
from typing import Final

from summarizer_assets.llm.http.retry_after import seconds_until

_MOST_DIGITS: Final = 12


def anthropic_limit(headers: Mapping[str, str], what: str) -> float | None:
    """The limit a minute of `requests`, `tokens`, `input-tokens` or `output-tokens`; None: not told."""
    return positive(headers.get(f"anthropic-ratelimit-{what}-limit"))


def anthropic_resets(headers: Mapping[str, str], now: float) -> Iterator[float | None]:
    """Seconds until each of them is full again. `now`: the time of day, in Unix seconds."""
    for what in ("requests", "tokens", "input-tokens", "output-tokens"):
        yield seconds_until(headers.get(f"anthropic-ratelimit-{what}-reset"), now)


def positive(text: str | None) -> float | None:
    """Only positive finite whole numbers count."""
    text = text or ""
    return (float(text) or None) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else None

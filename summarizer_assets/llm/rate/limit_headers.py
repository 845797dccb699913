"""What limits a provider announces in the headers of its replies."""

from collections.abc import Mapping
from typing import Final

from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.http.retry_after import duration

_MOST_DIGITS: Final = 12
#: What refills within a minute needs no longer to be full again, but for a debt.
_MINUTE_S: Final = 90.0


class Announcements:
    """Limits a minute, as announced so far to one run.

    A few providers announce what may be sent in a day under the names that others use for a minute. The time until it
    is full again tells; what was found so is not believed any more.

    Attributes:
        limits: None: nothing was announced. 0: what was is no limit a minute.
    """

    def __init__(self) -> None:
        self.limits = RateLimits()

    def read(self, headers: Mapping[str, str]) -> RateLimits | None:
        """The limits that these headers change, None when they bring nothing new."""
        found = RateLimits(
            self._one(headers, "requests", self.limits.requests), self._one(headers, "tokens", self.limits.tokens)
        )
        limits = found.or_else(self.limits)
        if limits == self.limits:
            return None
        self.limits = limits
        return found

    def _one(self, headers: Mapping[str, str], what: str, before: float | None) -> float | None:
        """Only positive finite numbers count."""
        text = headers.get(f"x-ratelimit-limit-{what}") or headers.get(f"anthropic-ratelimit-{what}-limit") or ""
        number = float(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0.0
        if not number:
            return None
        full_in_s = duration(headers.get(f"x-ratelimit-reset-{what}"))
        return 0.0 if before == 0 or (full_in_s is not None and full_in_s > _MINUTE_S) else number

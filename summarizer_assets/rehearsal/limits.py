"""Enforced rate limits per minute over all connections: continuously refilled token buckets."""

from datetime import UTC, datetime, timedelta
from typing import Literal

_ROUNDING = 1e-9
_OUTPUT = "output-tokens"
#: Whose names the headers have that announce limits.
LimitHeaders = Literal["openai", "anthropic"]


class Allowance:
    """A token bucket with a rate per minute and a capacity of one second (at least 1); None allows everything.

    `least`: the level required to pass. A request may take more than that and leave a debt.
    """

    def __init__(self, per_minute: float | None, least: float, now: float) -> None:
        self.per_minute = per_minute
        self._least = least
        self._rate = (per_minute or 0) / 60
        self._capacity = max(1.0, self._rate)
        self._left = self._capacity
        self._at = now

    def wait(self, now: float) -> float:
        """Seconds until something may pass; 0 if now."""
        if self.per_minute is None:
            return 0.0
        self._left = min(self._capacity, self._left + (now - self._at) * self._rate)
        self._at = now
        lack = self._least - self._left
        return lack / self._rate if lack > _ROUNDING else 0.0

    def take(self, amount: float) -> None:
        self._left -= amount

    @property
    def left(self) -> int:
        return max(0, int(self._left))

    @property
    def full_in_s(self) -> float:
        return max(0.0, (self._capacity - self._left) / self._rate)


class ProviderLimits:
    """Limits of one plan per minute: on requests, tokens and tokens of answers alone.

    `now`: clock seconds. `time_of_day`: epoch seconds.
    """

    def __init__(self, requests: float | None, tokens: float | None, output: float | None, now: float) -> None:
        self._allowances = {
            "requests": Allowance(requests, 1.0, now),
            "tokens": Allowance(tokens, 1e-3, now),
            _OUTPUT: Allowance(output, 1e-3, now),
        }
        self.given = any(limit is not None for limit in (requests, tokens, output))

    def wait(self, now: float) -> float:
        """Seconds until a request may pass; 0 if now."""
        return max(allowance.wait(now) for allowance in self._allowances.values())

    def take(self, prompt_tokens: int, completion_tokens: int) -> None:
        """Charge a request that passes and costs so many tokens."""
        self._allowances["requests"].take(1)
        self._allowances["tokens"].take(prompt_tokens + completion_tokens)
        self._allowances[_OUTPUT].take(completion_tokens)

    def headers(self, style: LimitHeaders, time_of_day: float) -> dict[str, str]:
        """The rate limit headers, as of the last `wait`."""
        found: dict[str, str] = {}
        for name, allowance in self._allowances.items():
            if allowance.per_minute is None or (style == "openai" and name == _OUTPUT):
                continue
            limit, left, full = f"{allowance.per_minute:.0f}", str(allowance.left), allowance.full_in_s
            if style == "openai":
                found[f"x-ratelimit-limit-{name}"] = limit
                found[f"x-ratelimit-remaining-{name}"] = left
                found[f"x-ratelimit-reset-{name}"] = f"{full:.3f}s"
            else:
                reset = datetime.fromtimestamp(time_of_day, UTC) + timedelta(seconds=full)
                found[f"anthropic-ratelimit-{name}-limit"] = limit
                found[f"anthropic-ratelimit-{name}-remaining"] = left
                found[f"anthropic-ratelimit-{name}-reset"] = reset.isoformat(timespec="milliseconds")
        return found

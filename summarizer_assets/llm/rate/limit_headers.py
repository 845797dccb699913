"""What limits a provider announces in the headers of its replies."""

from typing import Final

from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.llm.protocols.chat_protocol import Announced, AnnouncedLimits

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

    def read(self, told: AnnouncedLimits) -> RateLimits | None:
        """The limits that the headers of a reply change, None when they bring nothing new."""
        found = RateLimits(_a_minute(told.requests, self.limits.requests), _a_minute(told.tokens, self.limits.tokens))
        limits = found.or_else(self.limits)
        if limits == self.limits:
            return None
        self.limits = limits
        return found


def _a_minute(told: Announced, before: float | None) -> float | None:
    if told.limit is None:
        return None
    return 0.0 if before == 0 or (told.full_in_s is not None and told.full_in_s > _MINUTE_S) else told.limit

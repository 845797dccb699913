"""Report of what no sensor retries any more: authors given up and buckets parked. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from summarizer_assets.core.authors.remedies import change_for
from summarizer_assets.core.display_text import listed, number
from summarizer_assets.core.markdown import table
from summarizer_assets.core.quality_breaker import UNUSABLE

#: The shortest time between two reports: during a large job the numbers change at every tick.
TELL_EVERY_S: Final = 300.0
_SHOWN_BUCKETS: Final = 20


@dataclass(frozen=True)
class Parked:
    """A bucket whose last runs made no progress, or got nothing usable from the model.

    `stop`: why the last run stopped; None if it died or failed at once.
    """

    bucket: str
    stop: str | None


@dataclass(frozen=True)
class NeedsAttention:
    """Authors whose attempts are used up, by reason, and the parked buckets."""

    given_up: Mapping[str, int]
    parked: Sequence[Parked]

    @property
    def authors(self) -> int:
        return sum(self.given_up.values())

    def __bool__(self) -> bool:
        return bool(self.authors or self.parked)

    @property
    def digest(self) -> str:
        told = repr((sorted(self.given_up.items()), sorted((p.bucket, p.stop) for p in self.parked)))
        return blake2b(told.encode(), digest_size=8).hexdigest() if self else ""

    def words(self) -> str:
        """The text for the tick; empty if there is nothing to report."""
        parts = []
        if self.authors:
            parts.append(f"{self.authors:,} authors are given up, their attempts being used up")
        if self.parked:
            parts.append(f"{len(self.parked):,} buckets are parked")
        return f"{' and '.join(parts)}: the asset failed_authors says what to do" if parts else ""

    def markdown(self, max_attempts: int) -> str:
        """The text for the asset's page."""
        if not self:
            return "Nobody is given up, and no bucket is parked."
        lines: list[str] = []
        if self.authors:
            head = f"**{self.authors:,} authors are given up**, having failed in {max_attempts} runs"
            lines += [
                f"{head} (`SUMMARIZER_MAX_ATTEMPTS`): no sensor asks for them again.",
                "",
                table(
                    ("reason", "authors", "what to do first"),
                    [(f"`{reason}`", number(count), change_for(reason)) for reason, count in self.given_up.items()],
                ),
                "",
                "Then materialise their partitions with `retry_all: true` in the launchpad.",
                "",
            ]
        if self.parked:
            shown = listed([f"`{parked.bucket}` ({parked.stop or 'died'})" for parked in self.parked], _SHOWN_BUCKETS)
            head = f"**{len(self.parked):,} buckets are parked**, three runs in a row made no progress"
            if any(parked.stop == UNUSABLE for parked in self.parked):
                head += f", or the model gave nothing usable (`{UNUSABLE}`)"
            lines += [
                f"{head}: {shown}.",
                "",
                "Look at the last run of each, mend what it tells, then materialise it by hand.",
            ]
        return "\n".join(lines)


def to_tell(attention: NeedsAttention, told: str, told_at: float, now: float) -> bool:
    """Whether to report now, if digest `told` was reported at `told_at`: each change once, at a bounded rate."""
    return attention.digest != told and now - told_at >= TELL_EVERY_S

"""Progress of a run or an ingest, as a line for a terminal and as Markdown for a page."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.display_text import duration, exact_usd, rate, text_bar
from summarizer_assets.core.markdown import bar

_RATE_OVER_S: Final = 120.0
_STANDSTILL: Final = 1e-6  # authors per second, below which a run stands still


@dataclass(frozen=True)
class Progress:
    """Authors of one bucket's run at one moment.

    `done` have a summary, `failed` a failure, `left` are not reached yet. `rate`: recent authors per second.
    `spent`: nano-dollars of this run; None if the price is unknown. `waits`: why nothing moves now.
    """

    bucket: str
    done: int
    failed: int
    left: int
    rate: float
    spent: int | None
    waits: str | None = None

    @property
    def total(self) -> int:
        return self.done + self.failed + self.left

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left at the recent rate; None if unknown."""
        return self.left / self.rate if self.rate > _STANDSTILL and self.waits is None else None

    @property
    def line(self) -> str:
        """One line for a log or a terminal."""
        return f"bucket {self.bucket} {text_bar(self.total - self.left, self.total)}{self._foretold}: {self._words}"

    @property
    def markdown(self) -> str:
        """A bar and the numbers, in less than the 1,000 characters that Dagster shows inline."""
        picture = bar(f"{self.done} of {self.total} done", self.done, self.failed, self.left)
        return f"{picture}\n\n{self._words}{self._foretold}"

    @property
    def _foretold(self) -> str:
        if not self.left or self.seconds_left is None:
            return ""
        return f", {duration(self.seconds_left)} left"

    @property
    def _words(self) -> str:
        parts = [f"{self.done:,} summarised", f"{self.failed:,} failed", f"{self.left:,} to go"]
        if self.waits is not None:
            return ", ".join([*parts, self.waits])
        parts.append(f"{rate(self.rate)} a second" if self.rate >= 1 else f"{rate(60 * self.rate)} a minute")
        if self.spent:
            parts.append(exact_usd(self.spent // 10_000 * 10_000))
        return ", ".join(parts)


@dataclass(frozen=True)
class IngestProgress:
    """Progress of an ingest: `rows` of the source read; `done` of `buckets` compared with the table and written."""

    phase: str
    rows: int
    done: int
    buckets: int
    seconds: float

    @property
    def line(self) -> str:
        return f"authors {text_bar(self.done, self.buckets)}: {self._words}"

    @property
    def markdown(self) -> str:
        picture = bar(f"{self.done} of {self.buckets} buckets", self.done, 0, self.buckets - self.done)
        return f"{picture}\n\n{self._words}"

    @property
    def _words(self) -> str:
        pace = f", {rate(self.rows / max(self.seconds, 1e-9))} rows a second" if self.phase == "reading" else ""
        buckets = f"{self.done:,} of {self.buckets:,} buckets done"
        return f"{self.phase}, {self.rows:,} source rows, {buckets}{pace}, {duration(self.seconds)} so far"


class Every:
    """An interval timer: `due` is true once `seconds` have passed since it was last true, or since the first call."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at: float | None = None

    def due(self, now: float) -> bool:
        if self._at is None:
            self._at = now
        elif now - self._at >= self._seconds:
            self._at = now
            return True
        return False


class Rate:
    """Events per second over the last two minutes, or since the start, from cumulative counts."""

    def __init__(self, now: float) -> None:
        self._seen: deque[tuple[float, int]] = deque([(now, 0)])

    def __call__(self, now: float, count: int) -> float:
        self._seen.append((now, count))
        while len(self._seen) > 1 and now - self._seen[1][0] >= _RATE_OVER_S:
            self._seen.popleft()
        then, before = self._seen[0]
        return (count - before) / max(now - then, 1e-9)

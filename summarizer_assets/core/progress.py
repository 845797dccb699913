"""How far a run is, as a line for a terminal and as a small picture for a page."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.formats import duration, exact_usd, rate, text_bar
from summarizer_assets.core.markdown import bar

_RATE_OVER_S: Final = 120.0
_STANDSTILL: Final = 1e-6  # authors a second: slower is not moving


@dataclass(frozen=True)
class Progress:
    """Authors of one bucket's run at one moment.

    `done` have their summary, `failed` none, `left` are still to be reached. `rate`: authors reached a second, lately.
    `spent`: nano-dollars of this run, None: nobody knows the price. `waits`: why nothing moves now.
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
        """At the rate of late; None: it cannot be told."""
        return self.left / self.rate if self.rate > _STANDSTILL and self.waits is None else None

    @property
    def line(self) -> str:
        """For a log or a terminal."""
        return f"bucket {self.bucket} {text_bar(self.total - self.left, self.total)}{self._foretold}: {self._words}"

    @property
    def markdown(self) -> str:
        """A bar and the numbers; less than the 1,000 characters that Dagster shows inline."""
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
    """How far an ingest is: `rows` of the source read; `done` of `buckets` compared with the table, and written."""

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
    """Says at which looks `seconds` have passed since the last time it said so, or since the first look."""

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
    """Events a second over the last two minutes, or since the start; fed with ever larger counts."""

    def __init__(self, now: float) -> None:
        self._seen: deque[tuple[float, int]] = deque([(now, 0)])

    def __call__(self, now: float, count: int) -> float:
        self._seen.append((now, count))
        while len(self._seen) > 1 and now - self._seen[1][0] >= _RATE_OVER_S:
            self._seen.popleft()
        then, before = self._seen[0]
        return (count - before) / max(now - then, 1e-9)

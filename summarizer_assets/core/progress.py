"""How far a run is, as a line for a terminal and as a small picture for a page."""

import base64
from collections import deque
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.money.amounts import shown

_CELLS: Final = 12
_WIDTH, _HEIGHT = 400, 12  # of the bar, in pixels
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
        bar = _text_bar(self.total - self.left, self.total)
        return f"bucket {self.bucket} {bar}{self._foretold}: {self._words}"

    @property
    def markdown(self) -> str:
        """A bar and the numbers; less than the 1,000 characters that Dagster shows inline."""
        picture = _picture(self.total, self.done, self.failed)
        return f"![{self.done} of {self.total} done]({picture})\n\n{self._words}{self._foretold}"

    @property
    def _foretold(self) -> str:
        if not self.left or self.seconds_left is None:
            return ""
        return f", {_duration(self.seconds_left)} left"

    @property
    def _words(self) -> str:
        parts = [f"{self.done:,} summarised", f"{self.failed:,} failed", f"{self.left:,} to go"]
        if self.waits is not None:
            return ", ".join([*parts, self.waits])
        parts.append(f"{self.rate:,.0f} a second" if self.rate >= 1 else f"{60 * self.rate:.1f} a minute")
        if self.spent:
            parts.append(shown(self.spent // 10_000 * 10_000))
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
        return f"authors {_text_bar(self.done, self.buckets)}: {self._words}"

    @property
    def markdown(self) -> str:
        return f"![{self.done} of {self.buckets} buckets]({_picture(self.buckets, self.done, 0)})\n\n{self._words}"

    @property
    def _words(self) -> str:
        rate = self.rows / max(self.seconds, 1e-9)
        pace = f", {rate:,.0f} rows a second" if self.phase == "reading" else ""
        buckets = f"{self.done:,} of {self.buckets:,} buckets done"
        return f"{self.phase}, {self.rows:,} source rows, {buckets}{pace}, {_duration(self.seconds)} so far"


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


def _text_bar(done: int, total: int) -> str:
    share = done / total if total else 1.0
    filled = int(_CELLS * share)
    return f"[{'#' * filled}{'.' * (_CELLS - filled)}] {int(100 * share)} %"


def _picture(total: int, done: int, failed: int) -> str:
    """The source of an image: green what is done, red what failed, grey the rest."""
    green, red = (_WIDTH * number // max(1, total) for number in (done, failed))
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">'
        f'<path fill="#ccc" d="M0 0h{_WIDTH}v{_HEIGHT}H0"/>'
        f'<path fill="#009e73" d="M0 0h{green}v{_HEIGHT}H0"/>'
        f'<path fill="#d55e00" d="M{green} 0h{red}v{_HEIGHT}h-{red}"/></svg>'
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:  # noqa: PLR2004 - "90 s" says more than "2 min"
        return f"{seconds:.0f} s"
    hours = minutes / 60
    return f"{minutes} min" if minutes < 120 else f"{hours:.1f} h"  # noqa: PLR2004 - two hours

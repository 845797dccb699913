"""How far a run is, as a line for a terminal and as a small picture for a page."""

import base64
from collections import deque
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.money import shown

_CELLS: Final = 20
_WIDTH, _HEIGHT = 400, 12  # of the bar, in pixels
_RATE_OVER_S: Final = 120.0


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
        return self.left / self.rate if self.rate > 0 and self.waits is None else None

    @property
    def line(self) -> str:
        """For a log or a terminal."""
        share = 1 - self.left / self.total if self.total else 1.0
        filled = int(_CELLS * share)
        bar = "#" * filled + "." * (_CELLS - filled)
        return f"bucket {self.bucket} [{bar}] {int(100 * share)} %: {self._words}"

    @property
    def markdown(self) -> str:
        """A bar and the numbers; less than the 1,000 characters that Dagster shows inline."""
        return f"![{self.done} of {self.total} done](data:image/svg+xml;base64,{self._svg})\n\n{self._words}"

    @property
    def _words(self) -> str:
        parts = [f"{self.done:,} summarised", f"{self.failed:,} failed", f"{self.left:,} to go"]
        if self.waits is not None:
            return ", ".join([*parts, self.waits])
        parts.append(f"{self.rate:,.0f} a second" if self.rate >= 1 else f"{60 * self.rate:.1f} a minute")
        if self.spent:
            parts.append(shown(self.spent // 10_000 * 10_000))
        if self.left and self.seconds_left is not None:
            parts.append(f"{_duration(self.seconds_left)} left")
        return ", ".join(parts)

    @property
    def _svg(self) -> str:
        total = max(1, self.total)
        done, failed = (_WIDTH * number // total for number in (self.done, self.failed))
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{_HEIGHT}">'
            f'<path fill="#ccc" d="M0 0h{_WIDTH}v{_HEIGHT}H0"/>'
            f'<path fill="#009e73" d="M0 0h{done}v{_HEIGHT}H0"/>'
            f'<path fill="#d55e00" d="M{done} 0h{failed}v{_HEIGHT}h-{failed}"/></svg>'
        )
        return base64.b64encode(svg.encode()).decode()


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


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 2:  # noqa: PLR2004 - "90 s" says more than "2 min"
        return f"{seconds:.0f} s"
    hours = minutes / 60
    return f"{minutes} min" if minutes < 120 else f"{hours:.1f} h"  # noqa: PLR2004 - two hours

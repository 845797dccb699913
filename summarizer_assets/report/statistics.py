"""Streaming statistics of summaries: sums and counts to which each part of a table is added.

Their size does not grow with the table: they count whole numbers of a small range, minutes, prompts and models.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_UNITS = {
    "minute": MINUTE,
    "10 minutes": 10 * MINUTE,
    "hour": HOUR,
    "6 hours": 6 * HOUR,
    "day": DAY,
    "week": 7 * DAY,
}
_FEWEST_OF_A_UNIT = 3
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday, for weeks


class Spread:
    """A histogram of whole numbers of a small range, such as words or percent."""

    def __init__(self) -> None:
        self.counts: Counter[int] = Counter()

    def add(self, values: pl.Series) -> None:
        """Count `values`; nulls are ignored."""
        values = values.drop_nulls().cast(pl.Int64)
        self.counts.update(dict(values.value_counts().iter_rows()))

    @property
    def total(self) -> int:
        return self.counts.total()

    @property
    def mean(self) -> float | None:
        return sum(value * number for value, number in self.counts.items()) / self.total if self.total else None

    def quantile(self, share: float) -> int | None:
        """The smallest value that at least `share` (0 to 1) of all do not exceed; None without values."""
        seen = 0
        for value in sorted(self.counts):
            seen += self.counts[value]
            if seen >= share * self.total:
                return value
        return None

    def bars(self, most: int = 30) -> tuple[int, list[tuple[int, int]]]:
        """At most `most` bars of equal width: the width, and for each bar its first value and its count."""
        if not self.counts:
            return 1, []
        low, high = min(self.counts), max(self.counts)
        width = next(width for width in _widths() if high // width - low // width < most)
        heights: Counter[int] = Counter()
        for value, number in self.counts.items():
            heights[value // width * width] += number
        return width, [(start, heights[start]) for start in range(low // width * width, high + 1, width)]


def _widths() -> Sequence[int]:
    return [step * 10**power for power in range(12) for step in (1, 2, 5)]


@dataclass
class Made:
    """The summaries of one prompt and model. `priced`: number with a known cost. `cost_usd`: their total cost."""

    summaries: int = 0
    priced: int = 0
    cost_usd: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    last_at: datetime | None = None

    def add(self, other: "Made") -> None:
        self.summaries += other.summaries
        self.priced += other.priced
        self.cost_usd += other.cost_usd
        self.prompt_tokens += other.prompt_tokens
        self.completion_tokens += other.completion_tokens
        self.last_at = max((at for at in (self.last_at, other.last_at) if at is not None), default=None)


@dataclass
class SummaryStatistics:
    """Statistics of summaries, added part by part. `support`: percent, where measured. Times are minutes, UTC."""

    words: Spread = field(default_factory=Spread)
    support: Spread = field(default_factory=Spread)
    flags: Counter[str] = field(default_factory=Counter)
    flagged: int = 0
    minutes: Counter[datetime] = field(default_factory=Counter)
    made: dict[tuple[str, str], Made] = field(default_factory=dict)

    @property
    def summaries(self) -> int:
        return sum(made.summaries for made in self.made.values())

    def add(self, rows: pl.DataFrame) -> None:
        """Add rows of `records.SUMMARIES`. A summary is one paragraph; its words are its blanks plus one."""
        if rows.is_empty():
            return
        self.words.add(rows.select(pl.col("summary").str.count_matches(" ", literal=True) + 1).to_series())
        # 0.5 is added before truncating, because 0.29 * 100 is less than 29.
        self.support.add(rows.select((pl.col("support") * 100 + 0.5).floor()).to_series())
        flags = rows["flags"].list.explode(keep_nulls=False, empty_as_null=False)
        self.flags.update(dict(flags.value_counts().iter_rows()))
        self.flagged += int((rows["flags"].list.len() > 0).sum())
        by_minute = rows["summarized_at"].dt.truncate("1m").drop_nulls().value_counts()
        self.minutes.update(dict(by_minute.iter_rows()))
        sums = rows.group_by("prompt_version", "model").agg(
            pl.len(),
            pl.col("cost_usd").count().alias("priced"),
            pl.col("cost_usd").sum(),
            pl.col("prompt_tokens").sum(),
            pl.col("completion_tokens").sum(),
            pl.col("summarized_at").max(),
        )
        for prompt_version, model, *numbers in sums.iter_rows():
            self.made.setdefault((prompt_version or "", model or ""), Made()).add(Made(*numbers))

    @property
    def by_day(self) -> dict[datetime, int]:
        days: Counter[datetime] = Counter()
        for minute, number in self.minutes.items():
            days[minute.replace(hour=0, minute=0)] += number
        return dict(sorted(days.items()))

    def over_time(self, most: int = 60) -> tuple[str, list[tuple[datetime, int]]]:
        """Summaries over time in at most `most` equal steps: the smallest sufficient unit, and the counts by step."""
        if not self.minutes:
            return "minute", []
        first, last = min(self.minutes), max(self.minutes)
        fitting = [(name, unit) for name, unit in _UNITS.items() if (last - first) / unit < most - 1]
        name, unit = fitting[0] if fitting else ("week", 7 * DAY)
        steps: Counter[datetime] = Counter()
        for minute, number in self.minutes.items():
            steps[_floor(minute, unit)] += number
        start, end = _floor(first, unit), max(_floor(last, unit), _floor(first, unit) + _FEWEST_OF_A_UNIT * unit)
        return name, [(start + step * unit, steps[start + step * unit]) for step in range((end - start) // unit + 1)]

    @property
    def fastest_minute(self) -> int:
        """The most summaries of one minute."""
        return max(self.minutes.values(), default=0)


def _floor(moment: datetime, unit: timedelta) -> datetime:
    return moment - (moment - _EPOCH) % unit


def lowest(rows: pl.DataFrame, seed: int, number: int) -> pl.DataFrame:
    """The `number` rows with the lowest hash of author_id and seed (column `draw`), lowest first.

    Drawing again from the draws of all parts gives the draw of the whole table, so one pass is enough.
    """
    drawn = rows.with_columns(draw=pl.col("author_id").hash(seed))
    return drawn.bottom_k(number, by="draw").sort("draw", "author_id")

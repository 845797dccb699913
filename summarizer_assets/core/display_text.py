"""Formatting for people: one function each for numbers, money, durations, dates, percentages, plurals, lists, bars."""

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from summarizer_assets.core.money.amounts import NANO

_UNITS: Final = (("days", 86_400, 1), ("hours", 3600, 1), ("min", 60, 0))  # with their seconds and decimals
_GB, _MB = 1e9, 1e6
_CELLS: Final = 12  # of a bar of text


def number(value: float) -> str:
    return f"{round(value):,}"


def rate(value: float) -> str:
    """A rate, with one decimal below ten."""
    return f"{value:.1f}" if value < 10 else number(value)  # noqa: PLR2004 - see above


def number_of(count: int, noun: str = "author", plural: str | None = None) -> str:
    """`1 author`, `1,000 authors`. `plural`: None if it is the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def listed(items: Sequence[str], most: int) -> str:
    """The first `most` of `items`, and how many more there are."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def listed_buckets(buckets: Sequence[str], most: int = 8) -> str:
    return f"{'bucket' if len(buckets) == 1 else 'buckets'} {listed(buckets, most)}"


def cut(text: str, most: int) -> str:
    """`text`, shortened to at most `most` characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def share(part: int, whole: int) -> str:
    """The percentage rounded down, so that 100% means all."""
    permille = 1000 * part // whole if whole else 0
    if part and not permille:
        return "less than 0.1%"
    return f"{permille // 10}%" if permille % 10 == 0 else f"{permille / 10:.1f}%"


def usd(amount: float) -> str:
    """Dollars with two decimals; below a dollar with three significant digits."""
    if amount < 0:
        return f"-{usd(-amount)}"
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.{max(2, 2 - math.floor(math.log10(amount)))}f}".rstrip("0").ljust(5, "0")


def exact_usd(nano: int) -> str:
    """Nano-dollars as dollars, without rounding and with at least two decimals."""
    text = f"{Decimal(nano) / NANO:.9f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


def size(count: float) -> str:
    """A number of bytes, in the fitting unit."""
    return f"{count / _GB:,.1f} GB" if count >= _GB else f"{count / _MB:,.0f} MB"


def duration(seconds: float) -> str:
    """Seconds in the largest unit of which there are at least two."""
    for unit, length, decimals in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:,.{decimals}f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "< 1 s"


def moment(at: datetime) -> str:
    """A date and time to the minute. `at`: in UTC."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def text_bar(done: int, total: int) -> str:
    """A progress bar of twelve cells with its percentage, rounded down."""
    filled = _CELLS * done // total if total else _CELLS
    return f"[{'#' * filled}{'.' * (_CELLS - filled)}] {100 * done // total if total else 100}%"


def stretches(counts: Sequence[int], width: int) -> list[tuple[int, int]]:
    """Start and width of each of `counts` in a bar of `width`; a count above zero is never too narrow to see."""
    whole, least = sum(counts), math.ceil(width / 250)
    wanted = [max(least, round(width * count / whole)) if count else 0 for count in counts]
    found, start = [], 0
    for one in wanted:
        scaled = round(width * one / (sum(wanted) or 1))
        found.append((start, scaled))
        start += scaled
    return found

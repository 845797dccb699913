"""Numbers, sums of money, spans of time and lists as a person reads them: one way for each, on every page and line."""

import math
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from summarizer_assets.core.money.amounts import NANO

_UNITS: Final = (("days", 86_400, 1), ("hours", 3600, 1), ("min", 60, 0))  # seconds, and decimals
_GB, _MB = 1e9, 1e6
_CELLS: Final = 12  # of a bar of text


def number(value: float) -> str:
    return f"{round(value):,}"


def rate(value: float) -> str:
    """One decimal below ten, where it says something."""
    return f"{value:.1f}" if value < 10 else number(value)  # noqa: PLR2004 - see above


def number_of(count: int, noun: str = "author", plural: str | None = None) -> str:
    """`1 author`, `1,000 authors`; `plural` where it is not the noun with an s."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"


def listed(items: Sequence[str], most: int) -> str:
    """The first `most` of `items`, and how many there are beyond."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(items[:most]) + more


def listed_buckets(buckets: Sequence[str], most: int = 8) -> str:
    return f"{'bucket' if len(buckets) == 1 else 'buckets'} {listed(buckets, most)}"


def cut(text: str, most: int) -> str:
    """`text`, at most `most` characters long."""
    return text if len(text) <= most else text[: most - 1] + "…"


def share(part: int, whole: int) -> str:
    """A percentage, rounded down, so that nothing is called all that is not."""
    permille = 1000 * part // whole if whole else 0
    if part and not permille:
        return "less than 0.1%"
    return f"{permille // 10}%" if permille % 10 == 0 else f"{permille / 10:.1f}%"


def usd(amount: float) -> str:
    """Dollars: cents, and three digits of what is less than a dollar."""
    if amount < 0:
        return f"-{usd(-amount)}"
    if amount == 0 or amount >= 1:
        return f"${amount:,.2f}"
    return f"${amount:.{max(2, 2 - math.floor(math.log10(amount)))}f}".rstrip("0").ljust(5, "0")


def exact_usd(nano: int) -> str:
    """Nano-dollars, as what is booked is told: to the last digit that is not zero, and cents at least."""
    text = f"{Decimal(nano) / NANO:.9f}".rstrip("0")
    whole, _, decimals = text.partition(".")
    return f"${whole}.{decimals.ljust(2, '0')}"


def size(count: float) -> str:
    """Bytes."""
    return f"{count / _GB:,.1f} GB" if count >= _GB else f"{count / _MB:,.0f} MB"


def duration(seconds: float) -> str:
    """In the largest unit of which there are two."""
    for unit, length, decimals in _UNITS:
        if seconds >= 2 * length:
            return f"{seconds / length:,.{decimals}f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "< 1 s"


def moment(at: datetime) -> str:
    """`at` in UTC, to the minute."""
    return f"{at:%Y-%m-%d %H:%M} UTC"


def text_bar(done: int, total: int) -> str:
    """A bar of twelve cells and its percentage, rounded down."""
    filled = _CELLS * done // total if total else _CELLS
    return f"[{'#' * filled}{'.' * (_CELLS - filled)}] {100 * done // total if total else 100}%"


def stretches(counts: Sequence[int], width: int) -> list[tuple[int, int]]:
    """Where in a bar of `width` each of `counts` starts and how wide it is: whatever is there is seen."""
    whole, least = sum(counts), math.ceil(width / 250)
    wanted = [max(least, round(width * count / whole)) if count else 0 for count in counts]
    found, start = [], 0
    for one in wanted:
        scaled = round(width * one / (sum(wanted) or 1))
        found.append((start, scaled))
        start += scaled
    return found

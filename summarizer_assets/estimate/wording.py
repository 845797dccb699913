"""Figures as a person reads them."""

from summarizer_assets.core.estimation.cost import Span

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400


def number(value: float) -> str:
    return f"{round(value):,}"


def usd(value: float) -> str:
    """Cents, and four digits after the point of sums below a dollar."""
    if value == 0:
        return "$0"
    sign = "-" if value < 0 else ""
    return f"{sign}${abs(value):,.2f}" if abs(value) >= 1 else f"{sign}${abs(value):.4f}"


def usd_span(span: Span) -> str:
    if span.low == span.high:
        return usd(span.expected)
    return f"{usd(span.expected)} ({usd(span.low)} to {usd(span.high)})"


def duration(seconds: float) -> str:
    """In the unit that leaves one or two digits."""
    for unit, size in (("days", _DAY_S), ("hours", _HOUR_S), ("min", _MINUTE_S)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 1 else "< 1 s"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])

"""How many requests go into one job: within the limits of a provider, and within the money that is left."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LineSize:
    """Of one request: bytes of its line, estimated input tokens, and nano-dollars that it may cost."""

    bytes: int
    tokens: int
    reserve: int


@dataclass(frozen=True, slots=True)
class JobLimits:
    """Of one job. `tokens`: estimated input; None: no limit."""

    requests: int
    bytes: int
    tokens: int | None = None


def affordable(sizes: Sequence[LineSize], room: int | None) -> int:
    """How many of the first requests `room` nano-dollars pay for; None: all."""
    if room is None:
        return len(sizes)
    for place, size in enumerate(sizes):
        room -= size.reserve
        if room < 0:
            return place
    return len(sizes)


def packed(sizes: Sequence[LineSize], limits: JobLimits) -> Iterator[range]:
    """The requests of each job, in order, by their places. One that is over a limit alone is in a job of its own."""
    first = length = tokens = 0
    for place, size in enumerate(sizes):
        full = (
            place - first >= limits.requests
            or length + size.bytes > limits.bytes
            or (limits.tokens is not None and tokens + size.tokens > limits.tokens)
        )
        if full and place > first:
            yield range(first, place)
            first, length, tokens = place, 0, 0
        length += size.bytes
        tokens += size.tokens
    if first < len(sizes):
        yield range(first, len(sizes))

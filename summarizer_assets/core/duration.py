"""Durations of the work, from the account's rate limits, the provider's latency and the throughput of earlier runs.

`capacity.fleet` adds the costs of the client's side.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.estimation.cost import Estimate
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.core.run_records import PastRun

REQUESTS: Final = "the requests limit"
TOKENS: Final = "the tokens limit"
ANSWERS: Final = "how long answers take"
EARLIER: Final = "the pace of earlier runs"
WINDOW: Final = "the provider's window for batch jobs"
UNKNOWN: Final = "not known"
_MINUTE_S: Final = 60.0
#: Initial concurrency if no limit is known, see `llm/rate/concurrency.py`.
_FIRST_IN_FLIGHT: Final = 4


@dataclass(frozen=True)
class Duration:
    """`seconds`: None if unknown. `at_least`: a lower bound, because the limits are known but the latency is not.

    `at_most`: an upper bound.
    """

    seconds: float | None
    bound_by: str
    at_least: bool = False
    at_most: bool = False


@dataclass(frozen=True)
class Pace:
    """What is known about an installation's speed, one run at a time.

    `latencies`: seconds of a request by its number of authors, measured by a calibration. `author_s`: seconds per
    author in earlier runs, with groups of `group_size`.
    """

    limits: RateLimits
    max_in_flight: int
    group_size: int
    latencies: Mapping[int, float]
    author_s: float | None

    def duration(self, work: Estimate, group_size: int, buckets: int) -> Duration:
        """The duration of `work` in groups of `group_size`, spread over `buckets` that run one after another."""
        calls, authors = work.calls.expected, work.authors.expected
        if not calls:
            return Duration(0.0, UNKNOWN)
        bounds = limit_seconds(self.limits, calls, work.tokens.expected)
        request_s = latency_of(self.latencies, authors / calls)
        if request_s is not None:
            runs = max(buckets, 1)
            bounds[ANSWERS] = runs * waves(calls / runs, self.max_in_flight, known=self.limits.known) * request_s
        elif self.author_s is not None and group_size == self.group_size:
            bounds[EARLIER] = authors * self.author_s
        if not bounds:
            return Duration(None, UNKNOWN)
        bound_by = max(bounds, key=lambda name: bounds[name])
        return Duration(bounds[bound_by], bound_by, at_least=not bounds.keys() & {ANSWERS, EARLIER})


@dataclass(frozen=True)
class Throughput:
    """`settled`: authors who got a summary or a failure; `run_s`: the sum of the seconds of the runs that settled them.

    `busy_s`: seconds in which at least one run was running.
    """

    runs: int = 0
    settled: int = 0
    busy_s: float = 0.0
    run_s: float = 0.0

    @property
    def authors_per_second(self) -> float | None:
        """The rate of all runs together while any was running; None if nothing was done yet."""
        return self.settled / self.busy_s if self.settled and self.busy_s > 0 else None

    @property
    def author_s(self) -> float | None:
        """Seconds per author within a run; None if nothing was done yet."""
        return self.run_s / self.settled if self.settled else None


def throughput(runs: Mapping[str, Sequence[PastRun]]) -> Throughput:
    """The throughput of all finished runs. A run that only retried failures settles nobody, but its time counts.

    Args:
        runs: the run records of each bucket, from the state store.
    """
    settled, ended, run_s = 0, list[tuple[float, float]](), 0.0
    for run in (run for past in runs.values() for run in past):
        if run.ended_at is None:
            continue
        ended.append((run.started_at, run.ended_at))
        done = max(0, run.pending_before - (run.pending_after or 0))
        settled += done
        run_s += run.ended_at - run.started_at if done else 0.0
    busy, until = 0.0, float("-inf")
    for start, end in sorted(ended):
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    return Throughput(len(ended), settled, busy, run_s)


def limit_seconds(limits: RateLimits, requests: float, tokens: float) -> dict[str, float]:
    """The seconds that each known limit requires for `requests` and `tokens`, by the limit's name."""
    found = {}
    if limits.requests is not None:
        found[REQUESTS] = requests / limits.requests * _MINUTE_S
    if limits.tokens is not None:
        found[TOKENS] = tokens / limits.tokens * _MINUTE_S
    return found


def waves(requests: float, in_flight: int, *, known: bool) -> int:
    """The number of latencies a run waits for in sequence: its first request goes alone, then as many as allowed.

    If no limit is known, the number allowed starts low and doubles each time.
    """
    waves, left, places = 1, requests - 1, in_flight if known else min(_FIRST_IN_FLIGHT, in_flight)
    while left > 0 and places < in_flight:
        waves, left, places = waves + 1, left - places, min(2 * places, in_flight)
    return waves + math.ceil(max(0.0, left) / in_flight)


def latency_of(latencies: Mapping[int, float], authors: float) -> float | None:
    """Seconds of a request of `authors`, by linear interpolation between the nearest two measured sizes.

    A single measurement is valid only for its own size, because the share per author is unknown.
    """
    sizes = sorted(latencies)
    if not sizes:
        return None
    if len(sizes) == 1:
        return latencies[sizes[0]] if round(authors) == sizes[0] else None
    above = next((place for place, size in enumerate(sizes) if size >= authors), len(sizes) - 1)
    one, other = sizes[max(0, above - 1)], sizes[max(1, above)]
    slope = (latencies[other] - latencies[one]) / (other - one)
    return max(min(latencies.values()), latencies[one] + slope * (authors - one))

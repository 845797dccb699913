"""How many batch jobs some work makes, and how long they may take: a window for each round of the queue."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from summarizer_assets.core.batches.packing import JobLimits

#: Bytes of a job's file for each estimated token: the most of a long run of plain letters.
_BYTES_A_TOKEN: Final = 5


class Load(NamedTuple):
    """What one bucket sends: requests, and their input tokens."""

    requests: float
    tokens: float


@dataclass(frozen=True)
class BatchWork:
    """`most_of_a_bucket`: jobs of the bucket that has the most. `rounds`: those of one are queued at the same time.

    `window_s`: the longest that the provider takes for a job.
    """

    jobs: int
    most_of_a_bucket: int
    rounds: int
    window_s: float

    @property
    def seconds(self) -> float:
        """The longest that the provider may take, without the jobs of those whose answer fails a check."""
        return self.rounds * self.window_s


def batch_work(
    loads: Iterable[Load], limits: JobLimits, *, window_s: float, jobs_at_once: int | None = None
) -> BatchWork:
    """The jobs of all buckets.

    Args:
        loads: of each bucket.
        limits: of a job; its tokens are also the most that the account may queue.
        window_s: the longest that the provider takes for a job.
        jobs_at_once: of an account; None: no limit.
    """
    sizes = [jobs_of(load, limits) for load in loads]
    jobs = [tokens for of_bucket in sizes for tokens in of_bucket]
    most = max(map(len, sizes), default=0)
    return BatchWork(len(jobs), most, _rounds(jobs, limits.tokens, jobs_at_once), window_s)


def jobs_of(load: Load, limits: JobLimits) -> list[float]:
    """The input tokens of each job of one bucket; empty where it sends nothing."""
    if load.requests <= 0:
        return []
    parts = [load.requests / limits.requests, load.tokens * _BYTES_A_TOKEN / limits.bytes]
    if limits.tokens is not None:
        parts.append(load.tokens / limits.tokens)
    jobs = max(1, *(math.ceil(part) for part in parts))
    return [load.tokens / jobs] * jobs


def _rounds(jobs: Sequence[float], most_tokens: int | None, most_jobs: int | None) -> int:
    """As jobs are sent: one after the other, while the account's queue has room."""
    rounds, queued, number = min(len(jobs), 1), 0.0, 0
    for tokens in jobs:
        full = most_tokens is not None and queued + tokens > most_tokens
        if number and (full or number == most_jobs):
            rounds, queued, number = rounds + 1, 0.0, 0
        queued, number = queued + tokens, number + 1
    return rounds

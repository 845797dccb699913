"""How long a job takes on so many workers, and what binds it: arithmetic over measured costs.

Each thing that can bind a job alone would make it take so many seconds; the job takes the longest of them. A job is one
run a bucket; each worker works on a few at once, so that the runs go in rounds over all places. `docs/capacity.md` has
the formulas in words and compares them with measured runs; `core/footprint.py` has what a job leaves behind.

    plan(job, provider, Fleet(workers=2, buckets=256)).bound_by
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from summarizer_assets.core.cadence import COMMITS_A_SECOND, MOST_ROWS
from summarizer_assets.core.money.amounts import Price, Usage, dollars
from summarizer_assets.core.rate_schedule import RateLimits

_MINUTE_S: Final = 60.0

REQUESTS, TOKENS, CPU, ANSWERS, STARTS, COMMITS = (
    "the requests limit",
    "the tokens limit",
    "the client's CPU",
    "how long answers take",
    "the starts of runs",
    "commits",
)

#: Of an enforced limit that runs use: `python -m benchmarks.engine.limits` finds 99 % and more, docs/decisions.md.
LIMIT_USE: Final = 0.99
#: Of the limit, over the whole job with its starts, that counts as reached.
REACHED: Final = 0.95
#: Of SUMMARIZER_MAX_IN_FLIGHT.
MOST_IN_FLIGHT: Final = 10_000
#: Where no limit is known: `llm/concurrency.py`.
_FIRST_IN_FLIGHT: Final = 4


@dataclass(frozen=True)
class Job:
    """Authors to ask, and the tokens of one, with its share of the instruction. `group_size`: authors a request."""

    authors: int
    group_size: float
    prompt_tokens: float
    completion_tokens: float

    @property
    def requests(self) -> int:
        return math.ceil(self.authors / self.group_size)

    @property
    def tokens(self) -> float:
        return self.authors * (self.prompt_tokens + self.completion_tokens)


@dataclass(frozen=True)
class Provider:
    """An account: its limits, how long a request takes (in all, and more for each token of its answer), its price."""

    limits: RateLimits = field(default_factory=RateLimits)
    latency_s: float = 0.0
    latency_token_s: float = 0.0
    price: Price | None = None

    def request_s(self, job: Job) -> float:
        return self.latency_s + self.latency_token_s * job.completion_tokens * min(job.group_size, job.authors)


@dataclass(frozen=True)
class Fleet:
    """Workers (hosts), what each has, and how the tables are cut. `in_flight`: the most of one run."""

    workers: int
    buckets: int
    cores: int = 2
    runs_at_once: int = 2
    in_flight: int = 64
    object_store: bool = False

    @property
    def places(self) -> int:
        """Runs at work at the same time, at most."""
        return min(self.workers * self.runs_at_once, self.buckets)

    @property
    def rounds(self) -> int:
        return math.ceil(self.buckets / self.places)

    @property
    def crowding(self) -> float:
        """How much slower a run computes because others share the worker's cores; a run keeps one busy."""
        on_one = min(self.runs_at_once, math.ceil(self.buckets / self.workers))
        return max(1.0, on_one / self.cores)


@dataclass(frozen=True)
class Costs:
    """What the client's side takes, measured on two cores; `benchmarks.tables.capacity` measures both anew.

    CPU of a run's start, and of an author without its requests: a run over 76,000 authors took 28 s, 3.5 of them its
    start, 3,800 requests at `request_s` (docs/scale.md). CPU of a request: 0.48 ms at 64 in flight (docs/decisions.md).
    `queue_s`: that a free place waits for Dagster's queue, half of its interval of 5 s; not measured here.
    `commit_s`, and for each file of the table `commit_file_s`: CPU to open it, write one row and commit, 31 ms with 256
    files and 392 with 9,999 (`python -m benchmarks.tables.stores`); 62 ms on a busy machine (docs/tables.md).
    `commit_rows`, `commit_interval_s`: the settings' defaults.
    """

    start_s: float = 3.5
    author_s: float = 298e-6
    request_s: float = 0.48e-3
    queue_s: float = 2.5
    commit_s: float = 0.02
    commit_file_s: float = 40e-6
    commit_rows: int = 8000
    commit_interval_s: float = 30.0


@dataclass(frozen=True)
class Bound:
    """Seconds of the job were nothing else in its way; of them `starting_s` in which runs start."""

    seconds: float
    starting_s: float


@dataclass(frozen=True)
class Capacity:
    """What comes of a job on a fleet.

    `bound_by` is the longest of `bounds`, and `seconds` are its; STARTS where more than half of it is starting.
    `in_flight` are there at most; `in_flight_in_all` use all of the limit (Little's law), None without one.
    `workers_needed`, `in_flight_needed`: see the functions. `cost_usd` None: no price. `cpu_s` of all workers together.
    """

    workers: int
    seconds: float
    bound_by: str
    bounds: dict[str, Bound]
    in_flight: int
    in_flight_in_all: float | None
    limit_used: float | None
    workers_needed: int | None
    in_flight_needed: int | None
    cost_usd: float | None
    cpu_s: float


def plan(job: Job, provider: Provider, fleet: Fleet, costs: Costs | None = None) -> Capacity:
    """What `job` takes on `fleet`.

    Raises:
        ValueError: a number of authors, workers, buckets or the like is not above zero.
    """
    costs = costs or Costs()
    _refuse_nothing(job, fleet)
    found = bounds(job, provider, fleet, costs)
    longest = max(found, key=lambda name: found[name].seconds)
    seconds = found[longest].seconds
    limit_s = _limit_s(job, provider.limits)
    needed = None if limit_s is None else job.requests / limit_s * provider.request_s(job)
    return Capacity(
        workers=fleet.workers,
        seconds=seconds,
        bound_by=STARTS if found[longest].starting_s > seconds / 2 else longest,
        bounds=found,
        in_flight=fleet.places * fleet.in_flight,
        in_flight_in_all=needed,
        limit_used=None if limit_s is None else min(1.0, limit_s / seconds),
        workers_needed=workers_needed(job, provider, fleet, costs),
        in_flight_needed=in_flight_needed(job, provider, fleet, costs),
        cost_usd=_cost(job, provider.price),
        cpu_s=fleet.buckets * costs.start_s + job.authors * costs.author_s + job.requests * costs.request_s,
    )


def bounds(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> dict[str, Bound]:
    """What each thing that may bind makes of the job; limits only where there are some."""
    authors, requests = job.authors / fleet.buckets, job.requests / fleet.buckets
    start = costs.queue_s + costs.start_s * fleet.crowding
    starting = fleet.rounds * start
    computing = fleet.crowding * (authors * costs.author_s + requests * costs.request_s)
    waiting = _waves(requests, fleet.in_flight, known=provider.limits.known) * provider.request_s(job)
    committing = fleet.buckets * least_commits(authors, fleet, costs) * _commit_s(fleet, costs)
    found = {
        CPU: Bound(starting + fleet.rounds * computing, starting),
        ANSWERS: Bound(starting + fleet.rounds * waiting, starting),
        COMMITS: Bound(start + committing, start),
    }
    # While one place starts a run the others have more of the limit, so that little is lost; a single one has nobody.
    idle = start * (1 + (fleet.rounds - 1) / fleet.places)
    limits = provider.limits
    if limits.requests is not None:
        found[REQUESTS] = Bound(idle + job.requests / (limits.requests * LIMIT_USE) * _MINUTE_S, idle)
    if limits.tokens is not None:
        found[TOKENS] = Bound(idle + job.tokens / (limits.tokens * LIMIT_USE) * _MINUTE_S, idle)
    return found


def workers_needed(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> int | None:
    """The fewest workers that use `REACHED` of the limit; None: there is none, or no number of workers does."""
    most = fleet.buckets  # more have nothing to do
    return _least(most, lambda workers: _reaches(job, provider, replace(fleet, workers=workers), costs))


def in_flight_needed(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> int | None:
    """The fewest requests in flight in one run with which these workers use `REACHED` of the limit; None: as above."""
    return _least(MOST_IN_FLIGHT, lambda places: _reaches(job, provider, replace(fleet, in_flight=places), costs))


def _reaches(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> bool:
    limit_s = _limit_s(job, provider.limits)
    if limit_s is None:
        return False
    return REACHED * max(bound.seconds for bound in bounds(job, provider, fleet, costs).values()) <= limit_s


def _least(most: int, reached: Callable[[int], bool]) -> int | None:
    """The first of 1 … `most` from which on it is reached."""
    if not reached(most):
        return None
    least = 1
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if reached(middle) else (middle + 1, most)
    return least


def _waves(requests: float, in_flight: int, *, known: bool) -> int:
    """Answers that a run waits for one after the other: its first request goes alone, then as many as may.

    As many as may are few at first where no limit is known, and twice as many each time.
    """
    waves, left, places = 1, requests - 1, in_flight if known else min(_FIRST_IN_FLIGHT, in_flight)
    while left > 0 and places < in_flight:
        waves, left, places = waves + 1, left - places, min(2 * places, in_flight)
    return waves + math.ceil(max(0.0, left) / in_flight)


def least_commits(authors: float, fleet: Fleet, costs: Costs) -> int:
    """Appends of a run by their rows, and a compaction of several; on an object store as few as memory allows."""
    appends = math.ceil(authors / (MOST_ROWS if fleet.object_store else costs.commit_rows))
    return appends + (appends > 1)


def _commit_s(fleet: Fleet, costs: Costs) -> float:
    """All runs commit to one table, one after the other."""
    one = costs.commit_s + fleet.buckets * costs.commit_file_s
    return max(one, 1 / COMMITS_A_SECOND) if fleet.object_store else one


def _limit_s(job: Job, limits: RateLimits) -> float | None:
    """Seconds in which the limits would let the job through."""
    seconds = []
    if limits.requests is not None:
        seconds.append(job.requests / limits.requests * _MINUTE_S)
    if limits.tokens is not None:
        seconds.append(job.tokens / limits.tokens * _MINUTE_S)
    return max(seconds, default=None)


def _cost(job: Job, price: Price | None) -> float | None:
    if price is None:
        return None
    return dollars(
        price.as_asked.cost(Usage(round(job.authors * job.prompt_tokens), round(job.authors * job.completion_tokens)))
    )


def _refuse_nothing(job: Job, fleet: Fleet) -> None:
    given = {"authors": job.authors, "group_size": job.group_size}
    given |= {name: getattr(fleet, name) for name in ("workers", "buckets", "cores", "runs_at_once", "in_flight")}
    for name, value in given.items():
        if value <= 0:
            raise ValueError(f"{name} is {value}; allowed: above 0")

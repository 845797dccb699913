"""The capacity model: how long a job takes on a number of workers, and its bottleneck, from measured costs.

For each possible bottleneck the model computes how many seconds the job would take if nothing else limited it; the job
takes the longest of these. A job is one run per bucket; each worker executes a few runs at once, so the runs proceed in
rounds over all places. `docs/capacity.md` explains the formulas and compares them with measured runs;
`capacity/footprint.py` computes what a job leaves behind.

    plan(job, provider, Fleet(workers=2, buckets=256)).bound_by
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from summarizer_assets.core.cadence import COMMITS_A_SECOND, MOST_ROWS
from summarizer_assets.core.duration import ANSWERS, limit_seconds, waves
from summarizer_assets.core.money.amounts import Price, Usage, dollars
from summarizer_assets.core.rate_schedule import RateLimits

CPU, STARTS, COMMITS = "the client's CPU", "the starts of runs", "commits"

#: Share of an enforced limit that runs use: 99 % and more by `python -m benchmarks.engine.limits`, docs/decisions.md.
LIMIT_USE: Final = 0.99
#: Share of the limit, over the whole job including run starts, that counts as reaching it.
REACHED: Final = 0.95
#: The maximum of SUMMARIZER_MAX_IN_FLIGHT.
MOST_IN_FLIGHT: Final = 10_000


@dataclass(frozen=True)
class Job:
    """Authors to ask, and tokens per author with its share of the instruction. `group_size`: authors per request."""

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
    """A provider account: limits, latency of a request (seconds, plus seconds per token of its answer), and price."""

    limits: RateLimits = field(default_factory=RateLimits)
    latency_s: float = 0.0
    latency_token_s: float = 0.0
    price: Price | None = None

    def request_s(self, job: Job) -> float:
        return self.latency_s + self.latency_token_s * job.completion_tokens * min(job.group_size, job.authors)


@dataclass(frozen=True)
class Fleet:
    """Workers (hosts), their resources, and the number of buckets. `in_flight`: most requests in flight per run."""

    workers: int
    buckets: int
    cores: int = 2
    runs_at_once: int = 2
    in_flight: int = 64
    object_store: bool = False

    @property
    def places(self) -> int:
        """The most runs that execute at the same time."""
        return min(self.workers * self.runs_at_once, self.buckets)

    @property
    def rounds(self) -> int:
        return math.ceil(self.buckets / self.places)

    @property
    def crowding(self) -> float:
        """The factor by which runs compute slower because they share the worker's cores; a run keeps one core busy."""
        on_one = min(self.runs_at_once, math.ceil(self.buckets / self.workers))
        return max(1.0, on_one / self.cores)


@dataclass(frozen=True)
class Costs:
    """Costs on the client's side, measured on two cores; `benchmarks.tables.capacity` measures starts and authors.

    `start_s`, `author_s`: CPU seconds of a run's start, and of an author without its requests: of 17.5 s of a run over
    78,000 authors, 3.5 s were its start, and the rest includes 3,800 requests at `request_s` (docs/scale.md).
    `request_s`: CPU seconds of a request, 0.48 ms at 64 in flight (docs/decisions.md). `queue_s`: wait of a free place
    for Dagster's queue, half of its interval of 5 s; not measured. `commit_s`, plus `commit_file_s` per file of the
    table: CPU seconds to open it, write one row and commit, 31 ms with 256 files and 392 ms with 9,999
    (`python -m benchmarks.tables.stores`); 62 ms on a busy machine (docs/tables.md). `commit_rows`,
    `commit_interval_s`: the settings' defaults.
    """

    start_s: float = 3.5
    author_s: float = 156e-6
    request_s: float = 0.48e-3
    queue_s: float = 2.5
    commit_s: float = 0.02
    commit_file_s: float = 40e-6
    commit_rows: int = 25_000
    commit_interval_s: float = 30.0


@dataclass(frozen=True)
class Bound:
    """Seconds the job would take if nothing else limited it, including `starting_s` in which runs start."""

    seconds: float
    starting_s: float


@dataclass(frozen=True)
class Capacity:
    """The plan of a job on a fleet.

    `bound_by`: the longest of `bounds`, or STARTS if more than half of it is starting. `seconds`: the longest bound.
    `in_flight`: the most requests in flight. `in_flight_in_all`: requests in flight that use the whole limit (Little's
    law), None without a limit. `workers_needed`, `in_flight_needed`: see the functions. `cost_usd`: None without a
    price. `cpu_s`: of all workers together.
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
    """Plan `job` on `fleet`.

    Raises:
        ValueError: a number of authors, workers, buckets or the like is not positive.
    """
    costs = costs or Costs()
    _refuse_nothing(job, fleet)
    found = bounds(job, provider, fleet, costs)
    longest = max(found, key=lambda name: found[name].seconds)
    seconds = found[longest].seconds
    limit_s = max(limit_seconds(provider.limits, job.requests, job.tokens).values(), default=0.0) or None
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
        cost_usd=None if provider.price is None else cost_of(job, provider.price),
        cpu_s=fleet.buckets * costs.start_s + job.authors * costs.author_s + job.requests * costs.request_s,
    )


def bounds(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> dict[str, Bound]:
    """The bound of each possible bottleneck; rate limits only if there are any."""
    authors, requests = job.authors / fleet.buckets, job.requests / fleet.buckets
    start = costs.queue_s + costs.start_s * fleet.crowding
    starting = fleet.rounds * start
    computing = fleet.crowding * (authors * costs.author_s + requests * costs.request_s)
    waiting = waves(requests, fleet.in_flight, known=provider.limits.known) * provider.request_s(job)
    committing = fleet.buckets * least_commits(authors, fleet, costs) * _commit_s(fleet, costs)
    found = {
        CPU: Bound(starting + fleet.rounds * computing, starting),
        ANSWERS: Bound(starting + fleet.rounds * waiting, starting),
        COMMITS: Bound(start + committing, start),
    }
    # While one place starts a run, the others use its share of the limit, so little is lost, unless it is the only one.
    idle = start * (1 + (fleet.rounds - 1) / fleet.places)
    for name, seconds in limit_seconds(provider.limits, job.requests, job.tokens).items():
        found[name] = Bound(idle + seconds / LIMIT_USE, idle)
    return found


def workers_needed(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> int | None:
    """The fewest workers that use `REACHED` of the limit; None without a limit, or if no number of workers does."""
    most = fleet.buckets  # more would be idle
    return _least(most, lambda workers: _reaches(job, provider, replace(fleet, workers=workers), costs))


def in_flight_needed(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> int | None:
    """The fewest requests in flight per run with which these workers use `REACHED` of the limit; None as above."""
    return _least(MOST_IN_FLIGHT, lambda places: _reaches(job, provider, replace(fleet, in_flight=places), costs))


def _reaches(job: Job, provider: Provider, fleet: Fleet, costs: Costs) -> bool:
    limit_s = max(limit_seconds(provider.limits, job.requests, job.tokens).values(), default=None)
    if limit_s is None:
        return False
    return REACHED * max(bound.seconds for bound in bounds(job, provider, fleet, costs).values()) <= limit_s


def _least(most: int, reached: Callable[[int], bool]) -> int | None:
    """The smallest of 1 … `most` for which `reached` is true (binary search); None if there is none."""
    if not reached(most):
        return None
    least = 1
    while least < most:
        middle = (least + most) // 2
        least, most = (least, middle) if reached(middle) else (middle + 1, most)
    return least


def least_commits(authors: float, fleet: Fleet, costs: Costs) -> int:
    """The fewest commits of a run: appends by number of rows, and a compaction if there are several.

    On an object store there are as few appends as memory allows.
    """
    appends = math.ceil(authors / (MOST_ROWS if fleet.object_store else costs.commit_rows))
    return appends + (appends > 1)


def _commit_s(fleet: Fleet, costs: Costs) -> float:
    """Seconds per commit; all runs commit to one table, one after another."""
    one = costs.commit_s + fleet.buckets * costs.commit_file_s
    return max(one, 1 / COMMITS_A_SECOND) if fleet.object_store else one


def cost_of(job: Job, price: Price) -> float:
    """Dollars, if nothing comes from the provider's cache."""
    return dollars(
        price.as_asked.cost(Usage(round(job.authors * job.prompt_tokens), round(job.authors * job.completion_tokens)))
    )


def _refuse_nothing(job: Job, fleet: Fleet) -> None:
    given = {"authors": job.authors, "group_size": job.group_size}
    given |= {name: getattr(fleet, name) for name in ("workers", "buckets", "cores", "runs_at_once", "in_flight")}
    for name, value in given.items():
        if value <= 0:
            raise ValueError(f"{name} is {value}; allowed: above 0")

"""The capacity model against measured runs: three sizes, each bound by the client's CPU, by latency, by a limit.

    python -m benchmarks.tables.capacity [--sizes 2000,8000,32000] [--regimes 0,1,2] [--alone]

A job of four buckets, each run a process of its own as Dagster's launcher starts one, through Dagster. The client's CPU
binds with an instant provider, one run at a time; there CPU is compared, not the wall. How long answers take binds with
a second each, two runs at a time, 16 requests in flight each. The limit binds two runs at a time that share 1,200
requests a minute, which the server enforces.

What this machine takes for a start and for an author is measured first, with small runs and one of 8,000 authors and
the instant provider, and before each kind of job what a start waits for, as many at a time as it has: other work on
the machine makes starts slower. All else is predicted from that and from what is given.

`--alone` measures one run of a quarter of each size instead, in this process and so without its start, which is what
other work on a machine disturbs most.

Prints a table, then the same as JSON on the last line; an author left over, or a prediction of the largest size (of CPU
where that binds, else of the wall) that is off by more than a quarter, ends it with status 1.
"""

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.command import command, numbers

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"sizes": [80], "regimes": [1], "alone": True})
    parser.add_argument("--sizes", type=numbers, default=[2000, 8000, 32000], help="authors")
    parser.add_argument("--regimes", type=numbers, default=[0, 1, 2], help="which, by number: CPU, answers, limit")
    parser.add_argument("--calibrated-with", type=int, default=8000, help="authors")
    parser.add_argument("--alone", action="store_true", help="one run without its start, of a quarter of each size")
    options = parser.parse_args()

from benchmarks.phase import measured
from benchmarks.promises import conclude
from benchmarks.provider import provider_process, write_source
from benchmarks.tables.scale import provider as instant_provider
from summarizer_assets.capacity.fleet import CPU, Capacity, Costs, Fleet, Job, Provider, plan
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.duration import ANSWERS, REQUESTS
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.stream import persist

_TOOL = Path(__file__).parents[2] / "tools" / "make_authors.py"
_BUCKETS, _GROUP = 4, 20
_NO_LIMIT = 1_000_000  # requests a minute: known limits need not be felt out
_SMALL = 100
_WORST = 0.25
_TOKENS = (158, 89)  # of an author, in and out: they bind nothing here


@dataclass(frozen=True)
class Regime:
    """What is to bind, and the provider and the fleet that make it so."""

    name: str
    fleet: Fleet
    provider: Provider


REGIMES = (
    Regime(CPU, Fleet(1, _BUCKETS, runs_at_once=1), Provider(RateLimits(_NO_LIMIT, None))),
    Regime(ANSWERS, Fleet(1, _BUCKETS, in_flight=16), Provider(RateLimits(_NO_LIMIT, None), latency_s=1.0)),
    Regime(REQUESTS, Fleet(1, _BUCKETS), Provider(RateLimits(1_200, None), latency_s=0.3)),
)


class House:
    """The tables of so many authors before anybody was asked, and jobs over copies of them."""

    def __init__(self, folder: Path, authors: int, buckets: int) -> None:
        self._folder = folder / f"{authors}-{buckets}"
        source = self._folder / "source"
        making = [sys.executable, str(_TOOL), str(source), "--authors", str(authors)]
        subprocess.run(making, check=True, stdout=subprocess.DEVNULL)
        self._keys = bucket_keys(buckets)
        self._made = {
            "SUMMARIZER_SOURCE": str(source),
            "SUMMARIZER_BUCKETS": str(buckets),
            "SUMMARIZER_GROUP_SIZE": str(_GROUP),
        }
        dagster = self._folder / "dagster"  # one for all jobs: two runs at once may not both make an instance
        dagster.mkdir()
        (dagster / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        self._made["DAGSTER_HOME"] = str(dagster)
        measured("ingest", {**self._made, "SUMMARIZER_ROOT": str(self._folder / "made")})

    def job(self, name: str, settings: Mapping[str, str], at_once: int) -> dict[str, Any]:
        """All buckets, so many at a time: seconds in all, of CPU and of the wall."""
        root = self._folder / name
        root.mkdir()
        shutil.copytree(self._folder / "made" / "authors", root / "authors")
        environment = {**self._made, "SUMMARIZER_ROOT": str(root), **settings}
        began = time.monotonic()
        with ThreadPoolExecutor(at_once) as pool:
            runs = list(pool.map(lambda key: measured(key, environment, module="tables.scale_bucket"), self._keys))
        return {
            "wall_s": time.monotonic() - began,
            "cpu_s": sum(run["cpu_s"] for run in runs),
            "peak_mb": max(run["peak_mb"] for run in runs),
            "pending": sum(run["result"]["pending"] for run in runs),
            "calls": sum(run["result"]["calls"] for run in runs),
        }


@contextmanager
def serving(regime: Regime) -> Iterator[dict[str, str]]:
    """The provider of a regime; the settings to use it with."""
    limit, latency = regime.provider.limits.requests, regime.provider.latency_s
    settings = {"RPM": f"{limit:.0f}", "MAX_IN_FLIGHT": str(regime.fleet.in_flight), "LLM_MODEL": "template"}
    settings |= {"LLM_API_KEY": "sk-benchmark", "PRICE_INPUT_USD": "0.15", "PRICE_OUTPUT_USD": "0.6"}
    if latency:
        with provider_process() as server:
            server.plan({"latency_s": latency, "requests_per_minute": limit, "replies": "answered"})
            yield _variables({**settings, "LLM_BASE_URL": server.base_url})
    else:
        with instant_provider() as url:
            yield _variables({**settings, "LLM_BASE_URL": url})


def _variables(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"SUMMARIZER_{name}": value for name, value in settings.items()}


class Machine:
    """What a start and an author take here and now."""

    def __init__(self, folder: Path, authors: int) -> None:
        self._authors = authors
        self._starting = House(folder, _SMALL, 2)
        self._asking = House(folder, authors, 1)
        self._jobs = itertools.count()

    def costs(self) -> Costs:
        """CPU of a start and of an author, from a small run and a large one."""
        with serving(REGIMES[0]) as settings:
            small, large = (self._run(house, settings, 1)["cpu_s"] for house in (self._starting, self._asking))
        an_author = (large - small / 2) / (self._authors - _SMALL / 2)
        costs = Costs()
        start_s = small / 2 - _SMALL / 2 * an_author
        return replace(costs, start_s=start_s, author_s=an_author - costs.request_s / _GROUP)

    def waiting_s(self, costs: Costs, at_once: int) -> float:
        """What a start waits for beside its own CPU, so many at a time: the disk, and others' work."""
        with serving(REGIMES[0]) as settings:
            rounds = 2 // at_once
            return max(0.0, self._run(self._starting, settings, at_once)["wall_s"] / rounds - costs.start_s)

    def _run(self, house: House, settings: Mapping[str, str], at_once: int) -> dict[str, Any]:
        return house.job(f"calibration-{next(self._jobs)}", settings, at_once)


def alone(regime: Regime, authors: int, folder: Path) -> dict[str, Any]:
    """One bucket's run in this process: no start, so that neither the disk nor other work is in the figure."""
    source = folder / f"{authors}.parquet"
    write_source(source, authors)
    fleet = replace(regime.fleet, workers=1, runs_at_once=1, buckets=1)
    found = plan(Job(authors, _GROUP, *_TOKENS), regime.provider, fleet, Costs(start_s=0, queue_s=0))
    with serving(regime) as settings:
        given = {name.removeprefix("SUMMARIZER_").lower(): value for name, value in settings.items()}
        place = {
            "root": str(folder / regime.name.replace(" ", "-") / str(authors)),
            "source": str(source),
            "buckets": 1,
        }
        house = Summarizer(load_settings(None, **place, **given, group_size=_GROUP))
        keys = bucket_keys(1)
        persist(house.tables.authors, house.ingest(keys, log=lambda _: None, describe=lambda *_: None))
        began = time.monotonic()
        with house.bucket_run(keys[0], "alone", log=lambda _: None) as run:
            persist(house.tables.summaries, run.summaries)
            persist(house.tables.failures, run.failures)
            run.finish()
        wall = time.monotonic() - began
    row = {"regime": regime.name, "authors": authors, "predicted_s": found.seconds, "wall_s": wall}
    row["off"] = found.seconds / wall - 1
    print(f"{regime.name:22}{authors:>8,}{found.seconds:>12.1f}{wall:>12.1f}{row['off']:>+8.0%}", flush=True)
    return row


def show(row: Mapping[str, Any]) -> None:
    print(
        f"{row['regime']:22}{row['authors']:>8,}{row['bound_by']:>22}{row['predicted_s']:>12.1f}{row['wall_s']:>12.1f}"
        f"{row['error']:>+8.0%}{row['predicted_cpu_s']:>11.1f}{row['cpu_s']:>9.1f}{row['cpu_error']:>+8.0%}"
        f"{row['load']:>7.1f}",
        flush=True,
    )


def compared(regime: Regime, authors: int, told: Mapping[str, Any], found: Capacity) -> dict[str, Any]:
    return {
        **told,
        "regime": regime.name,
        "authors": authors,
        "bound_by": found.bound_by,
        "predicted_s": found.seconds,
        "error": found.seconds / told["wall_s"] - 1,
        "predicted_cpu_s": found.cpu_s,
        "cpu_error": found.cpu_s / told["cpu_s"] - 1,
        "load": os.getloadavg()[0],
    }


def broken(rows: list[dict[str, Any]], largest: int | None) -> list[str]:
    wrong = []
    for row in rows:
        name = f"{row['authors']:,} authors, {row['regime']}"
        if row["pending"]:
            wrong.append(f"{name}: {row['pending']} are pending")
        off = row["cpu_error"] if row["regime"] == CPU else row["error"]
        if row["authors"] == largest and abs(off) > _WORST:
            wrong.append(f"{name}: the prediction is off by {off:+.0%}")
    return wrong


def main(options: argparse.Namespace) -> int:
    sizes = options.sizes
    regimes = [REGIMES[number] for number in options.regimes]
    if options.alone:
        print(f"{'one run, without its start':22}{'authors':>4}{'predicted s':>12}{'measured s':>12}{'off':>8}")
        with tempfile.TemporaryDirectory(prefix="capacity-") as temporary:
            told = [alone(regime, size // _BUCKETS, Path(temporary)) for regime in regimes for size in sizes]
        print(f"load average {os.getloadavg()[0]:.1f}\n\n{json.dumps({'capacity': {'alone': told}})}")
        return 0
    rows = []
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="capacity-") as temporary:
        folder = Path(temporary)
        machine = Machine(folder, options.calibrated_with)
        costs = machine.costs()
        print(
            f"calibrated here: a start {costs.start_s:.2f} s of CPU, "
            f"an author {1e6 * (costs.author_s + costs.request_s / _GROUP):.0f} us of CPU with its part of a request; "
            f"load {load:.1f}"
        )
        print(
            f"\n{'bound':22}{'authors':>8}{'predicted to bind':>22}{'predicted s':>12}{'measured s':>12}{'off':>8}"
            f"{'pred. CPU':>11}{'CPU s':>9}{'off':>8}{'load':>7}"
        )
        houses = {size: House(folder, size, _BUCKETS) for size in sizes}
        for regime in regimes:
            waits = machine.waiting_s(costs, regime.fleet.runs_at_once)
            costs = replace(costs, queue_s=waits)  # no daemon is here, whose queue it would wait for
            print(f"a start waits {waits:.1f} s beside its CPU")
            for size, house in houses.items():
                found = plan(Job(size, _GROUP, *_TOKENS), regime.provider, regime.fleet, costs)
                with serving(regime) as settings:
                    told = house.job(regime.name.replace(" ", "-"), settings, regime.fleet.runs_at_once)
                rows.append(compared(regime, size, told, found))
                show(rows[-1])
    print()
    figures = {"start_s": costs.start_s, "author_s": costs.author_s, "load": load}
    return conclude(
        "capacity", {"calibrated": figures, "rows": rows}, broken(rows, None if options.small else max(sizes))
    )


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main(options))

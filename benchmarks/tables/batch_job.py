"""The whole job by batch jobs, under a real daemon, against the same job by requests that a run waits for.

    python -m benchmarks.tables.batch_job [--authors 20000] [--buckets 16] [--no-daemon]

Authors are synthetic (`tools/make_authors.py`). The provider, a process of its own, gives the template's answers,
counts tokens by o200k, and has a batch service whose clock is put forward whenever all jobs wait for it: half of a
job's time, then the rest. Its jobs take hours of that clock.

First a pilot of 50 authors on each route, and the estimate before and after it. Then all buckets are launched once, as
a backfill; from then on only the sensors of `dagster dev` work (with `--no-daemon`: this process does what they ask
for). The same authors are summarised by the other route into other tables.

Prints how long runs and ticks took, in which columns the tables differ (but for times, ids of runs and requests, and
dollars), what each route cost, and the estimates against it; then JSON on the last line. The status is 1 when a run
took longer than a minute, a tick longer than 20 s, a row differs, the price is not exactly half, or the estimate after
the pilot is more than 10 % off.
"""

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 60, "buckets": 2, "daemon": False, "pilot": 10})
    parser.add_argument("--authors", type=int, default=20_000)
    parser.add_argument("--buckets", type=int, default=16)
    parser.add_argument("--pilot", type=int, default=50)
    parser.add_argument("--daemon", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--folder", type=Path, help="work in this new folder and keep it")
    options = parser.parse_args()

import dagster as dg
import polars as pl

from benchmarks.engine.estimate import Billed, compared, table
from benchmarks.promises import conclude
from benchmarks.provider import Provider, provider_process
from summarizer_assets.core.batches.states import JobState
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.definitions import build_defs
from summarizer_assets.estimate.spend import SpendEstimate, estimate_spend, keep
from summarizer_assets.installation import Summarizer
from summarizer_assets.rehearsal.batches.terms import BatchTerms
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.sensors.batches import BATCH_SENSOR
from summarizer_assets.sensors.build import SENSORS
from summarizer_assets.sensors.facts import retry_facts
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.stream import persist
from testing.dagster_dev import DagsterDev, dagster_dev, wait_until

_TOOL = Path(__file__).parents[2] / "tools" / "make_authors.py"
_ANSWERS = "benchmarks.engine.counted_answers:longer_answer"
_TERMS = BatchTerms(validating_s=120, running_s=14_400, finalizing_s=300, ids_after_s=60, listed_after_s=5)
_HALF_S, _WHOLE_S = 7_200.0, 14_880.0
_LONGEST_RUN_S, _LONGEST_TICK_S, _MOST_OFF = 60.0, 20.0, 0.10
_OWN = {"request_id", "run_id", "summarized_at", "cost_usd", "first_failed_at", "last_failed_at", "next_retry_at"}
_MOST_TURNS = 8  # of the clock: whoever fails a check is asked again in a further job

Json = dict[str, Any]


@dataclass
class Took:
    """Seconds of each run and of each tick, the runs by who launched them."""

    runs: list[float] = field(default_factory=list)
    ticks: dict[str, list[float]] = field(default_factory=dict)
    launched: Counter[str] = field(default_factory=Counter)
    failed: int = 0


class Driver(Protocol):
    """Whatever starts the runs."""

    def launch(self) -> None:
        """All buckets, once."""

    def settle(self) -> None:
        """Until nothing is left to do but to wait for the provider."""

    def took(self) -> Took: ...


class Daemon:
    """`dagster dev` and its sensors."""

    def __init__(self, dev: DagsterDev, summarizer: Summarizer) -> None:
        self._dev = dev
        self._summarizer = summarizer

    def launch(self) -> None:
        keys = bucket_keys(self._summarizer.buckets)
        self._dev.backfill(["author_summaries", "failed_authors"], keys)
        wait_until(lambda: len(self._dev.instance.get_runs()) >= len(keys), "the runs are there", patience_s=300)

    def settle(self) -> None:
        began = len(self._dev.ticks(BATCH_SENSOR))

        def nothing_left() -> bool:
            quiet = len(self._dev.ticks(BATCH_SENSOR)) - began >= 2
            return quiet and all(run.is_finished for run in self._dev.instance.get_runs()) and at_rest(self._summarizer)

        wait_until(nothing_left, "all wait for the provider", patience_s=1_800, every_s=1)

    def took(self) -> Took:
        instance, took = self._dev.instance, Took()
        for record in instance.get_run_records():
            run = record.dagster_run
            assert record.start_time is not None
            assert record.end_time is not None
            took.runs.append(record.end_time - record.start_time)
            took.launched[run.tags.get("dagster/sensor_name", "the backfill")] += 1
            took.failed += run.status is not dg.DagsterRunStatus.SUCCESS
        for state in instance.all_instigator_state():
            if state.instigator_name in SENSORS:
                ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id)
                ended = [tick.end_timestamp - tick.timestamp for tick in ticks if tick.end_timestamp is not None]
                took.ticks[state.instigator_name] = ended
        return took


class ThisProcess:
    """The same without a daemon: runs are calls, and the sensor is asked here."""

    def __init__(self, summarizer: Summarizer, instance: dg.DagsterInstance) -> None:
        self._summarizer = summarizer
        self._instance = instance
        self._defs = build_defs(summarizer.settings)
        self._runs = 0

    def launch(self) -> None:
        for bucket in bucket_keys(self._summarizer.buckets):
            self._run(bucket)

    def settle(self) -> None:
        while requests := self._asked_by_the_sensor():
            for request in requests:
                self._run(str(request.partition_key))

    def took(self) -> Took:
        return Took(launched=Counter({"this process": self._runs}))

    def _run(self, bucket: str) -> None:
        self._runs += 1
        summarise(self._summarizer, bucket, f"run-{self._runs}")

    def _asked_by_the_sensor(self) -> list[dg.RunRequest]:
        resources = {"summarizer": self._summarizer}
        with dg.build_sensor_context(instance=self._instance, definitions=self._defs, resources=resources) as context:
            found: Any = self._defs.resolve_sensor_def(BATCH_SENSOR)(context)
        return list(found.run_requests or [])


def at_rest(summarizer: Summarizer) -> bool:
    """Whether every job is the provider's to go on with; the sensor has looked at those that ended."""
    return all(row.state is JobState.OPEN for row in summarizer.jobs.live()) and not summarizer.state.holders()


def complete(summarizer: Summarizer) -> bool:
    facts = retry_facts(summarizer)
    return sum(facts.summaries.values()) + sum(facts.failed.values()) == sum(facts.authors.values())


def summarise(summarizer: Summarizer, bucket: str, run_id: str) -> None:
    with summarizer.bucket_run(bucket, run_id, log=lambda _: None) as run:
        persist(summarizer.tables.summaries, run.summaries)
        persist(summarizer.tables.failures, run.failures)
        run.finish()
    if run.stop is not None and not run.waits:
        raise SystemExit(f"bucket {bucket} stopped: {run.stop.message}")


@dataclass(frozen=True)
class Route:
    """One of the two jobs: its settings, with which its processes are started too."""

    given: Json

    def summarizer(self, **more: object) -> Summarizer:
        return Summarizer(load_settings(None, **self.given, **more))

    @property
    def environment(self) -> dict[str, str]:
        return {f"SUMMARIZER_{name.upper()}": str(value) for name, value in self.given.items()}

    def prepare(self, pilot: int, provider: Provider) -> tuple[SpendEstimate, SpendEstimate, Billed]:
        """Ingest, and a pilot: the estimate before it and after it, and what it cost."""
        whole, some = self.summarizer(), self.summarizer(limit=pilot)
        keys = bucket_keys(whole.buckets)
        persist(whole.tables.authors, whole.ingest(keys, log=lambda _: None, describe=lambda *_: None))
        beforehand = estimate_spend(whole)
        for bucket in keys:
            summarise(some, bucket, f"pilot-{bucket}")
        for turn in range(_MOST_TURNS):
            if not (live := some.jobs.live()):
                break
            provider.put_forward(_WHOLE_S)
            for bucket in sorted({row.bucket for row in live}):
                summarise(some, bucket, f"pilot-{turn}-{bucket}")
        cost = Billed.of(whole)
        again = estimate_spend(whole)
        keep(whole, again)
        return beforehand, again, cost


def by_batch_jobs(route: Route, provider: Provider, driver: Driver) -> Json:
    """The whole job on the route of batch jobs."""
    summarizer = route.summarizer()
    driver.launch()
    driver.settle()
    seen: Counter[str] = Counter()
    for turn in range(_MOST_TURNS):
        if complete(summarizer) and not summarizer.jobs.live():
            break
        for seconds in (_HALF_S, _WHOLE_S - _HALF_S) if turn == 0 else (_WHOLE_S,):
            provider.put_forward(seconds)
            seen.update(job["status"] for job in provider.batches()["jobs"])
            driver.settle()
    took = driver.took()
    return {
        "jobs": len(summarizer.jobs.newest(10**6)),
        "pending": not complete(summarizer),
        "seen": dict(seen),
        "runs": len(took.runs),
        "launched": dict(took.launched),
        "runs_failed": took.failed,
        "longest_run_s": max(took.runs, default=0.0),
        "ticks": {name: len(seconds) for name, seconds in took.ticks.items()},
        "longest_tick_s": max((max(seconds, default=0.0) for seconds in took.ticks.values()), default=0.0),
    }


@contextmanager
def driving(route: Route, home: Path, *, daemon: bool) -> Iterator[Driver]:
    if daemon:
        with dagster_dev(home / "dagster", route.environment) as dev:
            yield Daemon(dev, route.summarizer())
    else:
        with dg.DagsterInstance.ephemeral(str(home)) as instance:
            yield ThisProcess(route.summarizer(), instance)


def differing(ours: Summarizer, theirs: Summarizer) -> Json:
    """Of both tables: rows, authors who are in one alone, and by column in how many rows they differ."""
    found: Json = {}
    for name in ("summaries", "failures"):
        here, there = (getattr(one.tables, name).read().collect() for one in (ours, theirs))
        both = here.join(there, on="author_id", suffix=" there")
        found[name] = {
            "rows": here.height,
            "alone": here.height + there.height - 2 * both.height,
            "columns": {
                column: different
                for column in here.columns
                if column not in {"author_id", *_OWN}
                and (different := both.filter(pl.col(column).ne_missing(pl.col(f"{column} there"))).height)
            },
        }
    return found


def run(home: Path, options: argparse.Namespace) -> Json:
    tool = [sys.executable, str(_TOOL), str(home / "source"), "--authors", str(options.authors)]
    subprocess.run(tool, check=True, stdout=subprocess.DEVNULL)
    with provider_process(Plan(batch=_TERMS), "--answer", _ANSWERS) as provider:
        shared = {
            "source": str(home / "source"),
            "buckets": options.buckets,
            "llm_base_url": provider.base_url,
            "llm_model": "counted",
            "price_input_usd": 0.15,
            "price_output_usd": 0.6,
        }
        batch = Route({**shared, "root": str(home / "batch"), "route": "batch", "batch_factor": 0.5})
        online = Route({**shared, "root": str(home / "online")})
        beforehand, again, pilot = batch.prepare(options.pilot, provider)
        with driving(batch, home, daemon=options.daemon) as driver:
            found = by_batch_jobs(batch, provider, driver)
        online.prepare(options.pilot, provider)
        theirs, ours = online.summarizer(), batch.summarizer()
        for bucket in bucket_keys(options.buckets):
            summarise(theirs, bucket, f"all-{bucket}")
        cost = Billed.of(ours)
        billed = provider.batches()["bill"]
        return {
            "authors": sum(ours.tables.authors.rows_by_bucket().values()),
            "buckets": options.buckets,
            **found,
            "tables": differing(ours, theirs),
            "lines_billed": len(billed),
            "booked_nano_usd": ours.ledger.totals()["spent"],
            "online_nano_usd": theirs.ledger.totals()["spent"],
            "uncertain_nano_usd": ours.ledger.totals()["uncertain"],
            "reserved_nano_usd": ours.ledger.totals()["reserved"],
            "estimates": [
                {"group": 20, "summaries": "longer", "estimate": "beforehand", **compared(beforehand, cost)},
                {
                    "group": 20,
                    "summaries": "longer",
                    "estimate": f"after {options.pilot}",
                    **compared(again, cost - pilot),
                },
            ],
        }


def report(found: Json) -> None:
    print(
        f"{found['authors']:,} authors in {found['buckets']} buckets: {found['jobs']} batch jobs, seen {found['seen']}"
    )
    print(f"runs {found['runs']} {found['launched']}, failed {found['runs_failed']}")
    print(
        f"longest run {found['longest_run_s']:.1f} s, longest tick {found['longest_tick_s']:.2f} s of {found['ticks']}"
    )
    for name, facts in found["tables"].items():
        told = facts["columns"] or "none"
        print(f"{name}: {facts['rows']:,} rows, {facts['alone']} on one route alone; columns that differ: {told}")
    print(f"{'batch jobs, nano-dollars':32}{found['booked_nano_usd']:>16,}")
    print(f"{'online, nano-dollars':32}{found['online_nano_usd']:>16,}\n")
    table(found["estimates"])


def broken_promises(found: Json, *, small: bool) -> list[str]:
    here, there = found["booked_nano_usd"], found["online_nano_usd"]
    off = {name: found["estimates"][1][f"{name}_off"] for name in ("tokens", "cost_usd")}
    promises = {
        "authors are pending": not found["pending"],
        f"{found['runs_failed']} runs failed": found["runs_failed"] == 0,
        f"a run took {found['longest_run_s']:.0f} s": found["longest_run_s"] <= _LONGEST_RUN_S,
        f"a tick took {found['longest_tick_s']:.0f} s": found["longest_tick_s"] <= _LONGEST_TICK_S,
        f"the tables differ: {found['tables']}": not any(
            facts["alone"] or facts["columns"] for facts in found["tables"].values()
        ),
        f"{here} nano-dollars are not half of {there}": 2 * here == there > 0,
        "money is uncertain or reserved": found["uncertain_nano_usd"] == found["reserved_nano_usd"] == 0,
        f"the estimate after the pilot is off: {off}": small or all(abs(one) <= _MOST_OFF for one in off.values()),
    }
    return [promise for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory(prefix="batch-job-") as temporary:
        home = options.folder or Path(temporary)
        home.mkdir(parents=True, exist_ok=True)
        found = run(home.absolute(), options)
    report(found)
    return conclude("batch_job", found, broken_promises(found, small=options.small))


if __name__ == "__main__":
    sys.exit(main(options))

"""The sensors under a real daemon, while things break: how long until all is well again, and that nothing loops.

    python -m benchmarks.faults.daemon [--buckets 60] [--only outage crash lost_host failed_buckets]

Each scenario is a `dagster dev` of its own over synthetic authors and a provider in a process of its own. Nobody does
anything by hand once it began.

- outage: the provider refuses everything for a minute in the middle of a backfill. What is sent meanwhile is bounded.
- crash: the worker of a run is killed (kill -9) while it asks.
- lost_host: the code server and its workers are killed at once, as when a host vanishes, so that nobody is left to
  notice; `dagster dev` is started again.
- failed_buckets: as many buckets as asked for, each with one failure that is due. (1,024 take an hour on two cores.)

Prints a table, then the same as JSON on the last line; a broken promise ends the script with status 1.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"only": ["crash"]})
    parser.add_argument("--buckets", type=int, default=60, help="of the scenario failed_buckets")
    parser.add_argument("--only", nargs="+", choices=["outage", "crash", "lost_host", "failed_buckets"])
    options = parser.parse_args()

import dagster as dg
import sqlalchemy as sa

from benchmarks.faults.failed_buckets import fill
from benchmarks.promises import conclude
from benchmarks.provider import Provider, provider_process, write_source
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.installation import Summarizer
from summarizer_assets.sensors.facts import retry_facts
from summarizer_assets.settings import load_settings
from testing.dagster_dev import DagsterDev, dagster_dev, wait_for_quiet, wait_until

SENSORS = ("retry_failed_authors", "report_lost_runs")
_AUTHORS, _BUCKETS, _LATENCY_S = 800, 4, 0.4
_OUTAGE_S = 60.0
_RUNS_AT_ONCE = 2
_UNTIL_OPEN = 10 + 4  # tries of one run until its breaker opens: those that open it, and what is in flight beside
_OUT = [{"fault": "unavailable", "share": 1.0}]

Json = dict[str, Any]


class World:
    """An installation, its provider, and the daemon over it, which may be started again."""

    def __init__(self, home: Path, provider: Provider, **settings: object) -> None:
        self.provider = provider
        given: Json = {
            "root": str(home / "tables"),
            "buckets": _BUCKETS,
            "group_size": 4,
            "max_in_flight": 4,
            "llm_base_url": provider.base_url,
            "llm_model": "template",
            "no_progress_s": 15,
            "retry_interval_s": 5,
            "retry_probe_s": 5,
            "lost_after_s": 60,
            **settings,
        }
        self.summarizer = Summarizer(load_settings(None, **given))
        self._environment = {f"SUMMARIZER_{name.upper()}": str(value) for name, value in given.items()}
        self._home = home / "dagster"
        self._stack = ExitStack()
        self.dev: DagsterDev
        self.sent_while_out = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        self._stack.close()
        self.dev = self._stack.enter_context(dagster_dev(self._home, self._environment))

    def ingest_and_launch(self) -> None:
        """All authors in, all buckets launched once as a backfill, and a few requests answered."""
        keys = bucket_keys(self.summarizer.buckets)
        self.provider.use([], _LATENCY_S)
        self.dev.backfill(["authors"], keys)
        authors = self.summarizer.tables.authors
        wait_until(lambda: len(authors.rows_by_bucket()) == len(keys), "authors", patience_s=600)
        self.dev.backfill(["author_summaries", "failed_authors"], keys)
        wait_until(lambda: len(self.provider.record()) >= 10, "authors are asked", patience_s=600, every_s=0.2)

    def workers(self) -> dict[str, int]:
        """Processes of the runs that hold a claim, by run."""
        with self.summarizer.database.begin() as connection:
            rows = connection.execute(sa.text("SELECT run_id, process FROM claims WHERE expires_at > 0")).all()
        return {run_id: int(process.partition("@")[0]) for run_id, process in rows}

    def complete(self) -> bool:
        facts = retry_facts(self.summarizer)
        rows = sum(facts.summaries.values()) + sum(facts.failed.values())
        return rows == sum(facts.authors.values()) and not facts.next_due_at and not facts.claimed

    def wait_until_complete(self, patience_s: float) -> None:
        wait_until(self.complete, "every author has a row", patience_s=patience_s, every_s=1)


def outage(world: World) -> float:
    world.ingest_and_launch()
    before = len(world.provider.record())
    world.provider.use(_OUT, _LATENCY_S)
    time.sleep(_OUTAGE_S)
    world.provider.use([], _LATENCY_S)
    world.sent_while_out = len(world.provider.record()) - before
    back = time.monotonic()
    world.wait_until_complete(900)
    return time.monotonic() - back


def crash(world: World) -> float:
    world.ingest_and_launch()
    wait_until(world.workers, "a run holds its bucket", patience_s=120, every_s=0.1)
    run, pid = next(iter(world.workers().items()))
    os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    print(f"  killed the worker {pid} of run {run}", flush=True)
    world.wait_until_complete(900)
    return time.monotonic() - killed


def lost_host(world: World) -> float:
    world.ingest_and_launch()
    wait_until(world.workers, "a run holds its bucket", patience_s=120, every_s=0.1)
    victims = {world.dev.pid, *descendants(world.dev.pid), *world.workers().values()}
    for pid in victims:  # the daemon and the webserver too: a host takes all of them with it
        os.kill(pid, signal.SIGKILL)
    killed = time.monotonic()
    started = [run.run_id for run in world.dev.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))]
    print(f"  killed {len(victims)} processes; {len(started)} runs stay STARTED", flush=True)
    world.start()
    wait_until(
        lambda: all(run.is_finished for run in world.dev.instance.get_runs(dg.RunsFilter(run_ids=started))),
        "the lost runs are reported",
        patience_s=300,
        every_s=0.2,
    )
    print(f"  reported {time.monotonic() - killed:.0f} s after the kill, `dagster dev` being started anew", flush=True)
    world.wait_until_complete(900)
    return time.monotonic() - killed


def failed_buckets(world: World) -> float:
    began = time.monotonic()
    world.wait_until_complete(3 * 3600)
    return time.monotonic() - began


def descendants(pid: int) -> set[int]:
    """All processes below a process, by /proc."""
    found: set[int] = set()
    todo = [pid]
    while todo:
        for task in Path(f"/proc/{todo.pop()}/task").glob("*/children"):
            children = {int(child) for child in task.read_text().split()}
            todo += children - found
            found |= children
    return found


SCENARIOS: Mapping[str, Callable[[World], float]] = {
    "outage": outage,
    "crash": crash,
    "lost_host": lost_host,
    "failed_buckets": failed_buckets,
}


def run(name: str, home: Path, buckets: int) -> Json:
    with provider_process() as provider:
        settings: Json = {}
        if name == "failed_buckets":
            settings["buckets"] = buckets
        else:
            settings["source"] = str(home / "authors.parquet")
            write_source(home / "authors.parquet", _AUTHORS)
        world = World(home, provider, **settings)
        if name == "failed_buckets":
            fill(world.summarizer, buckets)
        with world:
            recovery_s = SCENARIOS[name](world)
            wait_for_quiet(world.dev, world.summarizer, ticks=2)
            runs = world.dev.instance.get_runs()
            wait_for_quiet(world.dev, world.summarizer, ticks=6)
            after = world.dev.instance.get_runs()
            return {
                "scenario": name,
                "recovery_s": round(recovery_s, 1),
                "runs": len(runs),
                "by_status": dict(Counter(one.status.value for one in after)),
                "launched": {
                    sensor: sum(one.tags.get("dagster/sensor_name") == sensor for one in runs) for sensor in SENSORS
                },
                "ticks": {
                    sensor: dict(Counter(status for _, status, _ in world.dev.ticks(sensor))) for sensor in SENSORS
                },
                "runs_after_the_end": len(after) - len(runs),
                **judge(world, buckets if name == "failed_buckets" else _BUCKETS),
            }


def judge(world: World, buckets: int) -> Json:
    tables = world.summarizer.tables
    summaries = tables.summaries.read().select("author_id").collect()["author_id"]
    authors = set(tables.authors.read().select("author_id").collect()["author_id"])
    right = Counter(one for entry in world.provider.record() if entry["fault"] is None for one in entry["ids"])
    return {
        "buckets": buckets,
        "authors": len(authors),
        "without_summary": len(authors - set(summaries)),
        "twice": len(summaries) - summaries.n_unique(),
        "failed": sum(tables.failures.rows_by_bucket().values()),
        "answered_twice": sum(times - 1 for times in right.values()),
        "sent_while_out": world.sent_while_out,
    }


def broken_promises(found: Json) -> list[str]:
    # A kill loses what was sent and not yet written down: the groups in flight, of each of the two runs.
    in_flight = 2 * 4 * 4 if found["scenario"] in {"crash", "lost_host"} else 0
    launched = found["launched"]["retry_failed_authors"]
    most = {"failed_buckets": found["buckets"], "outage": 12, "crash": 3, "lost_host": 4}[found["scenario"]]
    # Each run sends until its breaker opens, then probes: at first by the second, in the end every half minute.
    sent, bound = found["sent_while_out"], (_RUNS_AT_ONCE + launched) * (_UNTIL_OPEN + 8) + _OUTAGE_S / 7.5
    promises = {
        f"{found['failed']} authors charged with a failure": found["failed"] == 0,
        f"{sent} requests while the provider was out, more than {bound:.0f}": sent <= bound,
        f"{found['without_summary']} authors without a summary": found["without_summary"] == 0,
        f"{found['twice']} summaries twice": found["twice"] == 0,
        f"{found['answered_twice']} answers paid twice, more than {in_flight}": found["answered_twice"] <= in_flight,
        f"{found['runs_after_the_end']} runs after the end": found["runs_after_the_end"] == 0,
        f"{launched} runs launched, more than {most}": launched <= most,
        "report_lost_runs launched a run": found["launched"]["report_lost_runs"] == 0,
        "a tick failed": not any("FAILURE" in ticks for ticks in found["ticks"].values()),
    }
    return [f"{found['scenario']}: {promise}" for promise, kept in promises.items() if not kept]


def report(rows: list[Json]) -> None:
    print("\n| scenario | well again after | runs in all | launched by the retry sensor | ticks | runs after the end |")
    print("|---|---|---|---|---|---|")
    for row in rows:
        ticks = "; ".join(f"{name}: {sum(counts.values())}" for name, counts in row["ticks"].items())
        print(
            f"| {row['scenario']} ({row['buckets']} buckets, {row['authors']:,} authors) | {row['recovery_s']:.0f} s "
            f"| {row['runs']} {row['by_status']} | {row['launched']['retry_failed_authors']} | {ticks} "
            f"| {row['runs_after_the_end']} |"
        )


def main(options: argparse.Namespace) -> int:
    rows = []
    for name in options.only or SCENARIOS:
        print(name, flush=True)
        with tempfile.TemporaryDirectory(prefix="daemon-") as temporary:
            rows.append(run(name, Path(temporary), options.buckets))
    report(rows)
    return conclude("daemon", {"scenarios": rows}, [promise for row in rows for promise in broken_promises(row)])


if __name__ == "__main__":
    sys.exit(main(options))

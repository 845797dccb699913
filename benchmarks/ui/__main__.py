"""How long the pages of Dagster's UI take after a month of daily runs over many buckets.

    python -m benchmarks.ui [--buckets 256] [--days 30] [--folder FOLDER] [--kept 7] [--rounds 5]

A real `dagster dev` first lives one day: it materialises `authors` in all buckets and the summaries of one bucket.
What that left is then copied (`ui_month.py`): each day one run over `authors` and one run a bucket, with their events,
captured logs, backfills and the sensor's ticks. A real webserver serves it on loopback. Each page is opened in
Chromium, which tells when its content is seen and what it asks; those queries are then sent again, one after the other.
CPU is that of the webserver and its code server. At last the run history is pruned to the last `--kept` days by the
project's own job, and all pages are opened again.

Prints the tables, then the same as JSON on the last line. It needs Chromium and, for 256 buckets, 2 GB of disk.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"buckets": 2, "days": 2, "rounds": 1})
    parser.add_argument("--buckets", type=int, default=256)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument(
        "--kept", type=int, default=7, help="days of run history that the pruning leaves; 0: nothing is pruned"
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="kept afterwards; without one, a passing one")
    options = parser.parse_args()

import dagster as dg
import httpx

from benchmarks.promises import conclude
from benchmarks.provider import write_source
from benchmarks.ui.month import Day, fill, fill_ticks
from benchmarks.ui.pages import Page, measure
from summarizer_assets.core.buckets import bucket_keys
from testing.dagster_dev import DagsterDev, dagster_dev, wait_until

_PROJECT = Path(__file__).parents[2]
_SENSOR = "retry_failed_authors"
_TICKS_KEPT_DAYS = 2.0  # of ticks that start nothing: what dagster.yaml keeps
_MB = 2**20


def live_a_day(home: Path, environment: Mapping[str, str], buckets: list[str]) -> Day:
    """One real day in a new instance."""
    with dagster_dev(home, environment) as dev:
        ingest = _backfilled(dev, ["authors"], buckets)
        summaries = _backfilled(dev, ["author_summaries", "failed_authors"], buckets[:1])
        wait_until(dev.ticks, "the sensor ticked", patience_s=60)
    shutil.copy(_PROJECT / "summarizer_assets" / "dagster.yaml", home)
    return Day(ingest[0], summaries[0], buckets[0], dict([ingest, summaries]))


def _backfilled(dev: DagsterDev, assets: list[str], buckets: list[str]) -> tuple[str, str]:
    """The one run of a backfill, and the backfill."""
    backfill = dev.backfill(assets, buckets)
    wait_until(
        lambda: any(run.is_finished for run in dev.runs_of(backfill)), f"{assets[0]} is materialised", patience_s=600
    )
    wait_until(
        lambda: dev.instance.get_backfill(backfill).status.value.startswith("COMPLETED"),  # type: ignore[union-attr]
        "the backfill ends",
        patience_s=120,
    )
    [run] = dev.runs_of(backfill)
    if run.status is not dg.DagsterRunStatus.SUCCESS:
        raise SystemExit(f"the run of {assets[0]} ended as {run.status.value}: see {dev.instance.root_directory}")
    return run.run_id, backfill


@contextmanager
def webserver(home: Path, environment: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """A webserver over `home` without a daemon: its URL and its session."""
    port = 3900 + os.getpid() % 1000
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-h", "127.0.0.1", "-p", str(port)]
    command += ["-m", "summarizer_assets.definitions"]
    with (home.parent / "webserver.log").open("w") as log:
        server = subprocess.Popen(
            command,
            env={**os.environ, **environment, "DAGSTER_HOME": str(home)},
            cwd=home.parent,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(url), "the webserver answers", patience_s=180)
            yield url, server.pid
        finally:
            server.terminate()
            try:
                server.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(server.pid, signal.SIGKILL)  # its own session: nothing of anybody else is in it


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/server_info", timeout=5).is_success
    except httpx.TransportError:
        return False  # not up yet: the caller asks again, and has an end to its patience


def size_of(home: Path) -> dict[str, float]:
    """Megabytes and files of what the instance holds."""

    def of(files: list[Path]) -> float:
        return round(sum(file.stat().st_size for file in files if file.is_file()) / _MB, 1)

    shards = list((home / "history/runs").glob("*-*.db"))
    logs = [file for file in (home / "storage").rglob("*") if file.is_file()]
    return {
        "runs.db_mb": of([home / "history/runs.db"]),
        "index.db_mb": of([home / "history/runs/index.db"]),
        "schedules.db_mb": of([home / "schedules/schedules.db"]),
        "a_run's_events_mb": of(shards),
        "a_run's_events_files": len(shards),
        "logs_mb": of(logs),
        "logs_files": len(logs),
    }


def pages_of(day_backfill: str, run: str, buckets: list[str]) -> list[Page]:
    """The pages that people open every day, each with a text that only its content has."""
    asset = "/assets/author_summaries"
    return [
        Page("asset graph", "/asset-groups", "failed_authors"),
        Page("asset catalog", "/assets?display=list", f"{len(buckets):,} partitions"),
        Page("asset, overview", f"{asset}?view=overview", "Latest materialization"),
        Page("asset, partitions", f"{asset}?view=partitions", buckets[0]),
        Page("asset, one partition", f"{asset}?view=partitions&partition={buckets[-1]}", "authors_per_second"),
        Page("runs", "/runs", "author_summaries"),
        Page("one run", f"/runs/{run}", "STEP_SUCCESS"),
        Page("backfills", "/runs?view=backfills", "author_summaries"),
        Page("one backfill", f"/runs/b/{day_backfill}", "Partitions targeted"),
        Page("sensor", f"/locations/summarizer_assets.definitions/sensors/{_SENSOR}", "0 runs requested"),
        Page("timeline", "/overview/activity/timeline", "Jobless asset materializations"),
    ]


def visited(
    home: Path, environment: Mapping[str, str], buckets: list[str], rounds: int, pictures: Path
) -> dict[str, dict[str, object]]:
    """All pages of the instance as it is now, by a webserver that was just started."""
    pictures.mkdir(exist_ok=True)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        backfill = instance.get_backfills(limit=1)[0].backfill_id
        run = instance.get_runs(limit=1)[0].run_id
    with webserver(home, environment) as (url, session):
        measured = measure(url, pages_of(backfill, run, buckets), session, rounds, pictures)
    return {one.page.name: one.figures() for one in measured}


def print_pages(title: str, pages: Mapping[str, Mapping[str, Any]]) -> None:
    head = [
        "page",
        "first seen, s",
        "seen, s",
        "at most, s",
        "its queries, ms",
        "the slowest",
        "ms",
        "at most, ms",
        "CPU, ms",
    ]
    names = [
        "first_seen_s",
        "seen_s",
        "seen_max_s",
        "all_queries_ms",
        "slowest",
        "slowest_ms",
        "slowest_max_ms",
        "cpu_ms",
    ]
    print(f"{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for page, found in pages.items():
        print(f"| {page} | {' | '.join(str(found[name]) for name in names)} |")
    print(flush=True)


def print_sizes(sizes: Mapping[str, Mapping[str, float]]) -> None:
    print(f"| the instance | {' | '.join(sizes)} |\n|---|{'---|' * len(sizes)}")
    for name in next(iter(sizes.values())):
        print(f"| {name.replace('_', ' ')} | {' | '.join(f'{size[name]:,}' for size in sizes.values())} |")
    print(flush=True)


def prune(home: Path, environment: Mapping[str, str], kept_days: int) -> dict[str, Any]:
    """The project's own job, as its schedule runs it."""
    config = home.parent / "prune.yaml"
    config.write_text(f"ops: {{forget_old_runs: {{config: {{keep_days: {kept_days}}}}}}}\n", encoding="utf-8")
    command = [str(Path(sys.executable).with_name("dagster")), "job", "execute", "-m", "summarizer_assets.definitions"]
    command += ["-j", "prune_run_history", "--config", str(config)]
    variables = {**os.environ, **environment, "DAGSTER_HOME": str(home)}
    began = time.monotonic()
    with (home.parent / "prune.log").open("w") as log:
        subprocess.run(command, env=variables, cwd=home.parent, check=True, stdout=log, stderr=subprocess.STDOUT)
    return {"seconds": round(time.monotonic() - began, 1)}


def main(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as passing:
        folder = (options.folder or Path(passing)).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        found = measured_month(folder, options)
    return conclude("ui", found, [])


def measured_month(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    home, buckets = folder / "dagster", bucket_keys(options.buckets)
    source = folder / "authors.parquet"
    write_source(source, 20 * options.buckets)
    environment = {
        "SUMMARIZER_BUCKETS": str(options.buckets),
        "SUMMARIZER_SOURCE": str(source),
        "SUMMARIZER_ROOT": str(folder / "data"),
    }
    day = live_a_day(home, environment, buckets)
    sizes = {"after one run of each kind": size_of(home)}
    filled_s = fill(home, day, buckets, options.days)
    ticks = fill_ticks(home, _SENSOR, 30, _TICKS_KEPT_DAYS)
    sizes[f"after {options.days} days"] = size_of(home)
    runs = options.days * (options.buckets + 1)
    print(f"{runs:,} runs and {ticks:,} ticks written in {filled_s:.0f} s\n")
    month = visited(home, environment, buckets, options.rounds, folder / "pictures")
    print_pages(f"{options.buckets} buckets, {options.days} days", month)
    found = {
        "buckets": options.buckets,
        "days": options.days,
        "runs": runs,
        "filled_s": round(filled_s, 1),
        "sizes": sizes,
        "month": month,
    }
    if options.kept == 0:
        print_sizes(sizes)
        return found
    pruning = prune(home, environment, options.kept)
    sizes[f"pruned to {options.kept} days"] = size_of(home)
    print(f"pruned in {pruning['seconds']} s\n")
    after = visited(home, environment, buckets, options.rounds, folder / "pictures-pruned")
    print_pages(f"the same, pruned to {options.kept} days", after)
    print_sizes(sizes)
    return {**found, "pruning": pruning, "pruned": after}


if __name__ == "__main__":
    sys.exit(main(options))

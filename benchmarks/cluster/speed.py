"""What a second worker brings: when the client's CPU binds, and when the provider's limit does.

    python -m benchmarks.cluster.speed cpu   [--buckets 256] [--authors-a-bucket 2000] [--cores 0.4]
    python -m benchmarks.cluster.speed limit [--buckets 256] [--authors-a-bucket 350] [--rpm 600] [--slots 3]

Each is one backfill of all buckets over a cluster of two workers (`deploy.celery`) against the faulty provider.

- cpu: each worker is held to so much of a core by a control group. The second worker takes turns: it works, then it
  takes nothing new for a while, again and again, so that both are measured in one run. A worker's speed is that of the
  time between the ends of its runs (all of it: Dagster, tables, asking), whole runs only.
- limit: the provider allows so many requests a minute, and the runs are told so. Share of the limit: requests answered
  in the middle of the backfill (between a tenth and nine tenths of them), against what the limit allows in that time.

Tables lie in a folder that both workers see: the object store that comes with the cluster would want the CPU that is
measured (`--store` uses it all the same). Prints the figures, then JSON on the last line. A second worker that brings
less than 1.8 times one, less than 97 % of the limit, more than one throttled request in 1,000, or an author lost or in
two places end it with status 1.
"""

import argparse
import json
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"what": "limit", "buckets": 4, "authors_a_bucket": 40})
    parser.add_argument("what", choices=["cpu", "limit"])
    parser.add_argument("--buckets", type=int, default=256)
    parser.add_argument("--authors-a-bucket", type=int)
    parser.add_argument("--cores", type=float, default=0.4, help="of each worker")
    parser.add_argument("--turn-s", type=float, default=150.0, help="how long the second worker works, and rests")
    parser.add_argument("--rpm", type=int, default=600)
    parser.add_argument("--slots", type=int, default=3, help="runs at once of each worker, when the limit binds")
    parser.add_argument("--store", action="store_true", help="tables in the cluster's own object store")
    parser.add_argument("--door", type=int, default=8443, help="of the cluster, where another one has this port")
    parser.add_argument("--keep", type=Path, help="a folder for the cluster and its logs, which stays")
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()

from benchmarks.cluster.cpu_quota import cpu_quota, throttled
from benchmarks.cluster.world import Json, World, running, settings_of, within
from benchmarks.promises import conclude
from benchmarks.provider import write_source
from deploy.celery.layout import Layout

_ENDED = re.compile(r"\[([\d-]+ [\d:]+),(\d+): INFO/\S+\] Task execute_job\[\S+\] succeeded")
_LIMIT_LATENCY_S = 0.2
_LEAST_RATIO, _LEAST_SHARE = 1.8, 0.97


def ends(log: Path, since: float) -> list[float]:
    """When the worker's runs ended, by its log."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        if match := _ENDED.match(line):
            moment = datetime.strptime(match[1], "%Y-%m-%d %H:%M:%S").astimezone().timestamp() + int(match[2]) / 1000
            if moment > since:
                found.append(moment)
    return found


def runs_a_second(moments: Sequence[float], begin: float, end: float) -> float | None:
    """By the whole runs of one worker between two moments; None: fewer than two ends."""
    within_it = [moment for moment in moments if begin <= moment <= end]
    if len(within_it) < 2:
        return None
    return (len(within_it) - 1) / (within_it[-1] - within_it[0])


class Turns:
    """The second worker takes runs, or none: by Celery's own remote control."""

    def __init__(self, world: World) -> None:
        from dagster_celery.app import app  # noqa: PLC0415 - reads the broker's address, which only the head has

        self._control: Any = app.control
        self._where = ["worker2@worker2"]
        self._world = world

    def both(self) -> None:
        self._control.add_consumer("dagster", destination=self._where, reply=True)

    def first_alone(self) -> None:
        """Returns when the second one ended what it had begun."""
        self._control.cancel_consumer("dagster", destination=self._where, reply=True)
        inspect = self._control.inspect(destination=self._where, timeout=5)
        while (active := inspect.active()) is None or any(active.values()):  # None: it did not answer
            time.sleep(0.5)


def look_at_cpu(home: Path, authors_a_bucket: int, cores: float, turn_s: float) -> Json:
    world = World(home)
    logs = {name: world.layout.logs / f"{name}.log" for name in world.layout.worker_names}
    with world.providing({"latency_s": 0.02, "replies": "fixed"}), ExitStack() as stack:
        world.ingest()
        groups = {
            name: stack.enter_context(cpu_quota(f"summarizer-{name}", cores, world.processes(name)))
            for name in world.layout.worker_names
        }
        began = time.time()
        backfill = world.summarize()
        turns, spans = Turns(world), []
        while not world.ended(backfill):
            for both in (True, False):
                (turns.both if both else turns.first_alone)()
                start = time.time()
                while time.time() - start < turn_s and not world.ended(backfill):
                    time.sleep(1)
                spans.append((both, start, time.time()))
                print(f"  {'both' if both else 'one alone'}: until {world.runs_done(backfill)} runs", flush=True)
        turns.both()
        held = {name: throttled(group) for name, group in groups.items()}
        finished = {name: ends(log, began) for name, log in logs.items()}
        last = max(max(moments) for moments in finished.values() if moments)
        judged = world.judge()
    one, two = [], []
    for both, start, end in spans:
        speeds = [runs_a_second(moments, start, end) for moments in finished.values()]
        if both and None not in speeds:
            two.append(sum(speed for speed in speeds if speed is not None))
        elif not both and speeds[0] is not None:
            one.append(speeds[0])
    return {
        "buckets": len(world.keys),
        "authors_a_bucket": authors_a_bucket,
        "cores": cores,
        "runs": {name: len(moments) for name, moments in finished.items()},
        "seconds": round(last - began),
        "one_alone_authors_s": [round(speed * authors_a_bucket, 1) for speed in one],
        "both_authors_s": [round(speed * authors_a_bucket, 1) for speed in two],
        "ratio": round(statistics.mean(two) / statistics.mean(one), 2) if one and two else None,
        "held_back_share": {
            name: round(count["nr_throttled"] / max(1, count["nr_periods"]), 2) for name, count in held.items()
        },
        **judged,
    }


def look_at_limit(home: Path, rpm: int) -> Json:
    world = World(home)
    plan = {"latency_s": _LIMIT_LATENCY_S, "replies": "fixed", "requests_per_minute": rpm}
    with world.providing(plan):
        world.ingest()
        began = time.time()
        backfill = world.summarize()
        while not world.ended(backfill):
            time.sleep(5)
        entries = world.provider.record()
        judged = world.judge()
    right = sorted(entry["at_s"] for entry in entries if entry["fault"] is None)
    refused = sum(entry["status"] == 429 for entry in entries)
    first, last = len(right) // 10, len(right) * 9 // 10
    return {
        "buckets": len(world.keys),
        "rpm": rpm,
        "requests": len(entries),
        "seconds": round(time.time() - began),
        "share_of_limit": round((last - first) / (right[last] - right[first]) * 60 / rpm, 4),
        "throttles_in_1000": round(1000 * refused / max(1, len(entries)), 2),
        **judged,
    }


def run(what: str, home: Path, options: argparse.Namespace) -> Json:
    layout = Layout(home=home, door=options.door, slots=options.slots if what == "limit" else 1)
    source = home.with_suffix(".parquet")
    home.parent.mkdir(parents=True, exist_ok=True)
    write_source(source, options.buckets * options.authors_a_bucket)
    own = settings_of(
        source,
        layout,
        buckets=options.buckets,
        retry_after_s=86400,  # whoever the one fixed answer does not fit is not asked for again meanwhile
        **({"rpm": options.rpm, "group_size": 5} if what == "limit" else {}),
        **({} if options.store else {"root": home / "tables"}),
    )
    more = (
        ["--rpm", str(options.rpm)]
        if what == "limit"
        else ["--cores", str(options.cores), "--turn-s", str(options.turn_s)]
    )
    with running(layout, own, lambda line: print(f"  {line}", flush=True)) as cluster:
        arguments = [what, *more, "--authors-a-bucket", str(options.authors_a_bucket)]
        return within(cluster, "benchmarks.cluster.speed", *arguments)


def broken_promises(found: Json) -> list[str]:
    promises = {
        f"{found['lost']} lost, {found['twice']} twice": found["lost"] == found["twice"] == 0,
        f"two workers bring {found.get('ratio')} times one": (found.get("ratio", 9) or 0) >= _LEAST_RATIO,
        f"{found.get('share_of_limit')} of the limit": found.get("share_of_limit", 1) >= _LEAST_SHARE,
        f"{found.get('throttles_in_1000')} throttles in 1,000": found.get("throttles_in_1000", 0) <= 1,
    }
    return [promise for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    options.authors_a_bucket = options.authors_a_bucket or {"cpu": 2000, "limit": 350}[options.what]
    if options.within:
        if options.what == "cpu":
            found = look_at_cpu(options.within, options.authors_a_bucket, options.cores, options.turn_s)
        else:
            found = look_at_limit(options.within, options.rpm)
        print(json.dumps(found))
        return 0
    with tempfile.TemporaryDirectory(prefix="cluster-") as temporary:
        found = run(options.what, (options.keep or Path(temporary)).resolve() / options.what, options)
    for name, value in found.items():
        print(f"{name.replace('_', ' '):24}{value}")
    return conclude("cluster_speed", found, broken_promises(found))


if __name__ == "__main__":
    sys.exit(main(options))

"""What a cluster survives: each part of it killed in the middle of a backfill, and a worker's network cut.

    python -m benchmarks.cluster.faults [--only worker rabbitmq …] [--authors 1600] [--buckets 16]

For each a cluster of its own: two workers, each with an address and process numbers of its own, RabbitMQ, Postgres, an
object store (`deploy.celery`; it needs root, and Debian's packages that `make cluster` installs). When both workers are
in the middle of a bucket, the fault happens. Nobody does anything by hand, but for the last.

- worker: its whole process group, by kill -9, with the run in it.
- rabbitmq, postgres, webserver, daemon, code: the same. supervisord starts each again.
- outage: Postgres is out for longer than Dagster asks it again, and a worker is killed meanwhile: what it takes up when
  it is back can neither go on nor begin.
- purge: the broker loses the runs that wait for a worker's place.
- cut: a worker's network cable is pulled for so long that its claim lapsed, and put back.
- cancel: a person terminates a run in the UI, and later materialises its bucket again (nobody else does).

Prints a table: rows lost, rows twice, authors paid for twice against those in flight, seconds until what the fault hit
is whole again (the buckets that were at work then are done, and the program runs), and until everything is done. The
same as JSON on the last line; a broken promise ends it with status 1.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"only": ["worker"], "authors": 160, "buckets": 4})
    parser.add_argument(
        "--only",
        nargs="+",
        choices=["worker", "rabbitmq", "postgres", "webserver", "daemon", "code", "outage", "purge", "cut", "cancel"],
    )
    parser.add_argument("--authors", type=int, default=1600)
    parser.add_argument("--buckets", type=int, default=16)
    parser.add_argument("--keep", type=Path, help="a folder for the clusters and their logs, which stays")
    parser.add_argument("--door", type=int, default=8443, help="of the cluster, where another one has this port")
    parser.add_argument("--done-first", type=int, default=2, help="buckets that are done when the fault happens")
    parser.add_argument("--frames", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()

import dagster as dg

from benchmarks.cluster.same import tables_of
from benchmarks.cluster.world import Json, World, running, settings_of, wait, within
from benchmarks.promises import conclude
from benchmarks.provider import write_source
from deploy.celery import hosts
from deploy.celery.layout import Layout
from summarizer_assets.sensors.runs import buckets_of_run

_GROUP, _IN_FLIGHT, _LATENCY_S = 4, 4, 2.0
#: From when the fault is due: some answers come soon, some late, so that a bucket has a long middle.
_SLOW, _NOT_LATER_THAN = {"latency_s": 1.0, "latency_spread_s": 40.0}, 0.75
IN_FLIGHT_AUTHORS = _GROUP * _IN_FLIGHT  # of a run
#: Every wait that is a person's choice is short; the leases are as they are.
SETTINGS = {
    "group_size": _GROUP,
    "max_in_flight": _IN_FLIGHT,
    "retry_interval_s": 5,
    "retry_probe_s": 5,
    "no_progress_s": 30,
    "lost_after_s": 60,
}
#: Longer than a claim's lease (60 s) and than the broker waits for a heartbeat (40 s).
_CUT_S = 100.0
_OUTAGE_S = 45.0


def kill(program: str) -> Callable[[World], None]:
    def do(world: World) -> None:
        os.killpg(world.cluster.pid(program), signal.SIGKILL)

    return do


def cut(world: World) -> None:
    hosts.cut(world.layout, "worker1")
    time.sleep(_CUT_S)
    hosts.join(world.layout, "worker1")


def outage(world: World) -> None:
    world.cluster.control("stop", "postgres")
    kill("worker1")(world)
    time.sleep(_OUTAGE_S)
    world.cluster.control("start", "postgres")


def purge(_: World) -> None:
    from dagster_celery.app import app  # noqa: PLC0415 - reads the broker's address, which only the head has

    with app.connection_for_write() as connection:
        lost = connection.default_channel.queue_purge("dagster")
    print(f"  {lost} runs are lost at the broker", flush=True)
    assert lost > 0


def cancel(world: World) -> None:
    bucket, run_id = min(world.claimed().items())
    world.dev.terminate(run_id)
    wait(lambda: _status(world, run_id) is dg.DagsterRunStatus.CANCELED, "the run is cancelled", time.monotonic())
    world.dev.backfill(["author_summaries", "failed_authors"], [bucket])


def _status(world: World, run_id: str) -> dg.DagsterRunStatus | None:
    run = world.instance.get_run_by_id(run_id)
    return run.status if run else None


FAULTS: Mapping[str, Callable[[World], None]] = {
    "worker": kill("worker1"),
    "rabbitmq": kill("rabbitmq"),
    "postgres": kill("postgres"),
    "webserver": kill("webserver"),
    "daemon": kill("daemon"),
    "code": kill("code"),
    "outage": outage,
    "purge": purge,
    "cut": cut,
    "cancel": cancel,
}
_PROGRAM = {
    "worker": "worker1",
    "cut": "worker1",
    "cancel": "worker1",
    "outage": "postgres",
    "purge": "rabbitmq",
}
_NOT_KILLED = {"cut", "cancel", "outage", "purge"}


def look(home: Path, fault: str, done_first: int, frames: Path | None = None) -> Json:
    """On the head: the backfill, the fault in its middle, and what came of it; the tables as files in `frames`."""
    world = World(home)
    with world.providing({"latency_s": _LATENCY_S}):
        world.ingest()
        backfill = world.summarize()

        wait(lambda: _ended(world) >= done_first, f"{done_first} buckets are done", time.monotonic())
        world.provider.plan(_SLOW)

        def in_the_middle() -> bool:
            at_work = world.claimed()
            return len(at_work) == len(world.layout.worker_names) and all(
                0 < world.answered_share(bucket) < _NOT_LATER_THAN for bucket in at_work
            )

        wait(in_the_middle, "both workers are in the middle of a bucket", time.monotonic())
        hit = world.claimed()
        hurt = _waiting(world) if fault == "purge" else set(hit)
        program = _PROGRAM.get(fault, fault)
        before = world.cluster.pid(program)
        print(f"  {fault}: it hits the buckets {', '.join(sorted(hurt))}", flush=True)
        began = time.monotonic()
        FAULTS[fault](world)
        world.provider.use([], _LATENCY_S)
        if fault not in _NOT_KILLED:
            back_s = wait(lambda: world.cluster.pid(program) not in {0, before}, f"{program} is back", began)
        else:
            back_s = time.monotonic() - began
        whole_s = wait(lambda: world.answers(program) and world.done(hurt), "what was hit is whole", began)
        world.wait_for_the_end()
        all_s = time.monotonic() - began
        found = world.instance.get_backfill(backfill)
        if frames is not None:
            for name, frame in tables_of(world.summarizer).items():
                frame.write_parquet(frames / f"{name}.parquet")
        return {
            "fault": fault,
            "back_s": round(back_s, 1),
            "whole_s": round(whole_s, 1),
            "all_s": round(all_s, 1),
            "at_work": len(hit),
            "in_flight": (1 if program in world.layout.worker_names else len(hit)) * IN_FLIGHT_AUTHORS,
            "backfill": found.status.value if found else "",
            "launched_by_the_sensor": sum("summarizer/retry" in run.tags for run in world.instance.get_runs()),
            **world.judge(),
        }


def _waiting(world: World) -> set[str]:
    """Buckets whose runs no worker has begun."""
    runs = world.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING]))
    return {bucket for run in runs for bucket in buckets_of_run(run, world.keys)}


def _ended(world: World) -> int:
    """Buckets whose run ended."""
    runs = world.summarizer.state.recent_runs(1)
    return sum(bool(past and past[0].ended_at) for past in runs.values())


def run(fault: str, home: Path, authors: int, buckets: int, door: int) -> Json:
    layout = Layout(home=home, door=door)
    source = home.with_suffix(".parquet")
    home.parent.mkdir(parents=True, exist_ok=True)
    write_source(source, authors)
    own = settings_of(source, layout, buckets=buckets, **SETTINGS)
    with running(layout, own, lambda line: print(f"  {line}", flush=True)) as cluster:
        return within(cluster, "benchmarks.cluster.faults", "--only", fault)


def broken_promises(found: Json) -> list[str]:
    promises = {
        f"{found['lost']} rows lost": found["lost"] == 0,
        f"{found['twice']} rows twice": found["twice"] == 0,
        f"{found['failed']} authors failed": found["failed"] == 0,
        f"{found['paid_twice']} paid twice, more than {found['in_flight']}": found["paid_twice"] <= found["in_flight"],
        f"runs that never ended: {found['runs']}": set(found["runs"]) <= {"SUCCESS", "FAILURE", "CANCELED"},
    }
    return [f"{found['fault']}: {promise}" for promise, kept in promises.items() if not kept]


def main(options: argparse.Namespace) -> int:
    if options.within:
        print(json.dumps(look(options.within, options.only[0], options.done_first, options.frames)))
        return 0
    rows = []
    for fault in options.only or FAULTS:
        with tempfile.TemporaryDirectory(prefix="cluster-") as temporary:
            home = (options.keep or Path(temporary)) / fault
            rows.append(run(fault, home.resolve(), options.authors, options.buckets, options.door))
            print(f"  {rows[-1]}", flush=True)
    print(
        "\n| killed, or cut | rows lost | rows twice | paid twice (in flight) | back | whole again | all done | runs |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for row in rows:
        print(
            f"| {row['fault']} | {row['lost']} of {row['authors']:,} | {row['twice']} "
            f"| {row['paid_twice']} ({row['in_flight']}) | {row['back_s']:.0f} s | {row['whole_s']:.0f} s "
            f"| {row['all_s']:.0f} s | {row['runs']}, {row['launched_by_the_sensor']} by the sensor |"
        )
    return conclude("cluster_faults", {"rows": rows}, [promise for row in rows for promise in broken_promises(row)])


if __name__ == "__main__":
    sys.exit(main(options))

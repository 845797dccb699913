"""What the shared stores bear: Delta by its number of files, the state store by the number of runs at work.

    python -m benchmarks.tables.stores [--files 256,1024,4096,9999] [--runs 1,100,1000]

Delta: a table of summaries with one row a bucket, a file each, as a job leaves it: CPU to open it, to commit one row,
and the size of a checkpoint. State store, SQLite and (where it is installed) Postgres, both with their syncs on: how
many transactions a second four processes get through that lease of the account's limits, and that book in the ledger
beside so many live runs. Last, how many of them a run makes: one and four runs that share a limit of 3,000 requests a
minute, which binds. Prints tables, then the same as JSON on the last line.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.command import command, numbers

if __name__ == "__main__":  # before what takes long to import
    small = {"files": [4], "at_work": [1], "runs": [1], "seconds": 0.2, "authors": 60, "writers": 1}
    parser = command(__doc__, small=small)
    parser.add_argument("--files", type=numbers, default=[256, 1024, 4096, 9999])
    parser.add_argument("--at-work", type=numbers, default=[1, 4], help="runs that share a limit")
    parser.add_argument("--runs", type=numbers, default=[1, 100, 1000], help="live ones beside those that book")
    parser.add_argument("--authors", type=int, default=20_000, help="of the runs that share a limit, together")
    parser.add_argument("--writers", type=int, default=4, help="processes at once on a state store")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement of a state store")
    parser.add_argument("--transact", help=argparse.SUPPRESS)
    parser.add_argument("--state", help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args()

import polars as pl
import sqlalchemy as sa
from deltalake import write_deltalake

from benchmarks.provider import provider_process, write_source
from benchmarks.tables.month_rows import Rows
from summarizer_assets.core.buckets import bucket_key, bucket_keys
from summarizer_assets.core.money.spending import Booking, Wish
from summarizer_assets.core.rate_schedule import Ask, RateLimits
from summarizer_assets.core.records import SUMMARIES
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.delta.changes import Append
from summarizer_assets.storage.delta.stream import persist
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.state_db.database import METADATA, Database
from summarizer_assets.storage.state_db.ledger import SpendLedger
from summarizer_assets.storage.state_db.rate_limits import SharedAccount
from testing.postgres import postgres, program

_MEAN_OF, _SYNCS = 5, 100
_RPM, _LATENCY_S = 3000, 0.3


def delta(folder: Path, files: int, rows: Rows) -> dict[str, Any]:
    """A table of so many files, and what its users pay."""
    table = BucketedTable(str(folder / f"{files}-files"), SUMMARIES, files)
    frame = pl.concat([rows.summaries(key, [f"{key}-1"], f"run-{key}") for key in bucket_keys(files)])
    write_deltalake(table.ensure(), frame, mode="append")
    opened = table.open()
    assert opened is not None
    opened.create_checkpoint()
    log = Path(table.uri) / "_delta_log"
    began = time.process_time()
    for _ in range(_MEAN_OF):
        table.open()
    open_s = (time.process_time() - began) / _MEAN_OF
    began, wall = time.process_time(), time.monotonic()
    for number in range(_MEAN_OF):
        key = bucket_key(number)
        row = rows.summaries(key, [f"{key}-2"], f"later-{key}")
        table.writer(key, table.fence(key, table.open())).apply(Append(key, row))
    return {
        "files": files,
        "open_ms": 1000 * open_s,
        "commit_ms": 1000 * (time.process_time() - began) / _MEAN_OF,
        "commit_wall_ms": 1000 * (time.monotonic() - wall) / _MEAN_OF,
        "checkpoint_kb": sum(file.stat().st_size for file in log.glob("*.checkpoint*.parquet")) / 1000,
        "entry_bytes": max(log.glob("*.json")).stat().st_size,
    }


def transact(state: str, what: str, seconds: float) -> dict[str, float]:
    """Transactions of one process in a few seconds, and the CPU that they took."""
    database = Database(state)
    account = SharedAccount(database, "account", RateLimits(1e9, None), lambda: 1)
    booked = SpendLedger(database, "root", lease_s=3600).account(f"run-{what}", "0000")
    account.lease(Ask(1, 0))
    print("ready", flush=True)
    sys.stdin.readline()  # until all are
    done, end, began = 0, time.monotonic() + seconds, time.process_time()
    while time.monotonic() < end:
        if what == "lease":
            account.lease(Ask(20, 0))
        else:
            booked.settle(Booking(spent=1, requests=1), Wish(floor=1000), None)
        done += 1
    return {"done": done, "cpu_s": time.process_time() - began}


def rates(state: str, live: list[int], writers: int, seconds: float) -> dict[str, dict[str, float]]:
    """Transactions a second, of all processes together, and milliseconds of CPU that each took of its process."""
    found = {"lease": _together(state, "lease", writers, seconds)}
    for runs in live:
        _let_live(Database(state), runs)
        found[f"book, {runs:,} live"] = _together(state, "book", writers, seconds)
    return found


def _let_live(database: Database, runs: int) -> None:
    """As many runs of other hosts with money reserved: a ledger looks at each of them with every booking."""
    leases = METADATA.tables["spend_leases"]
    told = {"root": "root", "bucket": "0000", "host": "another host", "process": "1"}
    told |= {"expires_at": 1e18, "amount": 0, "lost": False}
    with database.begin() as connection:
        connection.execute(leases.delete())
        connection.execute(
            leases.insert(), [{**told, "token": f"{run}", "run_id": f"live-{run}"} for run in range(runs)]
        )


def _together(state: str, what: str, writers: int, seconds: float) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.tables.stores", "--transact", what, "--state", state]
    command += ["--seconds", str(seconds)]
    pipe = subprocess.PIPE
    processes = [subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) for _ in range(writers)]
    for process in processes:
        assert process.stdout is not None
        process.stdout.readline()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = [json.loads(process.communicate()[0]) for process in processes]
    done = sum(one["done"] for one in told)
    return {"a_second": done / seconds, "cpu_ms": 1000 * sum(one["cpu_s"] for one in told) / max(done, 1)}


def sync_ms(folder: Path) -> float:
    """One `fsync` of a written page: each transaction that waits for another's lock waits for its sync too."""
    with (folder / "synced").open("wb", buffering=0) as file:
        began = time.monotonic()
        for _ in range(_SYNCS):
            file.write(bytes(8192))
            os.fsync(file.fileno())
    return 1000 * (time.monotonic() - began) / _SYNCS


def one_run(given: dict[str, Any]) -> dict[str, float]:
    """One bucket's run in this process; how often it went to the state store, and for how long it asked."""
    bucket = given.pop("bucket")
    summarizer = Summarizer(load_settings(None, **given))
    begun = 0

    @sa.event.listens_for(sa.Engine, "begin")
    def count(_: sa.Connection) -> None:
        nonlocal begun
        begun += 1

    began = time.monotonic()
    with summarizer.bucket_run(bucket, f"run-{bucket}", log=lambda _: None) as run:
        persist(summarizer.tables.summaries, run.summaries)
        persist(summarizer.tables.failures, run.failures)
        run.finish()
    return {"transactions": begun, "seconds": time.monotonic() - began}


def a_run(home: Path, runs: int, authors: int, url: str) -> dict[str, Any]:
    source = home / f"source-{runs}.parquet"
    write_source(source, authors)
    given: dict[str, Any] = {"root": str(home / f"root-{runs}"), "source": str(source), "buckets": runs, "rpm": _RPM}
    given |= {"llm_base_url": url, "llm_model": "template", "price_input_usd": 0.15, "price_output_usd": 0.6}
    house = Summarizer(load_settings(None, **given))
    keys = bucket_keys(runs)
    persist(house.tables.authors, house.ingest(keys, log=lambda _: None, describe=lambda *_: None))
    command = [sys.executable, "-m", "benchmarks.tables.stores", "--one"]
    processes = [
        subprocess.Popen([*command, json.dumps({**given, "bucket": key})], stdout=subprocess.PIPE, text=True)
        for key in keys
    ]
    told = [json.loads(process.communicate()[0]) for process in processes]
    seconds = max(one["seconds"] for one in told)
    in_all = sum(one["transactions"] for one in told)
    return {"runs": runs, "seconds": seconds, "a_second": in_all / seconds, "a_run_a_second": in_all / seconds / runs}


@contextmanager
def states(home: Path) -> Iterator[dict[str, str]]:
    found = {"SQLite": str(home / "state.sqlite")}
    try:
        program("postgres")
    except FileNotFoundError as error:
        print(f"{error}; SQLite alone is measured", file=sys.stderr)
        yield found
        return
    with postgres({"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}) as server:
        yield {**found, "Postgres": server.url}


def main(options: argparse.Namespace) -> int:
    if options.transact:
        print(json.dumps(transact(options.state, options.transact, options.seconds)))
        return 0
    if options.one:
        print(json.dumps(one_run(json.loads(options.one))))
        return 0
    found: dict[str, Any] = {"delta": [], "runs": []}
    with tempfile.TemporaryDirectory(prefix="capacity-stores-") as temporary:
        home = Path(temporary)
        print(f"{'files':>8} {'open ms CPU':>12} {'commit ms CPU':>14} {'ms wall':>8} {'checkpoint kB':>14}")
        rows = Rows(0)
        for files in options.files:
            row = delta(home, files, rows)
            found["delta"].append(row)
            print(
                f"{row['files']:>8,} {row['open_ms']:>12.0f} {row['commit_ms']:>14.0f} {row['commit_wall_ms']:>8.0f} "
                f"{row['checkpoint_kb']:>14,.0f}",
                flush=True,
            )
        found["sync_ms"] = sync_ms(home)
        sync = f"a sync of this disk takes {found['sync_ms']:.1f} ms"
        print(f"\ntransactions a second, {options.writers} processes; {sync}")
        with states(home) as stores:
            for name, state in stores.items():
                found[name] = rates(state, options.runs, options.writers, options.seconds)
                for what, row in found[name].items():
                    print(f"{name:>8} {what:20} {row['a_second']:>8,.0f} {row['cpu_ms']:>8.1f} ms CPU", flush=True)
        print("\nof runs that share a limit which binds")
        for runs in options.at_work:
            with provider_process() as provider:
                provider.plan({"requests_per_minute": _RPM, "latency_s": _LATENCY_S, "replies": "fixed"})
                row = a_run(home, runs, options.authors, provider.base_url)
            found["runs"].append(row)
            print(f"{runs} runs: {row['a_second']:.1f} transactions a second, {row['a_run_a_second']:.1f} each")
    found["load"] = os.getloadavg()
    print(f"load average {found['load'][0]:.1f}\n")
    print(json.dumps({"capacity_stores": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main(options))

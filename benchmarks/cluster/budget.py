"""A budget over the workers of a cluster, one of which dies: never overspent, and each dollar in the ledger.

    python -m benchmarks.cluster.budget [--authors 1600] [--buckets 16] [--budget 0.3]

A cluster of two workers (`deploy.celery`) against the faulty provider. First a backfill under a budget that holds for
about a sixth of the authors; in its middle one worker is killed with all its processes. When nobody works any more, the
ledger is held against the provider's own count. Then the cluster is started with no budget, and the sensor, or else the
one command that docs/operations.md names, does the rest. Nobody may have been paid for twice but those who were in
flight at the kill.

Prints both phases, then JSON on the last line; a broken promise ends it with status 1.
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"authors": 160, "buckets": 4, "budget": 0.03})
    parser.add_argument("--authors", type=int, default=1600)
    parser.add_argument("--buckets", type=int, default=16)
    parser.add_argument("--budget", type=float, default=0.3, help="dollars")
    parser.add_argument("--door", type=int, default=8443, help="of the cluster, where another one has this port")
    parser.add_argument("--keep", type=Path, help="a folder for the cluster and its logs, which stays")
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--phase", choices=["under", "without"], help=argparse.SUPPRESS)
    options = parser.parse_args()

from benchmarks.cluster.faults import IN_FLIGHT_AUTHORS, SETTINGS
from benchmarks.cluster.world import Json, World, running, settings_of, wait, within
from benchmarks.promises import conclude
from benchmarks.provider import write_source
from deploy.celery.layout import Layout
from summarizer_assets.core.money.amounts import Price, Usage, nano_of

_INPUT_USD, _OUTPUT_USD = 1, 10  # a million tokens
_LATENCY_S = 1.0
_STILL_S = 20.0  # so long nobody works: longer than the sensor waits between two looks


def money(world: World) -> Json:
    """What the ledger says, and what the provider counted; nano-dollars."""
    stats = world.provider.stats()
    totals = world.summarizer.ledger.totals()
    counted = Usage(stats["prompt_tokens"], stats["completion_tokens"])
    return {
        **{name: totals[name] for name in ("spent", "uncertain", "reserved")},
        "billed": Price.per_million(_INPUT_USD, _OUTPUT_USD).cost(counted),
        "disagreements": world.summarizer.ledger.audit(),
    }


def stored(world: World) -> set[str]:
    tables = world.summarizer.tables
    return {
        author_id
        for table in (tables.summaries, tables.failures)
        for author_id in table.read().select("author_id").collect()["author_id"]
    }


def until_still(world: World) -> None:
    """Until no run was under way for a while."""
    since = time.monotonic()
    while time.monotonic() < since + _STILL_S:
        if not all(run.is_finished for run in world.instance.get_runs()):
            since = time.monotonic()
        time.sleep(1)


def under_the_budget(world: World) -> Json:
    world.ingest()
    world.summarize()
    wait(
        lambda: (
            len(world.claimed()) == 2 and money(world)["spent"] > nano_of(world.summarizer.settings.budget_usd) // 4
        ),
        "a quarter of the budget is spent",
        time.monotonic(),
    )
    os.killpg(world.cluster.pid("worker1"), signal.SIGKILL)
    until_still(world)
    return {"stored": len(stored(world)), **money(world), **world.judge()}


def without_it(world: World) -> Json:
    before = stored(world)
    began = time.monotonic()
    by_itself = world.instance.get_runs_count()
    until_still(world)
    if not world.done():
        world.summarize()
        world.wait_for_the_end()
    asked = {one for entry in world.provider.record() if entry["fault"] is None for one in entry["ids"]}
    return {
        "seconds": round(time.monotonic() - began),
        "runs_before": by_itself,
        "asked_again": len(asked & before),
        **money(world),
        **world.judge(),
    }


def broken_promises(first: Json, second: Json, budget: int) -> list[str]:
    gone = first["spent"] + first["uncertain"]
    promises = {
        f"{gone} nano-dollars are spent or uncertain, the budget is {budget}": gone <= budget,
        f"{first['billed']} were billed, {gone} are booked": first["spent"] <= first["billed"] <= gone,
        f"only {gone} of {budget} could be used": gone >= budget * 4 // 5,
        f"{first['reserved'] + second['reserved']} stay reserved": first["reserved"] + second["reserved"] == 0,
        f"the ledger disagrees: {first['disagreements']} {second['disagreements']}": not (
            first["disagreements"] or second["disagreements"]
        ),
        f"{first['stored']} of {first['authors']} done under the budget": 0 < first["stored"] < first["authors"],
        f"{first['paid_twice']} paid twice": first["paid_twice"] <= IN_FLIGHT_AUTHORS,
        f"{second['asked_again']} who had a row were asked again": second["asked_again"] == 0,
        f"{second['lost']} lost, {second['twice']} twice": second["lost"] == second["twice"] == 0,
        f"{second['spent'] - first['spent']} booked after it, {second['billed']} billed": (
            second["spent"] - first["spent"] == second["billed"]
        ),
    }
    return [promise for promise, kept in promises.items() if not kept]


def run(home: Path, options: argparse.Namespace, own: Mapping[str, str], phase: str) -> Json:
    layout = Layout(home=home, door=options.door)
    with running(layout, own, lambda line: print(f"  {line}", flush=True)) as cluster:
        return within(cluster, "benchmarks.cluster.budget", "--phase", phase)


def main(options: argparse.Namespace) -> int:
    if options.within:
        world = World(options.within)
        with world.providing({"latency_s": _LATENCY_S}):
            print(json.dumps(under_the_budget(world) if options.phase == "under" else without_it(world)))
        return 0
    with tempfile.TemporaryDirectory(prefix="cluster-") as temporary:
        home = (options.keep or Path(temporary)).resolve() / "budget"
        home.parent.mkdir(parents=True, exist_ok=True)
        source = home.with_suffix(".parquet")
        write_source(source, options.authors)
        prices = {"price_input_usd": _INPUT_USD, "price_output_usd": _OUTPUT_USD}
        own = settings_of(source, Layout(home=home), buckets=options.buckets, **SETTINGS, **prices)
        first = run(home, options, {**own, "SUMMARIZER_BUDGET_USD": str(options.budget)}, "under")
        print(f"  under the budget: {first}", flush=True)
        second = run(home, options, own, "without")
        print(f"  without it: {second}", flush=True)
    found = {"budget": nano_of(options.budget), "under": first, "without": second}
    return conclude("cluster_budget", found, broken_promises(first, second, nano_of(options.budget)))


if __name__ == "__main__":
    sys.exit(main(options))

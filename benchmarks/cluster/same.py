"""The same job on Dagster's default launcher and on Celery, with the deterministic provider: the same tables?

    python -m benchmarks.cluster.same [--source FILE] [--buckets 4]

First under a `dagster dev` with its default launcher, tables in a folder; then on a cluster of two workers, tables in
an object store. Both by backfills. Compared are all rows of all three tables and all columns but those that name a run,
a request or a moment. Prints the differences, then JSON on the last line; any difference ends it with status 1.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"buckets": 1})
    parser.add_argument("--source", type=Path, help="authors; without it, the sample")
    parser.add_argument("--buckets", type=int, default=4)
    parser.add_argument("--within", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()

import polars as pl

from benchmarks.cluster.world import Json, World, running, within
from benchmarks.promises import conclude
from deploy.celery.layout import Layout
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings import load_settings
from testing.dagster_dev import dagster_dev, wait_until

_DOOR = 28443  # beside another cluster on this machine
#: Of the run in which a row was made, not of its author.
_OF_THE_RUN = ("run_id", "request_id", "summarized_at", "first_failed_at", "last_failed_at", "next_retry_at")


def tables_of(summarizer: Summarizer) -> dict[str, pl.DataFrame]:
    """Rows in the order of their authors, without what names a run or a moment."""
    tables = summarizer.tables
    named = {"authors": tables.authors, "author_summaries": tables.summaries, "failed_authors": tables.failures}
    return {
        name: table.read().collect().drop(_OF_THE_RUN, strict=False).sort("author_id") for name, table in named.items()
    }


def differences(ours: Mapping[str, pl.DataFrame], theirs: Mapping[str, pl.DataFrame]) -> list[str]:
    """Each table that is not the same, row for row."""
    wrong = [
        f"{name}: {frame.height} and {theirs[name].height} rows, not the same"
        for name, frame in ours.items()
        if not frame.equals(theirs[name])
    ]
    return wrong + [f"{name} is empty" for name, frame in ours.items() if name != "failed_authors" and frame.is_empty()]


def on_one_machine(home: Path, given: Mapping[str, object]) -> dict[str, pl.DataFrame]:
    settings = load_settings(None, root=str(home / "tables"), **given)
    summarizer = Summarizer(settings)
    environment = {f"SUMMARIZER_{name.upper()}": str(value) for name, value in given.items()}
    environment["SUMMARIZER_ROOT"] = str(home / "tables")
    keys = bucket_keys(summarizer.buckets)
    with dagster_dev(home / "dagster", environment) as dev:
        dev.backfill(["authors"], keys)
        wait_until(lambda: len(summarizer.tables.authors.rows_by_bucket()) == len(keys), "authors", patience_s=900)
        backfill = dev.backfill(["author_summaries", "failed_authors"], keys)
        wait_until(
            lambda: len(runs := dev.runs_of(backfill)) == len(keys) and all(run.is_finished for run in runs),
            "all buckets ran",
            patience_s=1800,
        )
    return tables_of(summarizer)


def look(home: Path, folder: Path) -> Json:
    """On the head of the cluster: the same, and its tables as files."""
    world = World(home)
    world.ingest()
    world.summarize()
    world.wait_for_the_end()
    for name, frame in tables_of(world.summarizer).items():
        frame.write_parquet(folder / f"{name}.parquet")
    return {"runs": len(world.instance.get_runs())}


def main(options: argparse.Namespace) -> int:
    if options.within:
        print(json.dumps(look(options.within, options.folder)))
        return 0
    given: dict[str, object] = {"buckets": options.buckets}
    if options.source:
        given["source"] = str(options.source.resolve())
    with tempfile.TemporaryDirectory(prefix="same-") as temporary:
        home = Path(temporary).resolve()
        ours = on_one_machine(home / "one", given)
        own = {f"SUMMARIZER_{name.upper()}": str(value) for name, value in given.items()}
        (home / "frames").mkdir()
        with running(
            Layout(home=home / "cluster", door=_DOOR), own, lambda line: print(f"  {line}", flush=True)
        ) as cluster:
            within(cluster, "benchmarks.cluster.same", "--folder", str(home / "frames"))
        theirs = {name: pl.read_parquet(home / "frames" / f"{name}.parquet") for name in ours}
    rows = {name: frame.height for name, frame in ours.items()}
    for name, height in rows.items():
        print(f"{name:20}{height:>8,} rows, {'the same' if ours[name].equals(theirs[name]) else 'NOT the same'}")
    return conclude("cluster_same", {"rows": rows}, differences(ours, theirs))


if __name__ == "__main__":
    sys.exit(main(options))

"""Tables of many buckets in each of which one author failed and is due, made at once instead of by as many runs.

    python -m benchmarks.faults.failed_buckets [--buckets 1024 4096] [--runs 20]

Prints what a tick of the retry sensor costs over them: seconds, CPU seconds, memory, and queries to Dagster's storage.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, small={"buckets": [4], "runs": 1})
    parser.add_argument("--buckets", type=int, nargs="+", default=[1024, 4096])
    parser.add_argument("--runs", type=int, default=20, help="runs of each bucket that the state store remembers")
    options = parser.parse_args()

import dagster as dg
import polars as pl
import sqlalchemy as sa
from deltalake import write_deltalake

from summarizer_assets.core.buckets import bucket_keys, buckets_of
from summarizer_assets.core.records import AUTHORS, FAILURES, SUMMARIES, FailureReason
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import SUMMARIZE
from summarizer_assets.settings import load_settings

AUTHORS_A_BUCKET = 4
_FAILED_RUNS = 250  # of the first buckets: making one takes a tenth of a second


def fill(summarizer: Summarizer, buckets: int) -> None:
    """Every bucket gets its authors, a summary of each but one, and that one's failure, due since an hour."""
    authors = _authors(buckets)
    rendered = summarizer.render(authors).select("author_id", "author_name", "bucket", "content_hash")
    then = datetime.now(UTC) - timedelta(hours=1)
    identity = {
        "prompt_version": pl.lit(summarizer.identity.prompt_version),
        "model": pl.lit(summarizer.identity.model),
        "run_id": pl.lit("made by the benchmark"),
    }
    first = pl.col("author_id") == pl.col("author_id").min().over("bucket")
    summaries = rendered.filter(~first).with_columns(
        summary=pl.lit("Somebody who wrote this and that."), summarized_at=pl.lit(then), **identity
    )
    failed = {
        "reason": pl.lit(str(FailureReason.SERVER_ERROR)),
        "retryable": pl.lit(value=True),
        "attempts": pl.lit(1),
        **{name: pl.lit(then) for name in ("first_failed_at", "last_failed_at", "next_retry_at")},
    }
    failures = rendered.filter(first).with_columns(**identity, **failed)
    tables = summarizer.tables
    for table, frame, schema in (
        (tables.authors, authors, AUTHORS),
        (tables.summaries, summaries, SUMMARIES),
        (tables.failures, failures, FAILURES),
    ):
        write_deltalake(table.ensure(), _shaped(frame, schema), mode="append", schema_mode="merge")


def _authors(buckets: int) -> pl.DataFrame:
    """So many of each bucket, with one paper each."""
    wanted = AUTHORS_A_BUCKET * buckets
    ids = pl.int_range(1, 12 * wanted, dtype=pl.Int64, eager=True).cast(pl.String).alias("author_id")
    chosen = (
        pl.DataFrame([ids, buckets_of(ids, buckets).alias("bucket")])
        .group_by("bucket", maintain_order=True)
        .head(AUTHORS_A_BUCKET)
    )
    paper = pl.struct(ut="P" + pl.col("author_id"), title=pl.lit("On tides and glass"))
    return _shaped(
        chosen.with_columns(
            author_name="Somebody " + pl.col("author_id"),
            papers=pl.concat_list(paper),
            record_hash=pl.col("author_id"),
        ),
        AUTHORS,
    )


def _shaped(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    missing = [pl.lit(None).alias(name) for name in schema if name not in frame.columns]
    frame = frame.with_columns(missing)
    if "papers" in schema:
        fields = schema["papers"].inner.fields  # type: ignore[attr-defined] # a list of structs
        have = [field.name for field in frame["papers"].dtype.inner.fields]  # type: ignore[attr-defined]
        full = pl.element().struct.with_fields([pl.lit(None).alias(f.name) for f in fields if f.name not in have])
        frame = frame.with_columns(
            pl.col("papers").list.eval(pl.struct(full.struct.field(f.name).cast(f.dtype) for f in fields))
        )
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def remember_runs(summarizer: Summarizer, buckets: int, each: int) -> None:
    """What a long life leaves in the state store: so many runs of every bucket."""
    now = time.time()
    rows = [
        {
            "root": summarizer.settings.root,
            "bucket": bucket,
            "run_id": f"{bucket}-{number}",
            "started_at": now - 86_400 * (each - number),
            "ended_at": now - 86_400 * (each - number) + 60,
            "pending_before": 4,
            "pending_after": 0,
        }
        for number in range(each)
        for bucket in bucket_keys(buckets)
    ]
    columns = ", ".join(rows[0])
    values = ", ".join(f":{name}" for name in rows[0])
    with summarizer.database.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO bucket_runs ({columns}) VALUES ({values})"), rows)


def measure(folder: Path, buckets: int, runs: int) -> dict[str, Any]:
    settings = load_settings(None, root=str(folder / "tables"), buckets=buckets)
    summarizer = Summarizer(settings)
    fill(summarizer, buckets)
    remember_runs(summarizer, buckets, runs)
    defs = build_defs(settings)
    sensor = defs.resolve_sensor_def("retry_failed_authors")
    home = folder / "dagster"
    home.mkdir(parents=True)
    with dg.DagsterInstance.local_temp(str(home)) as instance:
        job = defs.resolve_job_def(SUMMARIZE)
        for bucket in bucket_keys(buckets)[:_FAILED_RUNS]:
            run = instance.create_run_for_job(job, tags={"dagster/partition": bucket})
            instance.report_run_failed(run)
        queries = _Queries(instance)
        costs = []
        for _ in range(3):
            queries.number = 0
            began, cpu = time.monotonic(), time.process_time()
            with dg.build_sensor_context(
                instance=instance, definitions=defs, resources={"summarizer": summarizer}
            ) as context:
                context.log.setLevel("ERROR")
                found: Any = sensor(context)
            costs.append((time.monotonic() - began, time.process_time() - cpu))
    seconds, cpu_seconds = min(costs)
    return {
        "buckets": buckets,
        "runs kept a bucket": runs,
        "requests": len(found.run_requests or []),
        "first_tick_s": round(costs[0][0], 2),
        "tick_s": round(seconds, 2),
        "tick_cpu_s": round(cpu_seconds, 2),
        "queries": queries.number,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


class _Queries:
    """Counts what a tick asks Dagster's run storage."""

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.number = 0
        asked = instance.get_run_records
        asked_runs = instance.get_runs

        def records(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - dagster's own signature
            self.number += 1
            return asked(*args, **kwargs)

        def runs(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - dagster's own signature
            self.number += 1
            return asked_runs(*args, **kwargs)

        instance.get_run_records, instance.get_runs = records, runs  # type: ignore[method-assign] # counted


def main(options: argparse.Namespace) -> int:
    found = []
    for buckets in options.buckets:
        with tempfile.TemporaryDirectory(prefix="failed-buckets-") as temporary:
            found.append(measure(Path(temporary), buckets, options.runs))
            print("  ".join(f"{name.replace('_', ' ')} {value}" for name, value in found[-1].items()), flush=True)
    print(json.dumps({"failed_buckets": found}))
    return 0


if __name__ == "__main__":
    sys.exit(main(options))

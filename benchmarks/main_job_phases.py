"""The phases of `benchmarks.main_job`, one a process: what each does in Dagster, and what it found.

python -m benchmarks.main_job_phases PHASE OUT.json
"""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.command import command

if __name__ == "__main__":  # before what takes long to import
    parser = command(__doc__, part_of="main_job")
    parser.add_argument("phase")
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

import dagster as dg
import polars as pl

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import INGEST, SUMMARIZE
from summarizer_assets.resources import Summarizer
from summarizer_assets.settings import load_settings

_QUIET = {"loggers": {"console": {"config": {"log_level": "WARNING"}}}}
TABLES = ("authors", "author_summaries", "failed_authors", "rejected_source_rows")


class Job:
    """The definitions and the instance, as a phase's process has them."""

    def __init__(self) -> None:
        settings = load_settings(env_file=None)
        self.summarizer = Summarizer(settings)
        self.keys = bucket_keys(settings.buckets)
        self.instance = dg.DagsterInstance.get()
        self._defs = build_defs(settings)

    def ingest(self) -> dict[str, Any]:
        """One pass over the source; returns what the run said of itself."""
        result = self._defs.resolve_job_def(INGEST).execute_in_process(
            _QUIET,
            instance=self.instance,
            tags={
                "dagster/asset_partition_range_start": self.keys[0],
                "dagster/asset_partition_range_end": self.keys[-1],
            },
        )
        return _told(result, "authors")

    def summarise(self) -> dict[str, Any]:
        """All buckets, one run each; returns the sums of what the runs said of themselves."""
        names = ("calls", "answered", "newly_failed", "pending", "prompt_tokens", "completion_tokens")
        sums: dict[str, Any] = dict.fromkeys(names, 0)
        busy = []
        job = self._defs.resolve_job_def(SUMMARIZE)
        for key in self.keys:
            result = job.execute_in_process(_QUIET, instance=self.instance, partition_key=key)
            told = _told(result, "author_summaries")
            for name in names:
                sums[name] += told[name]
            busy += [key] if told["calls"] else []
        return {**sums, "buckets_with_calls": busy}

    def versions(self) -> dict[str, int | None]:
        """The version of each table; None where there is none."""
        tables = self.summarizer.tables
        found = zip(TABLES, (tables.authors, tables.summaries, tables.failures, self.summarizer.rejected), strict=True)
        opened = {name: table.open() for name, table in found}
        return {name: None if table is None else table.version() for name, table in opened.items()}

    def commits_by_bucket(self, since: int) -> dict[str, int]:
        """Commits to `author_summaries` after version `since`, by the bucket of the files that they added."""
        table = self.summarizer.tables.summaries.open()
        assert table is not None
        found: dict[str, int] = {}
        for version in range(since + 1, table.version() + 1):
            log = Path(table.table_uri.removeprefix("file://")) / "_delta_log" / f"{version:020d}.json"
            actions = [json.loads(line) for line in log.read_text().splitlines()]
            for bucket in {action["add"]["partitionValues"]["bucket"] for action in actions if "add" in action}:
                found[bucket] = found.get(bucket, 0) + 1
        return found


def _told(result: Any, asset: str) -> dict[str, Any]:  # noqa: ANN401 - dagster does not export the type
    events = [event for event in result.all_events if event.is_step_materialization]
    mine = next(event for event in events if event.asset_key is not None and event.asset_key.path == [asset])
    return {name: value.value for name, value in mine.materialization.metadata.items()}


# The phases, each in a process of its own. What they return is the report's.


def start(job: Job) -> dict[str, Any]:
    return {"buckets": len(job.keys)}


def ingest(job: Job) -> dict[str, Any]:
    return {"told": job.ingest(), "versions": job.versions()}


def summarise(job: Job) -> dict[str, Any]:
    return {"told": job.summarise(), "versions": job.versions()}


def check(job: Job) -> dict[str, Any]:
    """Whether every author is in exactly one place."""
    tables = job.summarizer.tables
    authors = tables.authors.read().select("author_id", "bucket").collect()
    summaries = tables.summaries.read().select("author_id", "bucket", "summary").collect()
    failures = tables.failures.read().select("author_id", "bucket", "reason").collect()
    ids = ["author_id", "bucket"]
    reasons: dict[str, int] = dict(failures.group_by("reason").len().iter_rows())
    return {
        "tables": TABLES,
        "authors": authors.height,
        "summaries": summaries.height,
        "failed": failures.height,
        "failed_by_reason": reasons,
        "rejected_rows": job.summarizer.rejected.read().collect()["count"].sum(),
        "authors_twice": authors.height - authors["author_id"].n_unique(),
        "summaries_twice": summaries.height - summaries["author_id"].n_unique(),
        "failures_twice": failures.height - failures["author_id"].n_unique(),
        "in_both": summaries.join(failures, on="author_id", how="semi").height,
        "in_neither": authors.join(summaries, on=ids, how="anti").join(failures, on=ids, how="anti").height,
        "of_no_author": summaries.join(authors, on=ids, how="anti").height
        + failures.join(authors, on=ids, how="anti").height,
        "empty_summaries": summaries["summary"].null_count() + int((summaries["summary"].str.len_chars() == 0).sum()),
    }


def again(job: Job) -> dict[str, Any]:
    before = job.versions()
    return {"ingest": job.ingest(), "told": job.summarise(), "before": before, "versions": job.versions()}


def change(job: Job) -> dict[str, Any]:
    """Change a title of one author who has a summary in a copy of the source, and do all once more."""
    settings = job.summarizer.settings
    source = pl.read_parquet(job.summarizer.source)
    id_column = "daisngid" if "daisngid" in source.columns else "author_id"
    summaries = job.summarizer.tables.summaries
    once = source.filter(pl.col(id_column).is_unique() & (pl.col("papers").list.len().is_between(1, 5)))
    held = summaries.read().select("author_id").collect()["author_id"].implode()
    chosen = once.filter(pl.col(id_column).cast(pl.String).is_in(held))[id_column][0]
    title = pl.element().struct.with_fields(title=pl.lit("A new title that this author's paper has been given"))
    changed = source.with_columns(
        papers=pl.when(pl.col(id_column) == chosen)
        .then(pl.concat_list(pl.col("papers").list.head(1).list.eval(title), pl.col("papers").list.slice(1)))
        .otherwise("papers")
    )
    path = Path(settings.root).parent / "changed.parquet"
    changed.write_parquet(path)
    before = summaries.read().collect()
    versions = job.versions()

    os.environ["SUMMARIZER_SOURCE"] = str(path)
    moved = Job()
    told = {"ingest": moved.ingest(), "told": moved.summarise()}
    after = summaries.read().collect()
    replaced = after.join(before, on=after.columns, how="anti", nulls_equal=True)
    lost = before.join(after, on="author_id", how="anti")
    assert versions["author_summaries"] is not None
    return {
        **told,
        "changed_author": str(chosen),
        "replaced": replaced["author_id"].to_list(),
        "lost": lost.height,
        "before": versions,
        "versions": moved.versions(),
        "commits_by_bucket": moved.commits_by_bucket(versions["author_summaries"]),
    }


PHASES: Mapping[str, Callable[[Job], dict[str, Any]]] = {
    "start": start,
    "ingest": ingest,
    "summarise": summarise,
    "check": check,
    "again": again,
    "change": change,
}


if __name__ == "__main__":
    options.out.write_text(json.dumps(PHASES[options.phase](Job())))

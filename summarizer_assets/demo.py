"""The demo: every job over the bundled sample with the embedded provider, in a root of its own.

The runs go to a Dagster instance, where the UI shows them; Dagster's own lines go there too, but for errors.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import dagster as dg
import polars as pl

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.progress import IngestProgress, Progress
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import CHECK, ERRORS_ONLY, ESTIMATE, INGEST, REPORT, SUMMARIZE
from summarizer_assets.report.place import NAME as REPORT_PAGE
from summarizer_assets.sensors.runs import RANGE_END, RANGE_START
from summarizer_assets.settings import Settings, load_settings

#: Its root, in the current folder.
FOLDER: Final = "demo"
_SHOWN_BUCKETS: Final = 16  # the summaries shown come from these, so that a large table is not read for three rows


@dataclass(frozen=True)
class Example:
    """A summary to look at; `papers`: the number of the author's papers."""

    name: str
    papers: int
    summary: str


@dataclass(frozen=True)
class Demo:
    """What came out. `failed`: authors by reason; `rejected_rows`: rows of the source that can be no author;
    `failed_runs`: a sentence for each run that ended with an error.
    """

    root: str
    report: str
    seconds: float
    authors: int
    summaries: int
    failed: Mapping[str, int]
    rejected_rows: int
    examples: tuple[Example, ...]
    failed_runs: tuple[str, ...]

    @property
    def pending(self) -> int:
        return self.authors - self.summaries - sum(self.failed.values())


def demo_settings(root: Path) -> Settings:
    """The defaults with this root, for an environment that sets none of them; no `.env` is read.

    Raises:
        SettingsError: no tables can be there.
    """
    return load_settings(None, root=str(root))


def run_demo(
    settings: Settings,
    instance: dg.DagsterInstance,
    *,
    step: Callable[[str], None],
    watch: Callable[[Progress | IngestProgress], None],
) -> Demo:
    """Run every job that asks for no decision; `step` is told what begins, `watch` how far it is."""
    began = time.monotonic()
    summarizer = Summarizer(settings)
    defs = build_defs(settings, overrides={"summarizer": Summarizer(settings, watch=watch)})
    failed_runs: list[str] = []

    def run(job: str, what: str, **more: Any) -> bool:  # noqa: ANN401 - Dagster's own
        step(what)
        done = defs.resolve_job_def(job).execute_in_process(
            run_config=ERRORS_ONLY, instance=instance, raise_on_error=False, **more
        )
        if not done.success:
            failed_runs.append(f"{what} ended with an error; the UI shows why: run {done.run_id}")
        return bool(done.success)

    keys = bucket_keys(summarizer.buckets)
    ends = {RANGE_START: keys[0], RANGE_END: keys[-1]}
    if run(INGEST, "authors", tags=ends):
        run(ESTIMATE, "the price")
        for number, key in enumerate(keys, start=1):
            run(SUMMARIZE, f"summaries, bucket {number} of {len(keys)}", partition_key=key)
        run(CHECK, "the checks")
        run(REPORT, "the report")
    return _found(summarizer, time.monotonic() - began, tuple(failed_runs))


def _found(summarizer: Summarizer, seconds: float, failed_runs: tuple[str, ...]) -> Demo:
    tables, root = summarizer.tables, summarizer.settings.root
    failures = tables.failures.read().group_by("reason").len().sort("len", descending=True).collect()
    return Demo(
        root=root,
        report=str(Path(root) / REPORT_PAGE),
        seconds=seconds,
        authors=sum(tables.authors.rows_by_bucket().values()),
        summaries=sum(tables.summaries.rows_by_bucket().values()),
        failed=dict(failures.iter_rows()),
        rejected_rows=summarizer.rejected.read().select(pl.col("count").sum()).collect().item() or 0,
        examples=tuple(Example(*row) for row in _three(summarizer)),
        failed_runs=failed_runs,
    )


def _three(summarizer: Summarizer) -> list[tuple[str, int, str]]:
    """Name, number of papers and summary of three authors: with many papers, with few, with a non-Latin name."""
    keys = bucket_keys(summarizer.buckets)[:_SHOWN_BUCKETS]
    authors = summarizer.tables.authors.read(keys).select("author_id", papers=pl.col("papers").list.len().fill_null(0))
    rows = (
        summarizer.tables.summaries.read(keys)
        .join(authors, on="author_id")
        .select("author_id", "author_name", "papers", "summary")
        .sort("author_id")
        .collect()
    )
    latin = pl.col("author_name").str.contains(r"^[\p{Latin}\s\p{P}]+$")
    several = pl.col("papers").is_between(3, 6)
    kinds = (
        rows.sort("papers", descending=True, maintain_order=True),
        rows.filter(latin & several),
        rows.filter(~latin & several),
        rows,  # a small source may lack a kind
    )
    firsts = pl.concat([kind.head(3 if kind is rows else 1) for kind in kinds])
    picked = firsts.unique("author_id", keep="first", maintain_order=True).head(3)
    return list(picked.select("author_name", "papers", "summary").iter_rows())

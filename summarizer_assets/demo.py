"""The main job on the configured source, in the instance that the UI opens, with a short report at the end."""

import sys
import textwrap
import time
from collections.abc import Iterable

import dagster as dg
import polars as pl

from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.definitions import build_defs
from summarizer_assets.jobs import INGEST, SUMMARIZE
from summarizer_assets.resources import Summarizer
from summarizer_assets.settings import SettingsError, load_settings

_WIDTH = 100


def main() -> int:
    """Run everything; returns the process's exit status."""
    try:
        settings = load_settings()
    except SettingsError as error:
        _say([f"settings: {error}"])
        return 2
    summarizer = Summarizer(settings)
    defs = build_defs(settings)
    keys = bucket_keys(settings.buckets)
    started = time.monotonic()
    failed = []
    with dg.DagsterInstance.get() as instance:
        _say([f"source      {summarizer.source}", f"provider    {settings.llm_base_url}, model {settings.model}", ""])
        ingest = defs.resolve_job_def(INGEST).execute_in_process(
            instance=instance,
            raise_on_error=False,
            tags={"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]},
        )
        if not ingest.success:
            _say([f"the ingest failed, see run {ingest.run_id} in the UI (make ui)"])
            return 1
        summarize = defs.resolve_job_def(SUMMARIZE)
        for number, key in enumerate(keys, start=1):
            run = summarize.execute_in_process(instance=instance, partition_key=key, raise_on_error=False)
            failed += [] if run.success else [(key, run.run_id)]
            _bar(number, len(keys), time.monotonic() - started)
    _say(["", *_report(summarizer, time.monotonic() - started)])
    _say([f"bucket {key} ended with an error, see run {run_id} in the UI" for key, run_id in failed])
    return 1 if failed else 0


def _report(summarizer: Summarizer, seconds: float) -> Iterable[str]:
    tables = summarizer.tables
    authors = sum(tables.authors.rows_by_bucket().values())
    summaries = sum(tables.summaries.rows_by_bucket().values())
    failures = tables.failures.read().group_by("reason").len().sort("len", descending=True).collect()
    failed = int(failures["len"].sum())
    pending = authors - summaries - failed
    yield f"{authors:,} authors = {summaries:,} summaries + {failed:,} failed + {pending:,} pending"
    yield f"in {seconds:.0f} s"
    for reason, number in failures.iter_rows():
        yield f"  {number:>5,}  {reason}"
    rejected = summarizer.rejected.read().select(pl.col("count").sum()).collect().item() or 0
    yield f"{rejected:,} source rows could not become an author"
    yield ""
    for table in (tables.authors, tables.summaries, tables.failures, summarizer.rejected):
        yield f"  {table.uri}"
    yield ""
    for name, summary in tables.summaries.read().select("author_name", "summary").head(3).collect().iter_rows():
        yield f"{name}"
        yield from textwrap.wrap(summary, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    if summarizer.settings.embedded:
        yield ""
        yield "These are templates made from the authors' own facts. For a model's summaries set"
        yield "SUMMARIZER_LLM_BASE_URL, SUMMARIZER_LLM_MODEL and SUMMARIZER_LLM_API_KEY; for your own authors"
        yield "SUMMARIZER_SOURCE (see the README)."
    yield ""
    yield "Next: `make ui` shows these runs and tables; materialise, backfill and watch the retries there."


def _bar(done: int, total: int, seconds: float) -> None:
    filled = 30 * done // total
    line = f"\r[{'#' * filled}{'.' * (30 - filled)}] {done} of {total} buckets, {seconds:.0f} s"
    if sys.stderr.isatty():
        sys.stderr.write(line + ("\n" if done == total else ""))
        sys.stderr.flush()


def _say(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

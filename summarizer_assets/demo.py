"""`make demo`: the main job on the configured source, in the UI's Dagster instance, with a short report at the end.

Dagster's log lines go to the instance, where the UI shows them; the terminal shows the report and errors.
"""

import shutil
import sys
import textwrap
import time
from collections.abc import Iterator
from typing import Self

import dagster as dg
import polars as pl

from summarizer_assets.command import say
from summarizer_assets.core.authors.failure_counts import meaning_of
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.display_text import duration, number_of
from summarizer_assets.core.progress import IngestProgress, Progress
from summarizer_assets.definitions import build_defs
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import ERRORS_ONLY, INGEST, SUMMARIZE
from summarizer_assets.report.make import make
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings.errors import SettingsError

_WIDTH = 100
_SHOWN_BUCKETS = 16  # the summaries shown come from these, so that a large table is not read for three rows


def main() -> int:
    """Run everything; return the exit status."""
    try:
        settings = load_settings()
    except SettingsError as error:
        say([f"settings: {error}"])
        return 2
    summarizer = Summarizer(settings)
    say(
        [
            f"source    {summarizer.source if settings.source else 'the bundled sample of synthetic authors'}",
            f"root      {summarizer.root.place}",
            f"provider  {settings.llm_base_url}, model {settings.model}",
            "",
        ]
    )
    started = time.monotonic()
    with dg.DagsterInstance.get() as instance, _Terminal() as terminal:
        failed = _run_all(instance, settings, terminal)
    seconds = time.monotonic() - started
    if failed and not summarizer.tables.authors.rows_by_bucket():
        say(failed)
        return 1
    say(["", *_report(summarizer, seconds), *failed])
    return 1 if failed else 0


def _run_all(instance: dg.DagsterInstance, settings: Settings, terminal: "_Terminal") -> list[str]:
    """Run the ingest, then every bucket; return a line for each failed run."""
    defs = build_defs(settings, overrides={"summarizer": Summarizer(settings, watch=terminal.watch)})
    keys = bucket_keys(Summarizer(settings).buckets)
    total = len(keys) + 1
    terminal.step(1, total, "authors")
    ingest = defs.resolve_job_def(INGEST).execute_in_process(
        run_config=ERRORS_ONLY,
        instance=instance,
        raise_on_error=False,
        tags={"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]},
    )
    if not ingest.success:
        return [f"The ingest failed. `make ui` shows why: run {ingest.run_id}"]
    failed = []
    summarize = defs.resolve_job_def(SUMMARIZE)
    for number, key in enumerate(keys, start=2):
        terminal.step(number, total, f"bucket {key}")
        run = summarize.execute_in_process(
            run_config=ERRORS_ONLY, instance=instance, partition_key=key, raise_on_error=False
        )
        if not run.success:
            failed.append(f"Bucket {key} ended with an error. `make ui` shows why: run {run.run_id}")
    return failed


class _Terminal:
    """A one-line progress bar on a terminal; writes nothing to a file."""

    def __init__(self) -> None:
        self._step = "starting"
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> Self:
        self._draw("")
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            sys.stderr.write("\r\033[K")

    def step(self, number: int, total: int, what: str) -> None:
        self._step = f"{number} of {total}"
        self._draw(what)

    def watch(self, progress: Progress | IngestProgress) -> None:
        self._draw(progress.line)

    def _draw(self, what: str) -> None:
        if self._shown:
            line = f"{self._step}  {what}"[: shutil.get_terminal_size().columns - 1]
            sys.stderr.write(f"\r\033[K{line}")
            sys.stderr.flush()


def _report(summarizer: Summarizer, seconds: float) -> Iterator[str]:
    tables = summarizer.tables
    authors = sum(tables.authors.rows_by_bucket().values())
    summaries = sum(tables.summaries.rows_by_bucket().values())
    failures = tables.failures.read().group_by("reason").len().sort("len", descending=True).collect()
    failed = int(failures["len"].sum())
    rejected = summarizer.rejected.read().select(pl.col("count").sum()).collect().item() or 0
    yield f"{number_of(authors)} in {duration(seconds)}"
    yield f"{summaries:>9,}  have a summary"
    yield f"{failed:>9,}  have none, for a reason:"
    for reason, number in failures.iter_rows():
        yield f"{number:>15,}  {reason}: {meaning_of(reason)}"
    yield f"{authors - summaries - failed:>9,}  are still to be asked"
    if rejected:
        yield f"{rejected:>9,}  rows of the source can be no author"
    yield ""
    yield "The tables (Delta Lake)"
    for table in (tables.authors, tables.summaries, tables.failures, summarizer.rejected):
        if table.open() is not None:  # do not create a table only to read it
            yield f"  {table.uri}"
    yield ""
    yield "Three of the summaries"
    for name, papers, summary in _three(summarizer):
        yield f"  {name}, {number_of(papers, 'paper')}"
        yield from textwrap.wrap(summary, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    yield ""
    yield "The report: how complete, what went wrong, what it cost, and ten summaries beside their facts"
    yield f"  {make(summarizer).place}"
    yield ""
    yield "Next"
    yield "  make ui     shows these runs and tables, on http://127.0.0.1:3000"
    if summarizer.settings.embedded:
        yield "  a model     these are templates filled with the authors' own facts; for a model's summaries set"
        yield "              SUMMARIZER_LLM_BASE_URL, SUMMARIZER_LLM_MODEL and SUMMARIZER_LLM_API_KEY"
    if summarizer.settings.source is None:
        yield "  your table  set SUMMARIZER_SOURCE, and a SUMMARIZER_ROOT of its own"
    yield "  README.md   every setting, and how to read the tables"


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


if __name__ == "__main__":
    sys.exit(main())

"""`summarizer run`: the own table, from the source to the summaries."""

import sys
import time
from typing import Any, Final

import click
import dagster as dg

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.bucket_runs import Ended, Job
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.cli.confirm import agreed, yes_option
from summarizer_assets.cli.dagster_home import dagster_instance
from summarizer_assets.cli.price import price_text
from summarizer_assets.cli.progress_bar import ProgressBar
from summarizer_assets.cli.ran import answer_of
from summarizer_assets.core.buckets import bucket_keys
from summarizer_assets.core.display_text import number_of
from summarizer_assets.estimate.figures import estimate_figures
from summarizer_assets.estimate.spend import estimate_spend, keep
from summarizer_assets.installation import Summarizer
from summarizer_assets.jobs import INGEST
from summarizer_assets.overview.work import buckets_to_run
from summarizer_assets.quality.names import AUTHORS
from summarizer_assets.sensors.runs import RunBook
from summarizer_assets.sources.watch import SourceLook, look_at

#: Allowed difference between the clocks of the source's writer and of the ingest's launcher.
_CLOCKS_DIFFER_S: Final = 60.0


@as_command
@click.option("--limit", type=click.IntRange(min=1), help="A pilot: the most authors that are sent in total.")
@click.option("--accept-loss", metavar="CODE", default="", help="Confirm the loss that a refused ingest reported.")
@yes_option
def command(*, limit: int | None, accept_loss: str, yes: bool) -> Answer:
    """Summarise your table: read the source, show the price, ask y/N, then send the authors.

    The source is read if it is new or changed. Ctrl-C stops safely; the same command continues later.

    \b
    Example: summarizer run --limit 50
    Status 1: authors failed, or a run stopped; standard error says why.
    """
    overrides: dict[str, Any] = {} if limit is None else {"limit": limit}
    summarizer = opened(needs_tables=False, **overrides)
    began = time.monotonic()
    with dagster_instance(summarizer) as instance, ProgressBar() as bar:
        job = Job(summarizer, instance, bar)
        ended = _ingest(summarizer, instance, job, bar, accept_loss)
        if ended.problems or ended.interrupted:
            return answer_of(summarizer, ended, began, ingested=True)
        spend = estimate_spend(summarizer)
        buckets = buckets_to_run(summarizer, spend.pending)
        if not buckets:
            bar.say("nobody is to be asked")
            return answer_of(summarizer, ended, began, ingested=bool(ended.run_ids))
        if round(spend.pending.asked):
            sys.stderr.write(price_text(spend) + "\n")
            if not agreed(f"Ask {number_of(round(spend.pending.asked))} now?", yes=yes):
                return Answer(data={"asked": False, "estimate": estimate_figures(spend)}, text="nobody was asked")
            keep(summarizer, spend)
        bar.authors = round(spend.pending.asked)
        ran = job.summarize(buckets)
        return answer_of(
            summarizer, ran, began, ingested=bool(ended.run_ids), buckets=buckets, price=estimate_figures(spend)
        )


def _ingest(
    summarizer: Summarizer, instance: dg.DagsterInstance, job: Job, bar: ProgressBar, accept_loss: str
) -> Ended:
    """Read the source if it is new or changed since the last ingest."""
    settings, uri = summarizer.settings, summarizer.source
    look = look_at(uri, settings.columns, summarizer.options_for(uri))
    if not accept_loss and summarizer.root.found is not None and _is_read(summarizer, instance, look):
        bar.say(f"source: {uri} is read as it is ({look.words})")
        return Ended()
    bar.say(f"source: reading {uri} ({look.words})")
    return job.ingest(look.state, accept_loss)


def _is_read(summarizer: Summarizer, instance: dg.DagsterInstance, look: SourceLook) -> bool:
    """Whether the last ingest of all buckets read the source as it is now."""
    book = RunBook(instance, INGEST, dg.AssetKey(AUTHORS), summarizer.root)
    runs = book.of_all(bucket_keys(summarizer.buckets))
    last = next((run for run in runs if run.end == "succeeded"), None)
    if last is None or last.found is not None:
        return last is not None and last.found == look.state
    return last.started_at is not None and last.started_at >= look.changed_at + _CLOCKS_DIFFER_S

"""`summarizer rebuild-status`: restores Dagster's partition status from the tables."""

from collections.abc import Iterator
from dataclasses import asdict

import click
import dagster as dg

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.cli.dagster_home import dagster_instance
from summarizer_assets.core.display_text import listed_buckets
from summarizer_assets.jobs import SUMMARIZE
from summarizer_assets.names import PLAIN, Names
from summarizer_assets.rebuild_status import ASSETS, Rebuilt, rebuild

_SHOWN = 20


@as_command
@click.option("--all", "everything", is_flag=True, help="Report green partitions too.")
@click.option("--prefix", default="", help="The prefix of the names in Dagster, in a project that gave one.")
def command(*, everything: bool, prefix: str) -> Answer:
    """Make Dagster's partitions green again from the tables, after Dagster's own storage was lost.

    A partition with rows is reported as materialised. Summaries and failures of a bucket are reported if each of its
    authors has one of the two; otherwise the bucket is listed and not changed. No request is made, no run is started,
    and no table is changed. A bucket with an active run is left to that run.

    \b
    Example: summarizer rebuild-status
    """
    names, summarizer = Names(prefix), opened()
    with dagster_instance(summarizer) as instance:
        found = rebuild(summarizer, instance, names, everything=everything)
        return Answer(data=asdict(found), text="\n".join(told(found, instance, names)))


def told(found: Rebuilt, instance: dg.DagsterInstance, names: Names = PLAIN) -> Iterator[str]:
    """Lines that say what was done and what remains to do."""
    for asset in ASSETS:
        line = f"{asset:<17} {found.reported.get(asset, 0):>5,} partitions reported as materialised"
        if asset in found.green:
            line += f", {found.green[asset]:,} were green already"
        yield line
    if found.at_work:
        yield f"A run works on {listed_buckets(found.at_work)}: it reports itself when it ends."
    if found.empty:
        yield f"No author in {listed_buckets(found.empty)}: materialise `authors` there to have the source read."
    left = sorted(bucket for bucket in found.others if bucket in {*found.unfinished, *found.empty, *found.at_work})
    if left:
        yield (
            f"Dagster shows {listed_buckets(left)} as done, by runs on another root ({found.others[left[0]]}): it has "
            "one history for all roots. Give each root a DAGSTER_HOME of its own."
        )
    if found.unfinished:
        pending = sum(coverage.pending for coverage in found.unfinished.values())
        yield f"Not done, and left as they were: {len(found.unfinished):,} buckets, {pending:,} authors without a row."
        for bucket, coverage in list(found.unfinished.items())[:_SHOWN]:
            numbers = f"{coverage.summaries:,} summaries + {coverage.failed:,} failed + {coverage.pending:,} pending"
            yield f"  {bucket}  {coverage.authors:,} authors = {numbers}"
        if len(found.unfinished) > _SHOWN:
            yield f"  and {len(found.unfinished) - _SHOWN:,} more"
        yield "To go on with them, which asks for the pending authors:"
        module = "" if names.prefix else "-m summarizer_assets.definitions "
        yield (
            f"  DAGSTER_HOME={instance.root_directory} dagster job backfill {module}"
            f"-j {names.of(SUMMARIZE)} --partitions {','.join(found.unfinished)} --noprompt"
        )

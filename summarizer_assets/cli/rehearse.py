"""`summarizer rehearse`: the job on a few authors, against a provider that fails on purpose."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import click

from summarizer_assets.cli.answer import DONE, NOT_GOOD, Answer
from summarizer_assets.cli.command import command_of_own_root
from summarizer_assets.cli.numbers import Count
from summarizer_assets.cli.plan_file import PLAN_FILE
from summarizer_assets.core.authors.failure_counts import meaning_of
from summarizer_assets.core.display_text import duration
from summarizer_assets.rehearsal.plan import Plan
from summarizer_assets.rehearsal.rehearse import OF_THE_CLIENT, rehearse
from summarizer_assets.settings import Settings, load_settings

_ROUTES = get_args(Settings.model_fields["route"].annotation)


@command_of_own_root("A new folder for its tables, which is kept; without one, a passing folder.")
@click.option("--source", help="Instead of SUMMARIZER_SOURCE.")
@click.option(
    "--authors", type=Count(), default=500, show_default=True, help="Number of authors, the first ones of the source."
)
@click.option("--plan", type=PLAN_FILE, help="What goes wrong, a JSON file; without one, something of everything.")
@click.option(
    "--route", type=click.Choice(_ROUTES), help="Instead of SUMMARIZER_ROUTE. By batch jobs, no day is waited."
)
def command(*, source: str | None, authors: int, plan: Plan | None, route: str | None, root: str | None) -> Answer:
    """Run the job on the first authors of the source, against a provider on loopback that fails on purpose.

    The ingest, all buckets and the retry sensor run as they would, with your settings but for the provider, its limits
    and prices, and the retry waits, which are short. No other provider is called, and your tables are not touched.

    \b
    Example: summarizer rehearse --authors 200 --plan plan.json
             summarizer rehearse --route batch
    Status 1: an author is left without a summary and a reason, or is stored twice, or batch jobs were booked wrongly.
    """
    given = load_settings() if source is None else load_settings(source=source)
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as passing:
        found = rehearse(given, Path(root or passing).absolute(), authors, plan, route=route, log=_say)
    bad = found["pending"] or found["stored_twice"] or (found["batch"] and not found["batch"]["agree"])
    return Answer(data=found, text="\n".join(_told(found)), status=NOT_GOOD if bad else DONE)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _told(found: dict[str, Any]) -> Iterator[str]:
    failed = sum(found["failed"].values())
    yield f"{found['authors']:,} authors in {duration(found['seconds'])}, in {found['runs']} runs"
    yield f"{found['summaries']:>9,}  have a summary"
    yield f"{failed:>9,}  have none, for a reason{':' if failed else ''}"
    for reason, number in found["failed"].items():
        yield f"{number:>15,}  {reason}: {meaning_of(reason)}"
    yield f"{found['pending']:>9,}  are still to be asked"
    yield f"{found['stored_twice']:>9,}  are stored twice"
    for cause, number in found["stopped"].items():
        yield f"{number:>9,}  runs stopped: {cause}"
    yield ""
    lines = f" and by {found['batch']['lines']:,} lines of batch jobs" if found["batch"] else ""
    asked = f"The provider was asked {found['requests']:,} times{lines}"
    yield f"{asked}, and {found['asked_for_models']:,} times for its models"
    for fault, number in found["answers"].items():
        yield f"{number:>9,}  {fault}"
    yield ""
    yield "What the job did about it"
    for name in OF_THE_CLIENT:
        yield f"{found[name]:>9,}  {name.replace('_', ' ')}"
    yield ""
    billed, wasted = found["billed_tokens"], found["wasted_tokens"]
    yield f"{billed:>9,}  tokens billed"
    yield f"{wasted:>9,}  of them ({wasted / max(1, billed):.0%}) for answers that were faulty or never arrived"
    yield f"{found['paid_twice']:>9,}  right answers paid for twice"
    if found["batch"]:
        yield ""
        yield from _of_batches(found["batch"])


def _of_batches(batch: dict[str, Any]) -> Iterator[str]:
    hours = duration(3_600 * batch["provider_hours"])
    yield f"{sum(batch['jobs'].values()):,} batch jobs of {batch['lines']:,} answered lines, in {hours} of its clock"
    for status, number in batch["jobs"].items():
        yield f"{number:>9,}  {status}"
    yield f"{batch['runs_that_waited']:>9,}  runs ended while a job was under way"
    names = {"billed": "billed", "booked": "booked", "uncertain": "uncertain: lines that never came"}
    for name, told in names.items():
        yield f"${batch[f'{name}_usd']:.9f}  {told}"

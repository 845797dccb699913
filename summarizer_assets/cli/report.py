"""`summarizer report`: the report of the root as a page."""

import sys
import webbrowser
from pathlib import Path

import click

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.report.make import make
from summarizer_assets.report.place import NAME


@as_command
@click.option("--open", "open_it", is_flag=True, help="Open the page in the browser.")
@click.option("--copy", type=click.Path(path_type=Path), metavar="FILE", help="Write the page to this file too.")
@click.option(
    "--no-compare", is_flag=True, help="Do not look for summaries of an older record: a fraction of the time."
)
def command(*, open_it: bool, copy: Path | None, no_compare: bool) -> Answer:
    """Write the report beside the tables: how complete, what went wrong, what it cost, what to do next.

    \b
    Example: summarizer report --open
    """
    summarizer = opened()
    if copy is None and open_it and summarizer.settings.remote:  # a browser opens files of this machine alone
        copy = summarizer.local_folder / NAME
    made = make(summarizer, compare=not no_compare, copy=copy)
    page = made.place if copy is None else str(copy.absolute())
    if open_it and not webbrowser.open(Path(page).as_uri()):
        sys.stderr.write("no browser could be started here: open the page yourself\n")
    steps = made.report.steps
    lines = [made.report.verdict, *(f"  {step.what}: {step.how}" for step in steps), page]
    coverage = made.report.coverage
    return Answer(
        data={
            "page": page,
            "verdict": made.report.verdict,
            "next": [{"what": step.what, "how": step.how} for step in steps],
            "authors": coverage.authors,
            "summaries": coverage.summaries,
            "failed": coverage.failed,
            "pending": coverage.pending,
        },
        text="\n".join(lines),
    )

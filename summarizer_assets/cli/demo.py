"""`summarizer demo`: the bundled sample with the embedded provider, whatever is set."""

import sys
import textwrap
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from summarizer_assets.cli.answer import DONE, NOT_GOOD, Answer
from summarizer_assets.cli.command import command_of_own_root
from summarizer_assets.cli.dagster_home import dagster_instance
from summarizer_assets.cli.progress_bar import ProgressBar
from summarizer_assets.core.authors.failure_counts import meaning_of
from summarizer_assets.core.display_text import duration, number_of
from summarizer_assets.demo import FOLDER, Demo, demo_settings, run_demo
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.environment import forget_all

_WIDTH = 100


@command_of_own_root(f"Its folder, instead of `{FOLDER}` in the current one.")
def command(*, root: str | None) -> Answer:
    """Summarise the bundled sample of 1,000 synthetic authors, with the provider that comes with the package.

    No key, no network and no cost: summaries are a template filled with each author's own facts. Tables, report and
    Dagster's history are in a folder of their own; no setting and no `.env` applies, and no table of yours is touched.

    \b
    Example: summarizer demo
    Status 1: a run ended with an error.
    """
    place = Path(root or FOLDER).absolute()
    forget_all()
    settings = demo_settings(place)
    sys.stderr.write(f"The bundled sample, the embedded provider, everything in {place}\n")
    with dagster_instance(Summarizer(settings)) as instance, ProgressBar() as bar:
        done = run_demo(settings, instance, step=bar.step, watch=bar.watch)
    return Answer(
        data={**asdict(done), "pending": done.pending},
        text="\n".join(_told(done)),
        status=NOT_GOOD if done.failed_runs else DONE,
    )


def _told(done: Demo) -> Iterator[str]:
    failed = sum(done.failed.values())
    yield f"{number_of(done.authors)} in {duration(done.seconds)}"
    yield f"{done.summaries:>9,}  have a summary"
    yield f"{failed:>9,}  have none, for a reason{':' if failed else ''}"
    for reason, number in done.failed.items():
        yield f"{number:>15,}  {reason}: {meaning_of(reason)}"
    yield f"{done.pending:>9,}  are still to be asked"
    if done.rejected_rows:
        yield f"{done.rejected_rows:>9,}  rows of the source can be no author"
    if done.examples:
        yield ""
        yield f"{len(done.examples)} of the summaries"
    for example in done.examples:
        yield f"  {example.name}, {number_of(example.papers, 'paper')}"
        yield from textwrap.wrap(example.summary, _WIDTH, initial_indent="    ", subsequent_indent="    ")
    yield from ("", *done.failed_runs) if done.failed_runs else ()
    yield ""
    yield f"The tables (Delta Lake) are in {done.root}: authors, author_summaries, failed_authors, rejected_source_rows"
    yield f"The report: {done.report}"
    yield ""
    yield "Next"
    yield "  summarizer ui     shows these runs and tables, on http://127.0.0.1:3000 (in a clone: make ui)"
    yield "  summarizer init   begins with a table and a model of your own; these summaries are templates"

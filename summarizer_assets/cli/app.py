"""The list of the commands, by section. A command's module is imported when the command is called, not for the list."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

#: By section: the commands and what each does. `rebuild-status` is `command` in `summarizer_assets.cli.rebuild_status`.
SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Start": {
        "demo": "See it work in a minute: the bundled sample, no key, a folder of its own",
        "init": "Four questions about your table and your provider; writes the file .env",
        "columns": "Show how the columns of a table are understood, and three records",
        "ping": "Send one author to the model: reply, tokens, price, limits",
    },
    "Run": {
        "run": "Summarise your table: read it, show the price, ask y/N, send the authors",
        "status": "Show progress, failures with their reasons, and what to do next",
        "redrive": "Retry failed authors, by reason, author or bucket",
        "resummarize": "Replace summaries, by prompt, model or age",
        "jobs": "List the batch jobs under way; cancel or adopt one",
    },
    "Inspect": {
        "author": "Show one author: record, summary with doubts marked, attempts, cost",
        "report": "Write the report: completeness, failures, cost",
        "ui": "Open Dagster's UI of the root",
    },
    "Money": {
        "estimate": "Show what the pending authors will cost; sends nothing",
        "spend": "Show what was spent, and what of it is uncertain",
        "calibrate": "Find the best number of authors per request for your model",
        "capacity": "Calculate how many workers a job needs, and how long it takes",
    },
    "Rehearse": {
        "rehearse": "Run the job on a few authors, against a provider that fails on purpose",
        "serve-faults": "Start only that provider",
    },
    "Maintain": {
        "maintain": "Join small files and remove old ones, so that the tables stay fast",
        "undo-ingest": "Restore what an ingest removed",
        "root": "Show the root and what belongs to it; accept copied or moved tables",
        "rebuild-status": "Make Dagster's partitions green again, from the tables",
    },
}
#: Commands that no person types.
HIDDEN: Final = ("webserver",)
_PACKAGE: Final = "summarizer_assets.cli"


class Sections(click.Group):
    """A group that imports a command's module when it is called, and lists the commands by section."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [name for section in SECTIONS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in {*HIDDEN, *self.list_commands(ctx)}:
            return None
        command: click.Command = import_module(f"{_PACKAGE}.{cmd_name.replace('-', '_')}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - the same
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl(list(commands.items()))


@click.command(cls=Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="summarizer-assets", message="%(version)s")
def main() -> None:
    """An LLM-written summary of every author of a large table, kept in Delta Lake.

    Settings are SUMMARIZER_* variables or lines of a file `.env` in the current folder.

    \b
    summarizer demo       see it work in a minute: 1,000 synthetic authors, no key
    summarizer init       start with your own table

    Exit status: 0 done; 1 done, with a bad result; 2 could not start.
    """

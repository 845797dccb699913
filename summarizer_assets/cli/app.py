"""The list of the commands, by section. A command's module is imported when the command is called, not for the list."""

from collections.abc import Mapping
from importlib import import_module
from typing import Final

import click

#: By section: the commands and what each does. `rebuild-status` is `command` in `summarizer_assets.cli.rebuild_status`.
SECTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "Begin": {
        "demo": "See it work in a minute: the bundled sample, no key, a folder of its own",
        "init": "Four questions about your table and your provider; writes the file .env",
        "columns": "Guess which column of a table is which, and show three records",
        "ping": "Ask the model for one author: reply, tokens, price, limits",
    },
    "Run": {
        "run": "Summarise your table: read it, show the price, ask y/N, ask the model",
        "status": "How far it is, what failed and why, and what to do next",
        "redrive": "Ask failed authors again, by reason, author or bucket",
        "resummarize": "Make summaries anew, by prompt, model or age",
    },
    "Look": {
        "author": "One author: record, summary with doubts marked, tries, cost",
        "report": "Write the report: how complete, what went wrong, what it cost",
        "ui": "Open Dagster's UI of the root",
    },
    "Money": {
        "estimate": "What all who are pending will cost, before anybody is asked",
        "spend": "What was spent under the root, and what of it is uncertain",
        "calibrate": "Find the best number of authors a request for your model",
        "capacity": "How many workers a job needs, and how long it takes",
    },
    "Rehearse": {
        "rehearse": "Run the job on a few authors, against a provider that fails on purpose",
        "serve-faults": "Serve that provider alone",
    },
    "Care": {
        "maintain": "Keep the tables cheap to open",
        "undo-ingest": "Bring back what an ingest took",
        "root": "The root and what belongs to it; tables that were copied or moved",
        "rebuild-status": "Make Dagster's partitions green again from the tables",
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
    summarizer init       begin with a table of your own

    Status: 0 done; 1 done, and the result is not good; 2 it could not begin.
    """

"""`summarizer webserver`: Dagster's webserver alone, behind the request guard; deployments start it, and `ui` does."""

import click

from summarizer_assets.cli.command import told_plainly
from summarizer_assets.settings import load_settings
from summarizer_assets.ui.webserver import serve


@click.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def command(*, options: tuple[str, ...]) -> None:
    """Serve Dagster's webserver behind the request guard, with the options of `dagster-webserver`.

    \b
    Example: summarizer webserver -w workspace.yaml --read-only
    """
    with told_plainly(as_json=False):
        settings = load_settings()
    serve(options, settings)

"""`summarizer redrive`: failed authors asked again, whatever their tries and due times."""

from datetime import UTC, datetime

import click

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.asking_again import ask_again, known_buckets
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.cli.confirm import yes_option
from summarizer_assets.core.authors.redrive import Choice, Redrive


@as_command
@click.option(
    "--reason", "reasons", multiple=True, help="Those that failed for this reason; may be given several times."
)
@click.option("--author", "authors", multiple=True, metavar="ID", help="This author; may be given several times.")
@click.option("--bucket", "buckets", multiple=True, help="Those in this bucket; may be given several times.")
@yes_option
def command(*, reasons: tuple[str, ...], authors: tuple[str, ...], buckets: tuple[str, ...], yes: bool) -> Answer:
    """Retry failed authors: show the price, ask y/N, then send them.

    An author must match all given options. Authors who are not due yet, have used up their attempts, or failed for a
    reason that is not retried automatically are included. Pending authors of the same buckets are sent too.

    \b
    Example: summarizer redrive --reason ungrounded
    Status 1: authors failed again, or a run stopped.
    """
    if not (reasons or authors or buckets):
        raise click.UsageError("say whom: --reason, --author or --bucket (`summarizer status` lists the reasons)")
    summarizer = opened()
    now = datetime.now(UTC)  # those that fail meanwhile are not asked a second time
    chosen = Redrive(frozenset(reasons), frozenset(authors), now)
    redrive = {"reasons": list(reasons), "authors": list(authors), "failed_before": now.isoformat()}
    only = known_buckets(summarizer, buckets)
    return ask_again(summarizer, Choice(redrive=chosen), {"redrive": redrive}, yes=yes, only=only)

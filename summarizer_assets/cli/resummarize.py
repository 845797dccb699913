"""`summarizer resummarize`: summaries made anew, by prompt, model and age."""

from datetime import UTC, datetime, timedelta

import click

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.asking_again import ask_again
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.cli.confirm import yes_option
from summarizer_assets.core.authors.redrive import Choice, Resummarize


@as_command
@click.option("--other-prompt-or-model", is_flag=True, help="Those made with others than the settings have now.")
@click.option("--prompt-version", "prompts", multiple=True, help="Those of it; may be given several times.")
@click.option("--model", "models", multiple=True, help="Those of it; may be given several times.")
@click.option("--older-than-days", type=click.FloatRange(min=0), help="Those made before so many days.")
@click.option("--author", "authors", multiple=True, metavar="ID", help="This author's; may be given several times.")
@yes_option
def command(
    *,
    other_prompt_or_model: bool,
    prompts: tuple[str, ...],
    models: tuple[str, ...],
    older_than_days: float | None,
    authors: tuple[str, ...],
    yes: bool,
) -> Answer:
    """Replace summaries: show the price, ask y/N, then send the authors.

    A summary must match all given options. An old summary stays until the new one is stored. Pending authors of the
    same buckets are sent too.

    \b
    Example: summarizer resummarize --other-prompt-or-model
    Status 1: authors failed, or a run stopped.
    """
    now = datetime.now(UTC)
    before = None if older_than_days is None else now - timedelta(days=older_than_days)
    chosen = Resummarize(frozenset(prompts), frozenset(models), frozenset(authors), before, other_prompt_or_model)
    if not chosen:
        raise click.UsageError(
            "say which: --other-prompt-or-model, --prompt-version, --model, --older-than-days, --author"
        )
    config = {
        "resummarize": {
            "other_prompt_or_model": other_prompt_or_model,
            "prompt_versions": list(prompts),
            "models": list(models),
            "authors": list(authors),
            **({} if before is None else {"before": before.isoformat()}),
        },
    }
    return ask_again(opened(), Choice(resummarize=chosen), config, yes=yes)

"""`summarizer estimate`: what the pending authors will cost, and what it would cost to make summaries anew."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.cli.numbers import Amount
from summarizer_assets.core.authors.redrive import Resummarize
from summarizer_assets.estimate.figures import estimate_figures, reconciliation_figures, renewal_figures
from summarizer_assets.estimate.markdown import estimate_markdown, reconciliation_markdown
from summarizer_assets.estimate.pictures import picture as drawn
from summarizer_assets.estimate.reconcile import reconcile
from summarizer_assets.estimate.renewal import renewals, renewals_markdown
from summarizer_assets.estimate.spend import estimate_spend, keep
from summarizer_assets.report.place import put_file


@as_command
@click.option("--record", is_flag=True, help="Store the estimate, to compare it later with the cost.")
@click.option("--picture", type=click.Path(path_type=Path), help="Write a chart to this file, as SVG.")
@click.option(
    "--other-prompt-or-model", is_flag=True, help="Anew: those with another prompt or model than the settings."
)
@click.option(
    "--prompt-version", multiple=True, help="Anew: those with this prompt version; may be given several times."
)
@click.option("--model", multiple=True, help="Anew: those with this model; may be given several times.")
@click.option("--older-than-days", type=Amount(), help="Anew: those older than this.")
def command(
    *,
    record: bool,
    picture: Path | None,
    other_prompt_or_model: bool,
    prompt_version: tuple[str, ...],
    model: tuple[str, ...],
    older_than_days: float | None,
) -> Answer:
    """Show what the pending authors will cost. Makes no request.

    With an option marked "Anew" it also shows what it would cost to replace existing summaries: those that match all
    given options.

    \b
    Example: summarizer estimate --model gpt-5-mini --older-than-days 90
    """
    chosen = Resummarize(
        frozenset(prompt_version),
        frozenset(model),
        before=None if older_than_days is None else datetime.now(UTC) - timedelta(days=older_than_days),
        other_identity=other_prompt_or_model,
    )
    summarizer = opened()
    spend = estimate_spend(summarizer)
    before = reconcile(summarizer)
    if record:
        keep(summarizer, spend)
    if picture is not None:
        put_file(picture, drawn(spend).svg)
    text = f"{estimate_markdown(spend)}\n\n{reconciliation_markdown(before)}\n"
    data = {**estimate_figures(spend), "last_estimate": None if before is None else reconciliation_figures(before)}
    if chosen:
        found = renewals(summarizer, chosen)
        text += f"\nThe chosen summaries, made anew:\n\n{renewals_markdown(found)}\n"
        data["anew"] = renewal_figures(found)
    return Answer(data=data, markdown=text)

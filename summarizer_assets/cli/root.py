"""`summarizer root`: the root and what belongs to it; decides about tables that were copied or moved unnoticed."""

import click

from summarizer_assets.cli.answer import Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.roots import give_new_id


@as_command
@click.option(
    "--new-id",
    is_flag=True,
    help="These tables are a copy: make them a separate root, whose spending starts with their cost.",
)
@click.option("--here", is_flag=True, help="These tables were moved: their old place is no longer used.")
def command(*, new_id: bool, here: bool) -> Answer:
    """Show the root and what belongs to it: its id, its state store, its journal. Makes no request.

    Use --new-id for tables that were copied, and --here for tables that were moved.

    \b
    Example: summarizer root --root trial --new-id
    """
    if new_id and here:
        raise click.UsageError("--new-id and --here contradict each other: give one")
    summarizer = opened()
    booked = None
    if new_id:
        summarizer, booked = _made_new(summarizer)
    if here:
        summarizer.root.require().name_in(summarizer.database, here=True)
    root = summarizer.root.require()
    facts = {
        "root": root.place,
        "id": root.id,
        "known as": summarizer.root_name,
        "state": summarizer.database.shown,
        "journal": str(summarizer.journal),
    }
    lines = [f"{name:<9} {value}" for name, value in facts.items()]
    if booked is not None:
        lines.insert(0, f"a new id; booked {exact_usd(booked)}, which its summaries cost")
    data = {name.replace(" ", "_"): value for name, value in facts.items()}
    return Answer(data=data if booked is None else {**data, "booked_usd": dollars(booked)}, text="\n".join(lines))


def _made_new(summarizer: Summarizer) -> tuple[Summarizer, int]:
    """Give the root a new id; return the installation with it, and what was booked, in nano-dollars."""
    table = summarizer.tables.authors.open()
    assert table is not None, "`opened` saw it"
    give_new_id(table)
    made = Summarizer(summarizer.settings)
    return made, made.ledger.raise_to(made.paid.cost)

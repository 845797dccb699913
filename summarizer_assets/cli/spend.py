"""`summarizer spend`: what was spent under the root."""

import sys

import click

from summarizer_assets.cli.answer import DONE, NOT_GOOD, Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.display_text import exact_usd, usd
from summarizer_assets.core.money.amounts import dollars
from summarizer_assets.storage.state_db.ledger import SpendLedger

_COUNTS = {"requests", "prompt_tokens", "cached_tokens", "completion_tokens"}  # the other totals are money


@as_command
@click.option("--release-uncertain", is_flag=True, help="The uncertain amount was not billed: stop counting it.")
@click.option(
    "--book-tables",
    is_flag=True,
    help="After a loss of the state store: book the cost of the answers in the tables and in the journal.",
)
def command(*, release_uncertain: bool, book_tables: bool) -> Answer:
    """Show what was spent under the root. Makes no request.

    \b
    Example: summarizer spend --json
    Status 1: the ledger's rows and totals disagree.
    """
    summarizer = opened()
    ledger, notes = summarizer.ledger, []
    if book_tables:
        paid = summarizer.paid
        notes.append(f"booked {exact_usd(ledger.raise_to(paid.cost))}\n")
        if paid.unpriced:
            notes.append(
                f"not booked: {paid.unpriced:,} summaries of which no price was known, or no usage told, when "
                "they came; look at the provider's bill, and lower SUMMARIZER_BUDGET_USD by what they cost\n"
            )
    if release_uncertain:
        notes.append(f"released {exact_usd(ledger.release_uncertain())}\n")
    budget = summarizer.settings.budget_usd
    wrong = ledger.audit()
    sys.stderr.writelines(f"the ledger does not add up: {problem}\n" for problem in wrong)
    return Answer(
        data={
            **{
                name if name in _COUNTS else f"{name}_usd": amount if name in _COUNTS else dollars(amount)
                for name, amount in ledger.totals().items()
            },
            "budget_usd": budget,
            "does_not_add_up": wrong,
        },
        text="".join(notes) + report(ledger, budget),
        status=NOT_GOOD if wrong else DONE,
    )


def report(ledger: SpendLedger, budget_usd: float | None) -> str:
    """The totals of a root, one per line."""
    totals = ledger.totals()
    lines = [
        ("spent", exact_usd(totals["spent"])),
        ("of that wasted", exact_usd(totals["wasted"])),
        ("uncertain", exact_usd(totals["uncertain"])),
        ("reserved by runs", exact_usd(totals["reserved"])),
        ("budget", "none" if budget_usd is None else usd(budget_usd)),
        ("requests", f"{totals['requests']:,}"),
        ("tokens in", f"{totals['prompt_tokens']:,} ({totals['cached_tokens']:,} cached)"),
        ("tokens out", f"{totals['completion_tokens']:,}"),
    ]
    return "".join(f"{name:<17} {value}\n" for name, value in lines)

"""Show what was spent under the configured root: `python -m summarizer_assets.spend`."""

import argparse
import sys

from summarizer_assets.command import opened
from summarizer_assets.core.display_text import exact_usd, usd
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.state_db.ledger import SpendLedger


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, 1 if the ledger's rows and totals disagree, 2 if there is no ledger to read."""
    parser = argparse.ArgumentParser(prog="python -m summarizer_assets.spend", description=__doc__)
    parser.add_argument(
        "--release-uncertain",
        action="store_true",
        help="what may have been billed was not: it counts to the budget no more",
    )
    parser.add_argument(
        "--book-tables",
        action="store_true",
        help="the state store was lost: book what the answers in table and journal cost, as far as no row tells of it",
    )
    options = parser.parse_args(arguments)
    try:
        summarizer = opened()
        ledger = summarizer.ledger
        if options.book_tables:
            paid = summarizer.paid
            sys.stdout.write(f"booked {exact_usd(ledger.raise_to(paid.cost))}\n")
            if paid.unpriced:
                sys.stdout.write(
                    f"not booked: {paid.unpriced:,} summaries of which no price was known, or no usage told, when "
                    "they came; look at the provider's bill, and lower SUMMARIZER_BUDGET_USD by what they cost\n"
                )
        if options.release_uncertain:
            sys.stdout.write(f"released {exact_usd(ledger.release_uncertain())}\n")
        sys.stdout.write(report(ledger, summarizer.settings.budget_usd))
        wrong = ledger.audit()
    except (SettingsError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stderr.writelines(f"the ledger does not add up: {problem}\n" for problem in wrong)
    return 1 if wrong else 0


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


if __name__ == "__main__":
    sys.exit(main())

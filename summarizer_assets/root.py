"""Show the configured root and what belongs to it: `python -m summarizer_assets.root`. Makes no request.

`--new-id` or `--here` decides whether tables that were copied, or moved unnoticed, are a new root or the same one.
"""

import argparse
import sys

from summarizer_assets.command import opened
from summarizer_assets.core.display_text import exact_usd
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.errors import StorageError
from summarizer_assets.storage.roots import give_new_id


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, or 2 if there are no tables, or they are a copy and no option decides about it."""
    parser = argparse.ArgumentParser(
        prog="python -m summarizer_assets.root",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    says = parser.add_mutually_exclusive_group()
    says.add_argument(
        "--new-id",
        action="store_true",
        help="these tables are a copy: make them a root of its own, whose budget begins with what they cost",
    )
    says.add_argument(
        "--here", action="store_true", help="these tables are the root now: where they were before, it is no more"
    )
    options = parser.parse_args(arguments)
    try:
        summarizer = opened()
        if options.new_id:
            summarizer = _made_new(summarizer)
        if options.here:
            summarizer.root.require().name_in(summarizer.database, here=True)
        sys.stdout.write(_told(summarizer))
    except (SettingsError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


def _made_new(summarizer: Summarizer) -> Summarizer:
    """Give the root a new id; return the installation with it."""
    table = summarizer.tables.authors.open()
    assert table is not None, "`opened` saw it"
    give_new_id(table)
    made = Summarizer(summarizer.settings)
    paid = made.paid
    sys.stdout.write(f"a new id; booked {exact_usd(made.ledger.raise_to(paid.cost))}, which its summaries cost\n")
    return made


def _told(summarizer: Summarizer) -> str:
    root = summarizer.root.require()
    lines = [
        ("root", root.place),
        ("id", root.id),
        ("known as", summarizer.root_name),
        ("state", summarizer.database.shown),
        ("journal", str(summarizer.journal)),
    ]
    return "".join(f"{name:<9} {value}\n" for name, value in lines)


if __name__ == "__main__":
    sys.exit(main())

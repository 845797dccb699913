"""The report of the configured root, without Dagster: `python -m summarizer_assets.report`."""

import argparse
import sys
from pathlib import Path

from summarizer_assets.command import opened
from summarizer_assets.report.make import make
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.errors import StorageError


def main(arguments: list[str] | None = None) -> int:
    """Write the report; return 0, or 2 if the tables cannot be read or the page cannot be written."""
    parser = argparse.ArgumentParser(prog="python -m summarizer_assets.report", description=__doc__)
    parser.add_argument(
        "--open-path",
        type=Path,
        metavar="FILE",
        help="write the page to this file too, for a browser: where the tables are on an object store",
    )
    parser.add_argument(
        "--no-compare",
        action="store_true",
        help="do not look for summaries of an older record: a fraction of the time, of a large table",
    )
    options = parser.parse_args(arguments)
    try:
        made = make(opened(), compare=not options.no_compare, copy=options.open_path)
    except (SettingsError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(f"{made.report.verdict}\n")
    for step in made.report.steps:
        sys.stdout.write(f"  {step.what}: {step.how}\n")
    sys.stdout.write(f"{options.open_path or made.place}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

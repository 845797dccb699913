"""What the authors that are pending now will cost: `python -m summarizer_assets.estimate`. Asks nobody."""

import argparse
import sys
from pathlib import Path

from summarizer_assets.estimate.pictures import picture
from summarizer_assets.estimate.reconcile import reconcile
from summarizer_assets.estimate.shown import estimate_markdown, reconciliation_markdown
from summarizer_assets.estimate.spend import estimate_spend, keep
from summarizer_assets.resources import Summarizer
from summarizer_assets.setting_errors import SettingsError
from summarizer_assets.settings import load_settings
from summarizer_assets.storage.errors import StorageError, TableError


def main(arguments: list[str] | None = None) -> int:
    """Returns 0, or 2 when the tables or the state store cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m summarizer_assets.estimate", description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep it, to be compared with what comes of it")
    parser.add_argument("--picture", type=Path, help="write a chart to this file, as SVG")
    options = parser.parse_args(arguments)
    try:
        summarizer = Summarizer(load_settings())
        spend = estimate_spend(summarizer)
        before = reconcile(summarizer)
        if options.record:
            keep(summarizer, spend)
    except (SettingsError, StorageError, TableError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.picture is not None:
        options.picture.write_bytes(picture(spend).svg)
    sys.stdout.write(f"{estimate_markdown(spend)}\n\n{reconciliation_markdown(before)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What the pending authors will cost: `python -m summarizer_assets.estimate`. Makes no request."""

import argparse
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from summarizer_assets.command import opened
from summarizer_assets.core.authors.redrive import Resummarize
from summarizer_assets.estimate.markdown import estimate_markdown, reconciliation_markdown
from summarizer_assets.estimate.pictures import picture
from summarizer_assets.estimate.reconcile import reconcile
from summarizer_assets.estimate.renewal import renewals, renewals_markdown
from summarizer_assets.estimate.spend import estimate_spend, keep
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.errors import StorageError, TableError


def main(arguments: list[str] | None = None) -> int:
    """Print the estimate; return 0, or 2 if the tables or the state store cannot be read."""
    parser = argparse.ArgumentParser(prog="python -m summarizer_assets.estimate", description=__doc__)
    parser.add_argument("--record", action="store_true", help="keep it, to be compared with what comes of it")
    parser.add_argument("--picture", type=Path, help="write a chart to this file, as SVG")
    anew = parser.add_argument_group("what it would cost to make summaries anew; all that is given must hold")
    anew.add_argument("--other-prompt-or-model", action="store_true", help="than those of the settings now")
    anew.add_argument("--prompt-version", action="append", default=[], help="may be given several times")
    anew.add_argument("--model", action="append", default=[], help="the same")
    anew.add_argument("--older-than-days", type=float)
    options = parser.parse_args(arguments)
    try:
        chosen = _chosen(options)
        summarizer = opened()
        spend = estimate_spend(summarizer)
        before = reconcile(summarizer)
        if options.record:
            keep(summarizer, spend)
        found = renewals(summarizer, chosen) if chosen else None
    except (SettingsError, StorageError, TableError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if options.picture is not None:
        options.picture.write_bytes(picture(spend).svg)
    sys.stdout.write(f"{estimate_markdown(spend)}\n\n{reconciliation_markdown(before)}\n")
    if found is not None:
        sys.stdout.write(f"\nThe chosen summaries, made anew:\n\n{renewals_markdown(found)}\n")
    return 0


def _chosen(options: argparse.Namespace) -> Resummarize:
    days = options.older_than_days
    return Resummarize(
        frozenset(options.prompt_version),
        frozenset(options.model),
        before=None if days is None else datetime.now(UTC) - timedelta(days=days),
        other_identity=options.other_prompt_or_model,
    )


if __name__ == "__main__":
    sys.exit(main())

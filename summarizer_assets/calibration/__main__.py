"""Calibration of the group size on your own model: `python -m summarizer_assets.calibration`.

Shows the requests and their cost. With `--spend` it makes them: the same authors at each size, booked in the ledger and
within SUMMARIZER_BUDGET_USD. No table is written.
"""

import argparse
import sys
from pathlib import Path

from summarizer_assets.calibration.calibrate import AUTHORS, SIZES, CalibrationStopped, calibrate, offer
from summarizer_assets.calibration.markdown import calibration_markdown, measured_markdown, offer_markdown
from summarizer_assets.calibration.pictures import picture
from summarizer_assets.command import opened
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.errors import StorageError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return 0, 1 if the provider or the budget ended it, 2 if it could not begin."""
    parser = argparse.ArgumentParser(
        prog="python -m summarizer_assets.calibration",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--spend", action="store_true", help="yes: ask, and pay for it")
    parser.add_argument("--authors", type=int, default=AUTHORS)
    parser.add_argument("--sizes", type=sizes, default=SIZES, help="authors a request, with commas: 1,5,20")
    parser.add_argument("--picture", type=Path, help="write a chart to this file, as SVG")
    options = parser.parse_args(arguments)
    try:
        summarizer = opened()
        offered = offer(summarizer, options.authors, options.sizes)
        sys.stdout.write(offer_markdown(offered) + "\n\n")
        if not options.spend:
            sys.stdout.write("Nothing was asked. To do it: --spend\n")
            return 0
        found = calibrate(summarizer, offered, log=_say)
    except (SettingsError, StorageError, ValueError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except CalibrationStopped as stopped:
        if stopped.measured:
            sys.stdout.write(measured_markdown(stopped.measured) + "\n")
        sys.stderr.write(f"the calibration stopped: {stopped}\n")
        return 1
    if options.picture is not None:
        options.picture.write_bytes(picture(found).svg)
    sys.stdout.write(calibration_markdown(found) + "\n")
    return 0


def sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())

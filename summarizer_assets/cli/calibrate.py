"""`summarizer calibrate`: how many authors one request should hold, measured on the own model."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from summarizer_assets.calibration.calibrate import AUTHORS, SIZES, CalibrationStopped, Offer, calibrate, offer
from summarizer_assets.calibration.comparison import Measured
from summarizer_assets.calibration.markdown import calibration_markdown, measured_markdown, offer_markdown
from summarizer_assets.calibration.pictures import picture as drawn
from summarizer_assets.cli.answer import NOT_GOOD, Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.cli.numbers import Count, Counts
from summarizer_assets.report.place import put_file


@as_command
@click.option("--spend", is_flag=True, help="Send the requests, and pay for them.")
@click.option("--authors", type=Count(), default=AUTHORS, show_default=True, help="Authors that are sent at each size.")
@click.option(
    "--sizes", type=Counts(), default=SIZES, help="Authors per request, separated by commas.  [default: 1,5,20,50,100]"
)
@click.option("--picture", type=click.Path(path_type=Path), help="Write a chart to this file, as SVG.")
def command(*, spend: bool, authors: int, sizes: list[int], picture: Path | None) -> Answer:
    """Find the best number of authors per request for your model.

    Without --spend it only shows the requests and their cost. With --spend it sends them: the same authors at each
    size, booked in the ledger and within SUMMARIZER_BUDGET_USD. No table is written.

    \b
    Example: summarizer calibrate --spend --authors 100 --sizes 1,5,20
    Status 1: the provider or the budget ended it early; the measurements until then are shown.
    """
    summarizer = opened()
    offered = offer(summarizer, authors, sizes)
    told, data = offer_markdown(offered), dict[str, Any](offer=_offer(offered))
    if not spend:
        return Answer(data=data, markdown=f"{told}\n\nNothing was asked. To do it: --spend")
    try:
        found = calibrate(summarizer, offered, log=_say)
    except CalibrationStopped as stopped:
        sys.stderr.write(f"the calibration stopped: {stopped}\n")
        data |= {"measured": _measured(stopped.measured), "stopped": str(stopped)}
        return Answer(data=data, markdown=f"{told}\n\n{measured_markdown(stopped.measured)}", status=NOT_GOOD)
    if picture is not None:
        put_file(picture, drawn(found).svg)
    data |= {"measured": _measured(found.measured), "recommendation": asdict(found.recommendation)}
    return Answer(data=data, markdown=f"{told}\n\n{calibration_markdown(found)}")


def _offer(offered: Offer) -> dict[str, Any]:
    return {
        "authors": offered.authors.height,
        "by_group_size": {size: asdict(found) for size, found in offered.by_size.items()},
        "all": asdict(offered.whole),
        "notices": list(offered.notices),
    }


def _measured(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    return [asdict(one) for one in measured]


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")

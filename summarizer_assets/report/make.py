"""Produces a report: gathers the data, draws the charts and writes the page beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from summarizer_assets.charts import Chart
from summarizer_assets.installation import Summarizer
from summarizer_assets.report.facts import Report
from summarizer_assets.report.gather import gather
from summarizer_assets.report.page import page
from summarizer_assets.report.pictures import pictures
from summarizer_assets.report.place import put


@dataclass(frozen=True)
class Made:
    """`place`: path or address of the page."""

    report: Report
    charts: Mapping[str, Chart]
    page: bytes
    place: str


def make(summarizer: Summarizer, at: datetime | None = None, *, compare: bool = True) -> Made:
    """Make the report; for the arguments see `gather`.

    Raises:
        StorageError: something cannot be read, or the page cannot be written.
    """
    report = gather(summarizer, at, compare=compare)
    charts = pictures(report)
    written = page(report, charts)
    settings = summarizer.settings
    place = put(settings.root, written, settings.storage_options if settings.remote else {})
    return Made(report, charts, written, place)

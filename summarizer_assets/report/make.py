"""Produces a report: gathers the data, draws the charts and writes the page beside the tables."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from summarizer_assets.charts import Chart
from summarizer_assets.installation import Summarizer
from summarizer_assets.report.facts import Report
from summarizer_assets.report.gather import gather
from summarizer_assets.report.page import page
from summarizer_assets.report.pictures import pictures
from summarizer_assets.report.place import keep_only, put, put_file


@dataclass(frozen=True)
class Made:
    """`place`: path or address of the page."""

    report: Report
    charts: Mapping[str, Chart]
    page: bytes
    place: str


def make(summarizer: Summarizer, at: datetime | None = None, *, compare: bool = True, copy: Path | None = None) -> Made:
    """Make the report.

    Args:
        summarizer: the installation.
        at: see `gather`.
        compare: see `gather`.
        copy: a file to which the page is written, too; the authors' scripts are then put into a folder beside it.

    Raises:
        StorageError: something cannot be read, or the page cannot be written.
    """
    settings = summarizer.settings
    options = settings.storage_options if settings.remote else {}
    written: set[str] = set()

    def write(name: str, content: bytes) -> None:
        written.add(name)
        put(settings.root, content, options, name)
        if copy is not None:
            put_file(copy.parent / name, content, lasting=False)

    report = gather(summarizer, at, compare=compare, put=write)
    charts = pictures(report)
    content = page(report, charts)
    place = put(settings.root, content, options)
    keep_only(settings.root, written, options)  # only now: the page of before looked for them
    if copy is not None:
        put_file(copy, content)
        keep_only(str(copy.absolute().parent), written, {})
    return Made(report, charts, content, place)

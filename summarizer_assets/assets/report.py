"""The asset `summary_report`: the report as a page beside the tables and on the asset's own page."""

from typing import Any

import dagster as dg
from pydantic import Field

from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.bucket_run.failure_table import worst_failures
from summarizer_assets.fact_metadata import to_metadata
from summarizer_assets.installation import Summarizer
from summarizer_assets.names import Names
from summarizer_assets.plain_failures import fails_plainly
from summarizer_assets.quality.names import FAILURES, SUMMARIES
from summarizer_assets.report.make import make
from summarizer_assets.report.markdown import numbers, texts
from summarizer_assets.report.place import NAME, SERVED_AT

REPORT = "summary_report"


class ReportConfig(dg.Config):
    """What a person may choose in the launchpad."""

    compare: bool = Field(
        default=True,
        description="Find the summaries of an older record, by rendering each author's present one. Without, they "
        "count as summaries, and the report of a large table takes a fraction of the time.",
    )


def build_report(names: Names) -> dg.AssetsDefinition:
    @dg.asset(
        key=names.asset(REPORT),
        deps=[names.asset(SUMMARIES), names.asset(FAILURES)],
        required_resource_keys={names.summarizer},
        kinds={"html"},
        code_version="1",
        description="How complete, what went wrong, what it cost, what to do next, and every author with record, "
        "summary, cost and earlier versions: numbers here, everything in the page. `open_report` opens it, where this "
        "UI is the project's own; elsewhere open the file `page`, which needs no server. It calls no model and costs "
        "nothing.",
    )
    @fails_plainly
    def summary_report(context: dg.AssetExecutionContext, config: ReportConfig) -> dg.MaterializeResult[None]:
        summarizer = names.summarizer_of(context)
        rooted = at_root(context, summarizer)
        made = make(summarizer, compare=config.compare)
        context.log.info("%s: %s", made.report.verdict, made.place)
        shown = {name: dg.MetadataValue.md(text) for name, text in texts(made.report, made.charts).items()}
        facts = {**shown, **_worst(names.asset(FAILURES), summarizer), **numbers(made.report), **rooted}
        return dg.MaterializeResult(
            metadata={
                "open_report": dg.MetadataValue.url(f"{SERVED_AT}/{NAME}"),
                "page": dg.MetadataValue.path(made.place),
                **to_metadata(REPORT, facts),
            }
        )

    return summary_report


def _worst(asset: dg.AssetKey, summarizer: Summarizer) -> dict[str, Any]:
    """The failures of all buckets that most need a person, with links to the pages of their buckets."""
    tables, page = summarizer.tables, "/".join(asset.path)
    found = worst_failures(
        tables.failures,
        tables.authors,
        summarizer.settings.max_attempts,
        lambda bucket: f"/assets/{page}?view=partitions&partition={bucket}",
    )
    return {"worst_failures": dg.MetadataValue.md(found)} if found else {}

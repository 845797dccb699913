"""The asset `summary_report`: the report as a page beside the tables and on the asset's own page."""

import dagster as dg
from pydantic import Field

from summarizer_assets.assets.root_tag import at_root
from summarizer_assets.installation import Summarizer
from summarizer_assets.report.make import make
from summarizer_assets.report.markdown import numbers, texts
from summarizer_assets.report.place import NAME, SERVED_AT
from summarizer_assets.user_errors import fails_plainly

REPORT = "summary_report"


class ReportConfig(dg.Config):
    """What a person may choose in the launchpad."""

    compare: bool = Field(
        default=True,
        description="Find the summaries of an older record, by rendering each author's present one. Without, they "
        "count as summaries, and a report takes a sixth of the time.",
    )


def build_report() -> dg.AssetsDefinition:
    @dg.asset(
        name=REPORT,
        deps=["author_summaries", "failed_authors"],
        kinds={"html"},
        code_version="1",
        description="How complete, what went wrong, what it cost, what to do next, and every author with record, "
        "summary, cost and earlier versions: numbers here, everything in the page. `open_report` opens it, where this "
        "UI is the project's own; elsewhere open the file `page`, which needs no server. It asks nobody and costs "
        "nothing.",
    )
    @fails_plainly
    def summary_report(
        context: dg.AssetExecutionContext, config: ReportConfig, summarizer: dg.ResourceParam[Summarizer]
    ) -> dg.MaterializeResult[None]:
        rooted = at_root(context, summarizer)
        made = make(summarizer, compare=config.compare)
        context.log.info("%s: %s", made.report.verdict, made.place)
        shown = {name: dg.MetadataValue.md(text) for name, text in texts(made.report, made.charts).items()}
        return dg.MaterializeResult(
            metadata={
                **rooted,
                "open_report": dg.MetadataValue.url(f"{SERVED_AT}/{NAME}"),
                "page": dg.MetadataValue.path(made.place),
                **shown,
                **numbers(made.report),
            }
        )

    return summary_report

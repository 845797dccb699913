"""Jobs: what a person or a sensor launches beside materialising assets by hand."""

from typing import Any

import dagster as dg

from summarizer_assets.assets.calibration import CALIBRATE as CALIBRATION_ASSET
from summarizer_assets.assets.estimate import ESTIMATE as ESTIMATE_ASSET
from summarizer_assets.assets.maintenance import MAINTENANCE
from summarizer_assets.assets.report import REPORT as REPORT_ASSET
from summarizer_assets.assets.summaries import FAILURES, SUMMARIES
from summarizer_assets.assets.table_checks import TABLE_CHECKS

REPORT = "report"
ESTIMATE, CALIBRATE = "estimate_spend", "calibrate_group_size"
INGEST, SUMMARIZE, MAINTAIN, CHECK = "ingest_authors", "summarize_bucket", "maintain_tables", "check_tables"


def ingest_job() -> Any:  # noqa: ANN401 - dagster does not export the type
    """The source into `authors`, all chosen buckets in one pass."""
    return dg.define_asset_job(
        INGEST,
        selection=dg.AssetSelection.assets("authors"),
        description="Brings the authors of the chosen buckets in line with the source, in one pass over it.",
    )


def estimate_job() -> Any:  # noqa: ANN401 - dagster does not export the type
    """The price of all that is pending."""
    return dg.define_asset_job(
        ESTIMATE,
        selection=dg.AssetSelection.assets(ESTIMATE_ASSET),
        description="Tells what the pending authors will cost. It asks nobody and changes no table.",
    )


def calibration_job() -> Any:  # noqa: ANN401 - dagster does not export the type
    """The group size for the user's own model."""
    return dg.define_asset_job(
        CALIBRATE,
        selection=dg.AssetSelection.assets(CALIBRATION_ASSET),
        description="Shows what it costs to find the best group size; with `spend: true` in the config, finds it.",
    )


def summarize_job() -> Any:  # noqa: ANN401 - dagster does not export the type
    """One bucket's summaries and failures."""
    return dg.define_asset_job(
        SUMMARIZE,
        selection=dg.AssetSelection.assets(SUMMARIES, FAILURES),
        description="Asks the authors of one bucket that are pending, or failed and due.",
    )


def maintenance_job() -> Any:  # noqa: ANN401 - dagster does not export the type
    """Small files joined, expired log entries and unused files removed, in all tables."""
    return dg.define_asset_job(
        MAINTAIN,
        selection=dg.AssetSelection.assets(MAINTENANCE),
        description="Keeps the tables cheap to open. Safe beside running summaries.",
    )


def check_job() -> Any:  # noqa: ANN401 - dagster does not export the type
    """All buckets of all tables checked."""
    return dg.define_asset_job(
        CHECK,
        selection=dg.AssetSelection.assets(TABLE_CHECKS),
        description="Checks the whole tables. It calls nobody and changes nothing. Safe beside running summaries.",
    )


def report_job() -> Any:  # noqa: ANN401 - dagster does not export the type
    """The report over all buckets."""
    return dg.define_asset_job(
        REPORT,
        selection=dg.AssetSelection.assets(REPORT_ASSET),
        description="Writes report.html beside the tables. It asks nobody and changes no table.",
    )

"""The Dagster jobs that people and sensors launch."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from summarizer_assets.assets.calibration import CALIBRATE as CALIBRATION_ASSET
from summarizer_assets.assets.estimate import ESTIMATE as ESTIMATE_ASSET
from summarizer_assets.assets.failure_redrive import FAILURE_REDRIVE
from summarizer_assets.assets.maintenance import MAINTENANCE
from summarizer_assets.assets.report import REPORT as REPORT_ASSET
from summarizer_assets.assets.table_checks import TABLE_CHECKS
from summarizer_assets.names import Names
from summarizer_assets.quality.names import AUTHORS, FAILURES, SUMMARIES

REPORT = "report"
ESTIMATE, CALIBRATE, REDRIVE = "estimate_spend", "calibrate_group_size", "redrive_failures"
INGEST, SUMMARIZE, MAINTAIN, CHECK = "ingest_authors", "summarize_bucket", "maintain_tables", "check_tables"

#: A run's config with which only errors reach the terminal.
ERRORS_ONLY: Mapping[str, Any] = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}

#: By job: the assets that it materialises, and its description.
_JOBS: Mapping[str, tuple[tuple[str, ...], str]] = {
    INGEST: (
        (AUTHORS,),
        "Brings the authors of the chosen buckets in line with the source, in one pass over it.",
    ),
    ESTIMATE: (
        (ESTIMATE_ASSET,),
        "Tells what the pending authors will cost. It calls no model and changes no table.",
    ),
    CALIBRATE: (
        (CALIBRATION_ASSET,),
        "Shows what it costs to find the best group size; with `spend: true` in the config, finds it.",
    ),
    SUMMARIZE: (
        (SUMMARIES, FAILURES),
        "Asks the authors of one bucket that are pending, or failed and due.",
    ),
    REDRIVE: (
        (FAILURE_REDRIVE,),
        "Shows what it costs to ask again who failed for some reasons, in all buckets; with `spend: true`, asks them.",
    ),
    MAINTAIN: (
        (MAINTENANCE,),
        "Keeps the tables cheap to open: small files joined, what expired removed. Safe beside running summaries.",
    ),
    CHECK: (
        (TABLE_CHECKS,),
        "Checks the whole tables. It calls nobody and changes nothing. Safe beside running summaries.",
    ),
    REPORT: (
        (REPORT_ASSET,),
        "Writes report.html beside the tables. It calls no model and changes no table.",
    ),
}


def build_jobs(names: Names) -> list[Any]:
    """An asset job for each name above; Dagster does not export their type."""
    return [
        dg.define_asset_job(
            names.of(name),
            selection=dg.AssetSelection.assets(*(names.asset(asset) for asset in assets)),
            description=description,
        )
        for name, (assets, description) in _JOBS.items()
    ]

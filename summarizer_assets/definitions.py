"""The Dagster definitions: assets, jobs, sensors, schedules and resources. Tests override resources here."""

import warnings
from collections.abc import Mapping
from typing import Any

import dagster as dg

from summarizer_assets.assets.authors import build_authors
from summarizer_assets.assets.calibration import build_calibration
from summarizer_assets.assets.described import described
from summarizer_assets.assets.estimate import build_estimate
from summarizer_assets.assets.failure_redrive import build_failure_redrive
from summarizer_assets.assets.maintenance import build_maintenance
from summarizer_assets.assets.report import build_report
from summarizer_assets.assets.source import build_source
from summarizer_assets.assets.summaries import build_summaries
from summarizer_assets.assets.table_checks import build_table_checks
from summarizer_assets.checks import build_author_checks
from summarizer_assets.installation import Summarizer
from summarizer_assets.io_manager import build_io_manager
from summarizer_assets.jobs import INGEST, SUMMARIZE, build_jobs
from summarizer_assets.partitions import bucket_partitions
from summarizer_assets.run_history import build_prune_schedule, prune_job
from summarizer_assets.schedules import build_schedules
from summarizer_assets.sensors import build_sensors
from summarizer_assets.settings import Settings, load_settings
from summarizer_assets.settings_page import shown_resource


def build_defs(settings: Settings | None = None, *, overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """All definitions for `settings` (None: read from the environment); `overrides` replace resources by key."""
    settings = settings or load_settings()
    summarizer = Summarizer(settings)
    partitions = bucket_partitions(summarizer.buckets)
    with warnings.catch_warnings():
        # The single pass over the source for many buckets needs it, and dagster is pinned; a user could not change it.
        warnings.filterwarnings("ignore", "Parameter `backfill_policy`", dg.BetaWarning)
        warnings.filterwarnings("ignore", "Specifying a partitions_def on an AssetCheckSpec", dg.PreviewWarning)
        summaries = build_summaries(partitions, summarizer.identity.prompt_version)
        warnings.filterwarnings("ignore", ".*CodeReference", dg.BetaWarning)
        source = build_source(summarizer)
        assets = [
            build_authors(partitions, source.key),
            build_estimate(),
            build_calibration(),
            build_failure_redrive(),
            summaries,
            build_maintenance(),
            build_table_checks(),
            build_report(),
        ]
        assets = described(assets, summarizer)
    return dg.Definitions(
        assets=[source, *assets],
        asset_checks=[build_author_checks()],
        jobs=[*build_jobs(), prune_job()],
        schedules=[*build_schedules(), build_prune_schedule()],
        sensors=build_sensors(summarizer, ingest=INGEST, summarize=SUMMARIZE),
        resources={"summarizer": shown_resource(summarizer), "delta": io_manager(summarizer), **(overrides or {})},
        # One process per run: a separate process for the only step costs 3 CPU seconds more.
        executor=dg.in_process_executor,
    )


def io_manager(summarizer: Summarizer) -> dg.IOManagerDefinition:
    """The IO manager over the installation's tables. Credentials for `s3://` come from the usual AWS variables."""
    tables = summarizer.tables
    return build_io_manager(
        {"authors": tables.authors, "author_summaries": tables.summaries, "failed_authors": tables.failures},
        summarizer.settings.root,
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build_defs()

"""Dagster sensors, one per file; `decide` contains their decisions as pure functions."""

from collections.abc import Sequence

import dagster as dg

from summarizer_assets.installation import Summarizer
from summarizer_assets.sensors.authors import build_authors_sensor
from summarizer_assets.sensors.lapsed import build_lost_sensor
from summarizer_assets.sensors.launch_redrives import build_launch_redrives
from summarizer_assets.sensors.retry import build_retry_sensor
from summarizer_assets.sensors.source import build_source_sensor
from summarizer_assets.sensors.tick import TickLimits


def build_sensors(summarizer: Summarizer, *, ingest: str, summarize: str) -> Sequence[dg.SensorDefinition]:
    """Build all sensors.

    Args:
        summarizer: the installation, whose settings give intervals and limits.
        ingest: name of the job that reads the source.
        summarize: name of the job that runs one bucket.
    """
    settings = summarizer.settings
    every = settings.retry_interval_s
    limits = TickLimits(settings.retry_runs_per_tick, settings.retry_most_queued, settings.retry_probe_s)
    return [
        build_retry_sensor(summarize, interval_s=every, limits=limits),
        build_lost_sensor(summarize=summarize, ingest=ingest, interval_s=every, lost_after_s=settings.lost_after_s),
        build_source_sensor(ingest, interval_s=max(every, 30), settle_s=settings.source_settle_s),
        build_authors_sensor(summarize, interval_s=every, limits=limits),
        build_launch_redrives(summarize, interval_s=every, runs_per_tick=settings.retry_runs_per_tick),
    ]

"""Which sensors there are, and how the settings make them."""

from collections.abc import Collection, Sequence

import dagster as dg

from summarizer_assets.assets.failure_redrive import LAUNCH_REDRIVES
from summarizer_assets.installation import Summarizer
from summarizer_assets.names import Names
from summarizer_assets.sensors.authors import AUTHORS_SENSOR, build_authors_sensor
from summarizer_assets.sensors.batches import BATCH_SENSOR, build_batch_sensor
from summarizer_assets.sensors.lapsed import LOST_SENSOR, build_lost_sensor
from summarizer_assets.sensors.launch_redrives import build_launch_redrives
from summarizer_assets.sensors.retry import RETRY_SENSOR, build_retry_sensor
from summarizer_assets.sensors.source import SOURCE_SENSOR, build_source_sensor
from summarizer_assets.sensors.tick import TickLimits
from summarizer_assets.settings.errors import SettingsError

SENSORS = (RETRY_SENSOR, LOST_SENSOR, SOURCE_SENSOR, AUTHORS_SENSOR, LAUNCH_REDRIVES, BATCH_SENSOR)


def build_sensors(
    summarizer: Summarizer, names: Names, *, ingest: str, summarize: str, wanted: Collection[str] = SENSORS
) -> Sequence[dg.SensorDefinition]:
    """Build the sensors.

    Args:
        summarizer: the installation, whose settings give intervals and limits.
        names: the names in Dagster.
        ingest: plain name of the job that reads the source.
        summarize: plain name of the job that runs one bucket.
        wanted: plain names of the sensors that are built.

    Raises:
        SettingsError: one of `wanted` is no sensor.
    """
    unknown = sorted(set(wanted) - set(SENSORS))
    if unknown:
        raise SettingsError(f"sensors: there is no sensor {unknown[0]}; allowed: {', '.join(SENSORS)}")
    settings = summarizer.settings
    every = settings.retry_interval_s
    limits = TickLimits(settings.retry_runs_per_tick, settings.retry_most_queued, settings.retry_probe_s)
    built = {
        RETRY_SENSOR: build_retry_sensor(names, summarize, interval_s=every, limits=limits),
        LOST_SENSOR: build_lost_sensor(
            names, summarize=summarize, ingest=ingest, interval_s=every, lost_after_s=settings.lost_after_s
        ),
        SOURCE_SENSOR: build_source_sensor(names, ingest, interval_s=max(every, 30), settle_s=settings.source_settle_s),
        AUTHORS_SENSOR: build_authors_sensor(names, summarize, interval_s=every, limits=limits),
        BATCH_SENSOR: build_batch_sensor(names, summarize, interval_s=max(every, 60), limits=limits),
        LAUNCH_REDRIVES: build_launch_redrives(
            names, summarize, interval_s=every, runs_per_tick=settings.retry_runs_per_tick
        ),
    }
    return [sensor for name, sensor in built.items() if name in wanted]

"""What keeps the tables up by itself: one sensor a file; what they decide is in `core`, pure."""

from collections.abc import Sequence

import dagster as dg

from summarizer_assets.resources import Summarizer
from summarizer_assets.sensors.retry import Limits, build_retry_sensor


def build_sensors(summarizer: Summarizer, *, summarize: str) -> Sequence[dg.SensorDefinition]:
    """All of them.

    Args:
        summarizer: whose settings say how often and how much.
        summarize: the job that runs one bucket.
    """
    settings = summarizer.settings
    limits = Limits(settings.retry_runs_per_tick, settings.retry_most_queued, settings.retry_probe_s)
    return [build_retry_sensor(summarize, interval_s=settings.retry_interval_s, limits=limits)]

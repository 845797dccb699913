"""What is known about an installation's speed, from its settings, its calibration and its earlier runs."""

from summarizer_assets.core.duration import Pace, throughput
from summarizer_assets.core.rate_schedule import RateLimits
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.state_db.estimates import EstimateBook


def pace_of(summarizer: Summarizer) -> Pace:
    settings, identity = summarizer.settings, summarizer.identity
    book = EstimateBook(summarizer.database, summarizer.root_name)
    return Pace(
        limits=RateLimits(settings.rpm, settings.tpm),
        max_in_flight=settings.max_in_flight,
        group_size=settings.group_size,
        latencies=book.latencies(identity.prompt_version, identity.model),
        author_s=throughput(summarizer.state.recent_runs()).author_s,
    )

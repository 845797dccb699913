"""The footprint of a job in tables and in Dagster, from measured sizes."""

import math
from dataclasses import dataclass

from summarizer_assets.capacity.fleet import Costs, Fleet, Job, least_commits

# What a job leaves behind, and where it was measured.

#: A run's event file 170 kB, its share of `index.db` 33 kB, four files: docs/scale.md, "Dagster's pages and its disk".
_EVENTS_BYTES, _FILES_OF_A_RUN = 170_000 + 33_000, 4
#: Active files per row: 2.5 GB for 20 million authors (docs/scale.md), 50 MB for 250,000 summaries (tables.md).
_AUTHOR_BYTES, _SUMMARY_BYTES = 125, 199
#: A run's peak memory: 283 MB with 1,000 authors (docs/group-sizes.md), 567 with 62,500, 697 with 78,000
#: (docs/scale.md).
_RUN_BYTES, _RUN_AUTHOR_BYTES = 280e6, 5_400


@dataclass(frozen=True)
class Footprint:
    """What a job leaves behind, and what one run needs, in bytes. `files`, `versions`: of `author_summaries`."""

    runs: int
    authors_a_bucket: int
    run_bytes: float
    versions: int
    files: int
    table_bytes: float
    event_bytes: float
    event_files: int


def footprint_of(job: Job, fleet: Fleet, costs: Costs, seconds: float) -> Footprint:
    authors = job.authors / fleet.buckets
    in_a_run = seconds / fleet.rounds / costs.commit_interval_s  # commits of a run by the interval
    by_time = min(in_a_run, job.requests / fleet.buckets)
    commits = max(least_commits(authors, fleet, costs), math.ceil(by_time) + (by_time > 1))
    return Footprint(
        runs=fleet.buckets,
        authors_a_bucket=math.ceil(authors),
        run_bytes=_RUN_BYTES + authors * _RUN_AUTHOR_BYTES,
        versions=fleet.buckets * commits,
        files=fleet.buckets,
        table_bytes=job.authors * (_AUTHOR_BYTES + _SUMMARY_BYTES),
        event_bytes=fleet.buckets * _EVENTS_BYTES,
        event_files=fleet.buckets * _FILES_OF_A_RUN,
    )

"""Which buckets a run over the whole root takes: those with authors to ask, and those whose rows must be put right."""

import polars as pl

from summarizer_assets.core.estimation.sampling import Pending
from summarizer_assets.installation import Summarizer
from summarizer_assets.sensors.facts import barred_buckets

_AN_AUTHOR = 0.5  # where all were counted, the numbers are whole


def buckets_to_run(summarizer: Summarizer, pending: Pending) -> list[str]:
    """The buckets to run, in order.

    Where the pending authors were counted, theirs; where they were estimated from a sample, also each bucket whose
    authors changed since its last run. Then those with rows of people who left the source or may not be sent, and those
    with batch jobs under way, which only a run collects. A bucket that turns out to hold no work costs a second, and no
    request.

    Raises:
        StorageError: a table or the state store cannot be read.
    """
    asked = {bucket: pending.new[bucket] + pending.known[bucket] for bucket in pending.new}
    wanted = {bucket for bucket, authors in asked.items() if authors >= _AN_AUTHOR}
    changed, run_before = _changed(summarizer)
    if pending.counted or pending.held_back:
        changed &= run_before  # else they have nothing but authors, and these were counted
    else:
        wanted |= {bucket for bucket, authors in asked.items() if authors > 0}
    barred = barred_buckets(summarizer, summarizer.settings.excluded_ids)
    return sorted(wanted | changed | barred | summarizer.jobs.waiting().keys())


def _changed(summarizer: Summarizer) -> tuple[set[str], set[str]]:
    """Buckets whose authors were written after their last run began, and buckets that were ever run."""
    table = summarizer.tables.authors.open()
    adds = pl.DataFrame() if table is None else pl.DataFrame(table.get_add_actions(flatten=True))
    runs = summarizer.state.recent_runs(each=1)
    began = {bucket: past[0].started_at for bucket, past in runs.items() if past}
    if adds.is_empty():
        return set(), set(began)
    written = adds.group_by("partition.bucket").agg(pl.col("modification_time").max())
    changed = {bucket for bucket, moment in written.iter_rows() if moment / 1000 >= began.get(bucket, 0.0)}
    return changed, set(began)

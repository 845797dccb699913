"""The third phase of a bucket's run: count the outcomes, decide how the run ends, and yield the last changes."""

import time
from collections import Counter
from collections.abc import Iterator

import polars as pl

from summarizer_assets.bucket_run.changes import Asked
from summarizer_assets.bucket_run.run_settings import RunContext
from summarizer_assets.bucket_run.totals import BucketCounts, Settled
from summarizer_assets.bucket_run.work import Found, Work
from summarizer_assets.core.outcome import Stop
from summarizer_assets.storage.delta.changes import Change, Compact, Merge


def untouched(found: Found) -> Settled:
    """The result of a run that has done nothing yet."""
    removed = 0 if found.work is None else len(found.snapshot.plan.removed)  # who only tells a price removes nobody
    counts = BucketCounts.standing(found.snapshot.plan, found.snapshot.plan.failures, removed=removed)
    return Settled(counts, found.snapshot.failures)


def settle(context: RunContext, work: Work, asked: Asked, began: float) -> Settled:
    """The result of a run that has asked. `began`: when it started, in seconds of the monotonic clock."""
    plan, todo, tally = work.snapshot.plan, work.todo, work.outcomes.tally
    failed = work.outcomes.failures()
    unreached = work.outcomes.open_positions()
    reached = set(todo.ids) - {todo.ids[position] for position in unreached}
    # Who was asked again by choice keeps the summary when that fails; the numbers tell of it.
    renewable = [todo.ids[place] for place, has in enumerate(todo.has_summary) if has and todo.renews(place)]
    renewals = pl.col("author_id").is_in(renewable)
    kept, counted = failed.frame.filter(renewals), failed.frame.filter(~renewals)
    columns = context.tables.failures.schema.names()
    kept_rows = [author not in reached for author in plan.failures["author_id"].to_list()]
    standing = plan.failures.filter(pl.Series(kept_rows, dtype=pl.Boolean))
    failures = pl.concat([standing.select(columns), counted.select(columns)]).sort("author_id")
    counts = BucketCounts.standing(
        plan,
        failures,
        new=tally.answered - tally.renewed,
        answered=tally.answered,
        newly_failed=failed.frame.height,
        replayed=work.replayed,
        held_back=asked.held_back,
        removed=len(plan.removed),
        renewed=tally.renewed,
        kept_old=Counter(dict(kept.group_by("reason").len().iter_rows())),
    )
    return Settled(
        counts,
        failures,
        stop=asked.stop or _too_many_failures(counts, context.settings.max_failure_share) or _unfinished(counts),
        removed=plan.removed | work.snapshot.outdated_among(failed.frame),
        # Whoever was chosen and not reached: the bucket is not done, though each of them has a row.
        unreached=sum(todo.renews(place) or todo.driven[place] for place in unreached),
        segments=[*work.segments, *failed.segments],
        seconds=time.monotonic() - began,
        totals=asked.totals,
    )


def last_changes(context: RunContext, work: Work, settled: Settled, *, wrote: bool) -> Iterator[Change]:
    """The last replacements and removals; then, if the run wrote any file, the compaction of the bucket."""
    last = work.outcomes.take_replacing()
    if last.frame.height or settled.removed:
        yield Merge(context.bucket, last.frame, settled.removed)
        last.committed()
        wrote = True
    if wrote:
        with context.state.compaction(context.bucket, context.run_id) as ours:
            if ours:  # else the maintenance does it at this moment
                yield Compact(context.bucket)


def _too_many_failures(counts: BucketCounts, most: float) -> Stop | None:
    if not counts.asked or counts.newly_failed / counts.asked <= most:
        return None
    return Stop(
        "too_many_failures",
        f"{counts.newly_failed} of {counts.asked} authors failed, more than SUMMARIZER_MAX_FAILURE_SHARE={most} "
        "allows; all is stored, failed_authors tells why",
    )


def _unfinished(counts: BucketCounts) -> Stop | None:
    left = counts.pending - counts.held_back
    if not left:
        return None
    return Stop("unfinished", f"{left} authors were not reached, for no known reason; materialise the partition again")

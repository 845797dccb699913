"""A pilot's bound: at most SUMMARIZER_LIMIT authors are ever asked, over all buckets."""

from collections.abc import Sequence

from summarizer_assets.bucket_run.run_settings import Tables
from summarizer_assets.bucket_run.work import Work


def within_limit(positions: Sequence[int], work: Work, limit: int | None, tables: Tables) -> tuple[Sequence[int], int]:
    """Those of the open `positions` that may be asked, and how many more stay pending for the limit.

    Who was asked before may be again.
    """
    if limit is None:
        return positions, 0
    known = {position for position, asked in enumerate(work.todo.asked_before) if asked}
    new = [position for position in positions if position not in known]
    # Those whom a dead run asked, and whom no table counts yet, take their part of the limit first.
    replayed = len(work.todo.ids) - len(known.union(positions))
    granted = max(0, work.claim.grant(replayed + len(new), limit, tables.authors_asked) - replayed)
    return sorted(known.intersection(positions).union(new[:granted])), len(new[granted:])

"""A pilot's bound: at most SUMMARIZER_LIMIT authors are ever asked, over all buckets."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from summarizer_assets.bucket_run.journal_records import Todo
from summarizer_assets.bucket_run.run_settings import Tables
from summarizer_assets.bucket_run.snapshot import Stock
from summarizer_assets.storage.state_db.claim import Claim


@dataclass(frozen=True)
class Allowed:
    """`positions` may be asked; `held_back` more authors stay pending."""

    positions: list[int]
    held_back: int


def within_limit(
    positions: Sequence[int], todo: Todo, stock: Stock, claim: Claim, limit: int, tables: Tables
) -> Allowed:
    """Those of the open `positions` that may be asked; who was asked before may be again."""
    failed = set(stock.failures.filter(pl.col("attempts") > 0)["author_id"])
    known = {position for position, author in enumerate(todo.ids) if todo.held[position] or author in failed}
    new = [position for position in positions if position not in known]
    # Those whom a dead run asked, and whom no table counts yet, take their part of the limit first.
    replayed = len(todo.ids) - len(known.union(positions))
    granted = max(0, claim.grant(replayed + len(new), limit, tables.authors_asked) - replayed)
    # Somebody with a standing failure is not pending, whether asked now or not.
    standing = set(stock.plan.failures["author_id"])
    held_back = sum(todo.ids[position] not in standing for position in new[granted:])
    return Allowed(sorted(known.intersection(positions).union(new[:granted])), held_back)

"""Which authors a report shows one by one: all of a small table, of a large one a bounded sample. Pure.

Of a large table each bucket shows its share: up to half of it failed authors, up to a quarter authors whose
summary is in doubt, and for the rest whoever the lot falls on. The lot is the author's id alone, so that an author who
is shown today is shown tomorrow, too.
"""

import math
from collections.abc import Mapping

import polars as pl

_SEED = 15


def shares(sizes: Mapping[str, int], most: int) -> dict[str, int]:
    """The number of authors that each bucket shows, about `most` in all; `sizes`: its authors."""
    total = sum(sizes.values())
    if total <= most:
        return dict(sizes)
    return {bucket: math.ceil(most * size / total) for bucket, size in sizes.items()}


def chosen(authors: pl.DataFrame, share: int) -> pl.DataFrame:
    """The author_id of those shown of one bucket.

    Args:
        authors: author_id (unique), `failed` and `doubtful` (Boolean, no nulls).
        share: at most so many.
    """
    if authors.height <= share:
        return authors.select("author_id")
    drawn = authors.with_columns(lot=pl.col("author_id").hash(_SEED))
    failed = drawn.filter("failed").bottom_k(share // 2, by="lot")
    doubtful = drawn.filter(pl.col("doubtful") & ~pl.col("failed")).bottom_k(share // 4, by="lot")
    picked = pl.concat([failed, doubtful]).select("author_id")
    others = drawn.join(picked, on="author_id", how="anti").bottom_k(share - picked.height, by="lot")
    return pl.concat([picked, others.select("author_id")])

"""Construction of list columns from flat ones, for which polars has no function."""

import polars as pl
import pyarrow as pa


def lists_of(items: pl.Series, lengths: pl.Series) -> pl.Series:
    """Lists of the given lengths (no nulls, summing to the number of items), cut from `items` in order, not copied."""
    ends = lengths.cast(pl.Int64).cum_sum()
    offsets = pl.concat([pl.Series([0], dtype=pl.Int64), ends])
    values = items.rechunk().to_arrow(compat_level=pl.CompatLevel.newest())
    lists = pl.from_arrow(pa.LargeListArray.from_arrays(offsets.to_arrow(), values))
    assert isinstance(lists, pl.Series)
    return lists

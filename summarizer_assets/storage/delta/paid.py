"""The cost of all summaries, summed over the table's rows: a lower bound of the spend if the ledger is lost."""

from dataclasses import dataclass

import polars as pl

from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable


@dataclass(frozen=True)
class Paid:
    """`cost`: nano-dollars spent at least. `unpriced`: number of summaries whose price was unknown."""

    cost: int
    unpriced: int


def paid_for(summaries: BucketedTable) -> Paid:
    """The cost of the summaries that are in the table now.

    Raises:
        TableError: the table cannot be read.
    """
    nano = (pl.col("cost_usd") * 1e9).round().cast(pl.Int64).sum()
    with reading(summaries.uri):
        found = summaries.read().select(nano, unpriced=pl.col("cost_usd").null_count()).collect(engine="streaming")
    cost, unpriced = found.row(0)
    return Paid(int(cost), int(unpriced))

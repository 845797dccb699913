"""What the answers of a root cost, wherever they lie: what is known when the ledger is lost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from summarizer_assets.bucket_run.journal_records import ANSWERS, OWN
from summarizer_assets.core.records import SUMMARIES
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.paid import Paid, paid_for
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.journal import peek

_KEY = ("author_id", "run_id", "summarized_at")  # of an answer: who, by which request
_SCHEMA = pl.Schema({name: SUMMARIES[name] for name in (*_KEY, "cost_usd")})


def paid_in_all(summaries: BucketedTable, journal: Path) -> Paid:
    """Of the summaries in the table, and of the answers in the journal that are not there yet.

    Raises:
        TableError, JournalError: they cannot be read.
    """
    # The journal first: an answer that is committed meanwhile is found twice, and counted once.
    answers = pl.concat([_answers(record) for record in peek(journal) if record["kind"] == ANSWERS] or [_answers(None)])
    stored = paid_for(summaries)
    if not answers.height:
        return stored
    with reading(summaries.uri):
        runs = answers["run_id"].unique().implode()
        table = summaries.read().select(_KEY).filter(pl.col("run_id").is_in(runs)).collect()
    waiting = answers.unique(_KEY).join(table, on=_KEY, how="anti")
    nano = (waiting["cost_usd"] * 1e9).round().cast(pl.Int64).sum()
    return Paid(stored.cost + int(nano), stored.unpriced + waiting["cost_usd"].null_count())


def _answers(record: Mapping[str, Any] | None) -> pl.DataFrame:
    if record is None:
        return pl.DataFrame(schema=_SCHEMA)
    own = [dict(zip(OWN, row, strict=True)) for row in record["rows"]]
    at = pl.Series([record["shared"]["summarized_at"]]).str.to_datetime(time_unit="us", time_zone="UTC").item()
    shared = {"run_id": record["shared"]["run_id"], "summarized_at": at}
    rows = [{name: (shared | row)[name] for name in _SCHEMA} for row in own]
    return pl.DataFrame(rows, schema=_SCHEMA)

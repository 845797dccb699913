"""The token model learnt from earlier requests: summaries of the current prompt and model have the reported usage.

Reads narrow columns of the summaries of at most 8 buckets, and the records of at most 1,000 authors in each. A request
is one observation, so all its authors are needed.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final, NamedTuple

import polars as pl

from summarizer_assets.core.estimation.cost import Terms
from summarizer_assets.core.estimation.sampling import spread
from summarizer_assets.core.estimation.token_model import Answered, Rework, TokenModel, believed, learn
from summarizer_assets.core.prompt.grouping import plan_groups
from summarizer_assets.installation import Summarizer
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.state_db.estimates import EstimateBook

_BUCKETS: Final = 8
_AUTHORS_A_BUCKET: Final = 1000
_SEED: Final = 21
_REQUEST = ("run_id", "request_id", "summarized_at")  # the rows of one answer share these


class _Seen(NamedTuple):
    """Answered requests of one bucket, and `planned`: the requests a run without failures would have needed."""

    requests: list[Answered]
    planned: int


def learnt(summarizer: Summarizer, terms: Terms) -> TokenModel:
    """The prior token model, updated by the history if there is any."""
    rows = summarizer.tables.summaries.rows_by_bucket()
    seen = [_bucket(summarizer, bucket, terms) for bucket in spread(sorted(rows), _BUCKETS)]
    requests = [request for one in seen for request in one.requests]
    booked = EstimateBook(summarizer.database, summarizer.root_name).booked_since(0.0)
    rework = Rework(
        authors=sum(request.authors for request in requests),
        planned=sum(one.planned for one in seen),
        made=len(requests),
        wasted=booked.wasted / booked.spent if booked.spent else 0.0,
        billed=booked.requests if booked.spent else 0,
    )
    return learn(believed(terms.overhead_tokens, terms.words), requests, rework)


def _bucket(summarizer: Summarizer, bucket: str, terms: Terms) -> _Seen:
    tables, identity = summarizer.tables, summarizer.identity
    columns = ["author_id", "content_hash", "prompt_tokens", "completion_tokens", *_REQUEST]
    mine = (pl.col("prompt_version") == identity.prompt_version) & (pl.col("model") == identity.model)
    with reading(tables.summaries.uri):
        rows = tables.summaries.read([bucket]).filter(mine).select(columns).collect()
    rows = _some(rows.filter(~pl.any_horizontal(pl.col("prompt_tokens", "completion_tokens").is_null())))
    if rows.is_empty():
        return _Seen([], 0)
    with reading(tables.authors.uri):
        wanted = pl.col("author_id").is_in(rows["author_id"].to_list())
        authors = tables.authors.read([bucket]).filter(wanted).collect(engine="streaming")
    records = summarizer.render(authors).select("author_id", "content_hash", "tokens")
    # For authors whose record changed since, the text sent is unknown.
    rows = rows.join(records, on=["author_id", "content_hash"], how="left").sort("author_id")
    whole = rows.filter(pl.col("tokens").is_not_null().all().over(_REQUEST))
    requests = whole.group_by(_REQUEST).agg(pl.len(), pl.col("tokens", "prompt_tokens", "completion_tokens").sum())
    answered = [Answered(*row) for row in requests.drop(_REQUEST).iter_rows()]
    return _Seen(answered, sum(_planned(whole, terms)))


def _some(rows: pl.DataFrame) -> pl.DataFrame:
    """All rows of a sample of requests with enough authors, drawn by a hash, without bias towards re-asked authors."""
    requests = rows.group_by(_REQUEST).len().with_columns(place=pl.struct(_REQUEST).hash(_SEED)).sort("place")
    drawn = requests.filter(pl.col("len").cum_sum() - pl.col("len") < _AUTHORS_A_BUCKET)
    return rows.join(drawn, on=_REQUEST, how="semi", nulls_equal=True)


def _planned(rows: pl.DataFrame, terms: Terms) -> Iterator[int]:
    """The fewest requests of each run, with groups as large as its largest."""
    for _, of_run in rows.group_by("run_id"):
        most: int = of_run.group_by(_REQUEST).len().select(pl.col("len").max()).item()
        limits = replace(terms.limits, count=most)
        yield sum(1 for _ in plan_groups(of_run["tokens"].to_list(), [0] * of_run.height, limits))

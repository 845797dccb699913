"""What an ingest took, brought back: one bucket's rows as they are to be, from those before it, after it and now. Pure.

Undone is what the ingest did to an author who is still as it left them: whom it removed is there again, whom it added
is not, whom it changed has the old record. Who changed since stays. An author whose record is as it was before, by this
or by a later ingest, has the summary or the failure of then, unless there is a current one: so nobody has to be asked.
"""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Restored:
    """`authors`: the bucket's rows. `same`: who of those that the ingest touched has the record of before (author_id).

    `back`, `out`, `reset`: how many came back, went, and have their old record.
    """

    authors: pl.DataFrame
    same: pl.DataFrame
    back: int
    out: int
    reset: int

    def __bool__(self) -> bool:
        return bool(self.back or self.out or self.reset)


def restore_authors(before: pl.DataFrame, after: pl.DataFrame, now: pl.DataFrame) -> Restored:
    """Each of records.AUTHORS, one row an author."""
    ids = pl.concat([frame.select("author_id") for frame in (before, after, now)]).unique()
    for name, frame in (("before", before), ("after", after), ("now", now)):
        ids = ids.join(frame.select("author_id", pl.col("record_hash").alias(name)), on="author_id", how="left")
    touched = ids.filter(pl.col("before").ne_missing(pl.col("after")))
    undone = touched.filter(pl.col("now").eq_missing(pl.col("after")))
    rows = pl.concat(
        [now.join(undone, on="author_id", how="anti"), before.join(undone, on="author_id", how="semi")]
    ).sort("author_id")
    there = touched.join(rows.select("author_id", last="record_hash"), on="author_id")
    was, is_now = pl.col("before").is_not_null(), pl.col("now").is_not_null()
    return Restored(
        rows,
        there.filter(pl.col("last") == pl.col("before")).select("author_id"),
        back=undone.filter(was & ~is_now).height,
        out=undone.filter(~was).height,
        reset=undone.filter(was & is_now).height,
    )


@dataclass(frozen=True)
class Rows:
    """One bucket's rows in the tables of who was asked: records.SUMMARIES and records.FAILURES."""

    summaries: pl.DataFrame
    failures: pl.DataFrame


def restore_rows(before: Rows, now: Rows, same: pl.DataFrame, current: pl.DataFrame, excluded: Collection[str]) -> Rows:
    """The summaries to put in, and all failures of the bucket.

    Args:
        before: as they were.
        now: as they are.
        same: author_id of whom rows may come back.
        current: author_id, content_hash: what is rendered of each author now.
        excluded: ids of who is not to be sent any more, whose rows stay away.
    """
    wanted = same.filter(~pl.col("author_id").is_in(list(excluded)))
    identity = ["author_id", "content_hash"]
    has = now.summaries.join(current, on=identity, how="semi").select("author_id")
    old = before.summaries.join(wanted, on="author_id", how="semi").join(has, on="author_id", how="anti")
    right = old.join(current, on=identity, how="semi").select("author_id")
    nothing = old.join(now.summaries, on="author_id", how="anti").select("author_id")
    back = old.join(pl.concat([right, nothing]).unique(), on="author_id", how="semi")
    failed = before.failures.join(wanted, on="author_id", how="semi")
    # What failed of another record says nothing of this one, and would not keep the author from being asked.
    stale = now.failures.join(failed, on="author_id", how="semi").join(current, on=identity, how="anti")
    gone = pl.concat([back.select("author_id"), stale.select("author_id")])
    failures = now.failures.join(gone, on="author_id", how="anti")
    placed = pl.concat([has, back.select("author_id"), failures.select("author_id")])
    return Rows(back, pl.concat([failures, failed.join(placed, on="author_id", how="anti")]).sort("author_id"))

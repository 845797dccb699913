"""Undoing an ingest in one bucket: computes its rows from those before the ingest, after it and now. Pure.

The ingest's change is undone for each author who is still as it left them: removed authors are restored, added ones
removed, changed ones get the old record. Authors changed since are kept. An author whose record is the one from before,
by this undo or by a later ingest, gets the old summary or failure back unless there is a current one, so that nobody
has to be asked again.
"""

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Restored:
    """`authors`: the bucket's rows. `same`: author_id of those the ingest touched who have the record from before.

    `back`, `out`, `reset`: numbers of authors restored, removed, and reset to their old record.
    """

    authors: pl.DataFrame
    same: pl.DataFrame
    back: int
    out: int
    reset: int

    def __bool__(self) -> bool:
        return bool(self.back or self.out or self.reset)


def restore_authors(before: pl.DataFrame, after: pl.DataFrame, now: pl.DataFrame) -> Restored:
    """Restore one bucket's authors; all frames are `records.AUTHORS`, one row per author."""
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
    """One bucket's rows of the result tables: `records.SUMMARIES` and `records.FAILURES`."""

    summaries: pl.DataFrame
    failures: pl.DataFrame


def restore_rows(before: Rows, now: Rows, same: pl.DataFrame, current: pl.DataFrame, excluded: Collection[str]) -> Rows:
    """The summaries to merge into the bucket, and all its failures.

    Args:
        before: the rows before the ingest.
        now: the current rows.
        same: author_id of authors whose rows may be restored.
        current: author_id, content_hash of each author as rendered now.
        excluded: ids never to be sent, whose rows are not restored.
    """
    wanted = same.filter(~pl.col("author_id").is_in(list(excluded)))
    identity = ["author_id", "content_hash"]
    has = now.summaries.join(current, on=identity, how="semi").select("author_id")
    old = before.summaries.join(wanted, on="author_id", how="semi").join(has, on="author_id", how="anti")
    right = old.join(current, on=identity, how="semi").select("author_id")
    nothing = old.join(now.summaries, on="author_id", how="anti").select("author_id")
    back = old.join(pl.concat([right, nothing]).unique(), on="author_id", how="semi")
    failed = before.failures.join(wanted, on="author_id", how="semi")
    # A failure of another record does not concern this one, and does not prevent a request.
    stale = now.failures.join(failed, on="author_id", how="semi").join(current, on=identity, how="anti")
    gone = pl.concat([back.select("author_id"), stale.select("author_id")])
    failures = now.failures.join(gone, on="author_id", how="anti")
    placed = pl.concat([has, back.select("author_id"), failures.select("author_id")])
    return Rows(back, pl.concat([failures, failed.join(placed, on="author_id", how="anti")]).sort("author_id"))

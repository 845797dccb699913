"""A bucket as the source has it against the bucket as the table holds it."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from summarizer_assets.core.records import AUTHOR


@dataclass(frozen=True)
class Difference:
    """How a bucket's new authors stand to those that were held.

    `hollowed`: of the changed, who have nothing left to summarise. `mended`: rows that are not as an ingest wrote them,
    since something else changed them: the content, its hash, a second row of an author, a row of none.
    """

    added: int
    changed: int
    removed: int
    unchanged: int
    hollowed: int = 0
    mended: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed or self.mended)


NO_DIFFERENCE = Difference(0, 0, 0, 0)


@dataclass(frozen=True)
class BucketChange:
    """A bucket that differs from the table's: its whole new content (schema `records.AUTHORS`), sorted by id."""

    bucket: str
    frame: pl.DataFrame
    difference: Difference


@dataclass(frozen=True)
class Compared:
    """A bucket's difference, and the ids (sorted) of who is removed or hollowed, and of who is added."""

    difference: Difference
    gone: pl.Series
    new: pl.Series


_NONE = pl.Series("author_id", [], dtype=pl.String)
_CONTENT = [name for name in AUTHOR if name != "author_id"]
_HAS_MATTER = (pl.col("papers").list.len().fill_null(0) > 0) | (pl.col("topics").list.len().fill_null(0) > 0)


def compare(new: pl.DataFrame, held: pl.DataFrame) -> Compared:
    """By content, column by column: the hash that a row carries says only what its writer thought of it.

    Both have the columns of `AUTHOR` and `record_hash`; `new` has each author once.
    """
    new, held = new.sort("author_id"), held.select(new.columns).sort("author_id")
    if new.equals(held):
        return Compared(Difference(0, 0, 0, new.height), _NONE, _NONE)
    once = held.filter(pl.col("author_id").is_not_null()).unique("author_id", keep="first", maintain_order=True)
    doubled = held.filter(pl.col("author_id").is_duplicated())["author_id"].unique()
    both = new.join(once, on="author_id", suffix=" held")
    same_content = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name} held")) for name in _CONTENT)
    same_hash = pl.col("record_hash").eq_missing(pl.col("record_hash held"))
    found = both.select(
        "author_id",
        same=same_content & same_hash & ~pl.col("author_id").is_in(doubled.implode()),
        mended=same_content != same_hash,
    )
    hollow = both.filter(~found["same"]).filter(~_HAS_MATTER)
    had = once.join(hollow.select("author_id"), on="author_id", how="semi").filter(_HAS_MATTER)["author_id"]
    removed = once.join(new, on="author_id", how="anti")["author_id"]
    added = new.join(once, on="author_id", how="anti")["author_id"]
    unchanged = int(found["same"].sum())
    difference = Difference(
        added=added.len(),
        changed=found.height - unchanged,
        removed=removed.len(),
        unchanged=unchanged,
        hollowed=had.len(),
        mended=int(found["mended"].sum()) + held.height - once.height,
    )
    return Compared(difference, pl.concat([removed, had]).sort(), added.sort())


@dataclass(frozen=True)
class Increment:
    """What an ingest reads in place of the whole source: the authors of whom any row may differ.

    `ids` by bucket, of every bucket that has any; `rows`: authors that the table holds, of every bucket;
    `source_rows`: of the whole source.
    """

    ids: Mapping[str, pl.Series]
    rows: Mapping[str, int]
    source_rows: int

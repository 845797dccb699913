"""Comparison of one bucket's authors: the source's version against the table's."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from summarizer_assets.core.records import AUTHOR


@dataclass(frozen=True)
class Difference:
    """Counts of authors in one bucket, the source against the table.

    `hollowed`: changed authors with neither papers nor topics left to summarise. `mended`: rows that something other
    than an ingest changed: the content, its hash, a second row of an author, a row without an id.
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
    """The new content of a bucket that differs from the table: all its authors (`records.AUTHORS`), sorted by id."""

    bucket: str
    frame: pl.DataFrame
    difference: Difference


@dataclass(frozen=True)
class Compared:
    """A bucket's counts, and sorted ids: `gone` are the authors removed or hollowed, `new` the authors added."""

    difference: Difference
    gone: pl.Series
    new: pl.Series


_NONE = pl.Series("author_id", [], dtype=pl.String)
_CONTENT = [name for name in AUTHOR if name != "author_id"]
_HAS_MATTER = (pl.col("papers").list.len().fill_null(0) > 0) | (pl.col("topics").list.len().fill_null(0) > 0)


_HELD = " held"
_SAME_HASH = pl.col("record_hash").eq_missing(pl.col(f"record_hash{_HELD}"))


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame if frame["author_id"].is_sorted() else frame.sort("author_id")


def _equal(one: pl.DataFrame, other: pl.DataFrame) -> bool:
    """Whether all rows are equal.

    Papers are compared as exploded structs: polars takes twelve times as long to compare lists of structs.
    """
    if one.height != other.height or not one.drop("papers").equals(other.drop("papers")):
        return False
    if not one["papers"].list.len().equals(other["papers"].list.len()):
        return False
    papers = [f["papers"].explode(empty_as_null=False, keep_nulls=True).struct.unnest() for f in (one, other)]
    return papers[0].equals(papers[1])


def _same_content(both: pl.DataFrame) -> pl.Series:
    """Whether the content of each joined row is equal, as a Boolean column.

    Where all rows of equal hash prove equal in one comparison, only the others are compared one by one.
    """
    agree = both.select(_SAME_HASH).to_series()
    there, here = both.filter(agree), [f"{name}{_HELD}" for name in _CONTENT]
    old = there.select(pl.col(name).alias(name.removesuffix(_HELD)) for name in here)
    content = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}{_HELD}")) for name in _CONTENT)
    if not _equal(there.select(_CONTENT), old):
        return both.select(content).to_series()
    same = both.filter(~agree).select("author_id", same=content)
    told = both.select("author_id").join(same, on="author_id", how="left", maintain_order="left")["same"]
    return told.fill_null(value=True)


def compare(new: pl.DataFrame, held: pl.DataFrame) -> Compared:
    """Compare a bucket's authors by content, column by column; a stored hash alone may be wrong.

    Both frames have the columns of `AUTHOR` and `record_hash`; `new` has each author once.
    """
    new, held = _sorted(new), _sorted(held.select(new.columns))
    if _equal(new, held):
        return Compared(Difference(0, 0, 0, new.height), _NONE, _NONE)
    once = held.filter(pl.col("author_id").is_not_null()).unique("author_id", keep="first", maintain_order=True)
    doubled = held.filter(pl.col("author_id").is_duplicated())["author_id"].unique()
    both = new.join(once, on="author_id", suffix=_HELD, maintain_order="left")
    content = _same_content(both)
    found = both.select(
        "author_id",
        same=content & _SAME_HASH & ~pl.col("author_id").is_in(doubled.implode()),
        mended=content != _SAME_HASH,
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
    """What an ingest reads instead of the whole source: the authors whose rows may have changed.

    `ids`: their ids by bucket, for every bucket that has any. `rows`: number of authors in the table, by bucket.
    `source_rows`: number of rows of the whole source.
    """

    ids: Mapping[str, pl.Series]
    rows: Mapping[str, int]
    source_rows: int

"""A bucket as the source has it against the bucket as the table holds it."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Difference:
    """How a bucket's new authors stand to those that were held."""

    added: int
    changed: int
    removed: int
    unchanged: int

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


NO_DIFFERENCE = Difference(0, 0, 0, 0)


@dataclass(frozen=True)
class BucketChange:
    """A bucket that differs from the table's: its whole new content (schema `records.AUTHORS`), sorted by id."""

    bucket: str
    frame: pl.DataFrame
    difference: Difference


def difference(new: pl.DataFrame, held: pl.DataFrame) -> Difference:
    """Both with `author_id` (each once) and `record_hash`."""
    both = new.select("author_id", "record_hash").join(
        held.select("author_id", pl.col("record_hash").alias("held")), on="author_id", how="left"
    )
    added = int(both["held"].is_null().sum())
    unchanged = int((both["held"] == both["record_hash"]).sum())
    return Difference(added, new.height - added - unchanged, held.height - (new.height - added), unchanged)


@dataclass(frozen=True)
class Increment:
    """What an ingest reads in place of the whole source: the authors of whom any row may differ.

    `ids` by bucket, of every bucket that has any; `rows`: authors that the table holds, of every bucket.
    """

    ids: Mapping[str, pl.Series]
    rows: Mapping[str, int]

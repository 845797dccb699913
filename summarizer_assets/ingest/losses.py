"""Accumulator of the authors that an ingest would remove, bucket by bucket."""

from collections.abc import Mapping
from hashlib import blake2b

import polars as pl

from summarizer_assets.core.ingest_loss import Loss
from summarizer_assets.ingest.compare import Compared

_EXAMPLES = 20


class Losses:
    """Takes each selected bucket once, in the order of the keys; `loss` then returns the total."""

    def __init__(self) -> None:
        self._held = self._removed = self._hollowed = 0
        self._emptied: list[str] = []
        self._gone: list[str] = []
        self._new: list[str] = []
        self._digest = blake2b(digest_size=4)

    def kept(self, authors: int) -> None:
        """Count the `authors` of a bucket that stay unchanged."""
        self._held += authors

    def add(self, bucket: str, held: pl.Series, others: int, more: pl.Series, new: pl.Series, found: Compared) -> None:
        """Add a compared bucket.

        Args:
            bucket: its key.
            held: the table's ids that were compared.
            others: number of the bucket's authors that were not compared.
            more: further ids that are lost unless they are in `new`.
            new: the source's ids.
            found: the result of the comparison.
        """
        at_stake = more.filter(~more.is_in(held.implode())).unique()
        gone = pl.concat([found.gone, at_stake.filter(~at_stake.is_in(new.implode()))]).sort()
        count = held.drop_nulls().n_unique() + others + at_stake.len()
        self._held += count
        self._hollowed += found.difference.hollowed
        self._removed += gone.len() - found.difference.hollowed
        if count and gone.len() == count:
            self._emptied.append(bucket)
        self._gone += gone.head(_EXAMPLES - len(self._gone)).to_list()
        self._new += found.new.head(_EXAMPLES - len(self._new)).to_list()
        if gone.len():
            self._digest.update("\0".join([bucket, *gone, ""]).encode())

    def loss(self, source_rows: int, rejected: Mapping[str, int], source_authors: int) -> Loss:
        """The total loss, once every bucket was added."""
        digest = self._digest.copy()
        digest.update(repr((source_rows > 0, sorted(rejected.items()))).encode())
        return Loss(
            held=self._held,
            removed=self._removed,
            hollowed=self._hollowed,
            emptied=tuple(self._emptied),
            source_rows=source_rows,
            rejected=dict(rejected),
            source_authors=source_authors,
            gone=tuple(self._gone),
            new=tuple(self._new),
            digest=digest.hexdigest(),
        )

"""The kinds of change to a bucket of a table; each is one commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class Append:
    """Add rows whose authors are not in the bucket yet."""

    bucket: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Merge:
    """Upsert rows by author id, and delete the authors `removed`."""

    bucket: str
    frame: pl.DataFrame
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Overwrite:
    """Replace the whole bucket by `frame`; an empty frame clears it.

    `note`: additional metadata of the commit.
    """

    bucket: str
    frame: pl.DataFrame
    note: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compact:
    """Compact the bucket's small files."""

    bucket: str


Change = Append | Merge | Overwrite | Compact

"""What can be done to a bucket of a table, each as one commit."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import polars as pl


@dataclass(frozen=True)
class Append:
    """Add rows that the bucket does not hold yet."""

    bucket: str
    frame: pl.DataFrame


@dataclass(frozen=True)
class Merge:
    """Put rows in the place of those with the same author id (or add them), and remove the authors `removed`."""

    bucket: str
    frame: pl.DataFrame
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Overwrite:
    """Put `frame` in the place of all that the bucket holds; an empty frame clears it.

    `note`: what the log's entry tells of the change beside its rows.
    """

    bucket: str
    frame: pl.DataFrame
    note: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Compact:
    """Join the bucket's small files."""

    bucket: str


Change = Append | Merge | Overwrite | Compact

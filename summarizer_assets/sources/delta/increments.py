"""Change detection between two versions of a Delta source: the ids of the authors whose rows changed.

Uses the table's change data feed if it has one, otherwise the files added and removed. If the answer could be
incomplete, `NoIncrement` is raised and the whole source is read.
"""

from collections.abc import Iterable, Sequence
from urllib.parse import unquote

import polars as pl
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from summarizer_assets.core.delta_log import VECTORS
from summarizer_assets.sources.columns import Layout
from summarizer_assets.sources.delta.physical_names import mode_of
from summarizer_assets.sources.ids import author_id

#: Above this share of changed rows, reading the whole table costs no more.
MOST_SHARE = 0.2
_FEED = "delta.enableChangeDataFeed"
_READ_ERRORS = (DeltaError, pa.ArrowException, pl.exceptions.PolarsError, OSError)


class NoIncrement(Exception):
    """The changes between two versions cannot be determined with certainty; the message says why."""


def version_of(uri: str, options: dict[str, str] | None) -> tuple[str, int]:
    """A Delta table's id, which a re-created table does not keep, and its newest version.

    Raises:
        DeltaError: the log cannot be read.
    """
    table = DeltaTable(uri, storage_options=options)
    return str(table.metadata().id), table.version()


def rows_of(uri: str, options: dict[str, str] | None) -> int:
    """The number of rows of the newest version by the log; 0 if the log does not have it.

    Raises:
        DeltaError: the log cannot be read.
    """
    return DeltaTable(uri, storage_options=options).count() or 0


def changed_ids(uri: str, options: dict[str, str] | None, layout: Layout, since: int, until: int) -> pl.Series:
    """Ids of all authors with a row that was added, changed or removed after version `since`, up to `until`.

    Each id once, in the form of `Source.chunks`; unusable ids are left out.

    Raises:
        NoIncrement: a version is gone, files cannot be read on their own because of table features, or too much
            changed.
    """
    if since > until:
        raise NoIncrement(f"the source was at version {since} before and is at {until} now")
    if since == until:
        return pl.Series("author_id", [], dtype=pl.String)
    name = layout.authors["author_id"]
    try:
        now = DeltaTable(uri, version=until, storage_options=options)
        _refuse_renamed_columns(now, name)
        most = int(MOST_SHARE * (now.count() or 0))
        if now.metadata().configuration.get(_FEED) == "true":
            raw = _from_feed(now, name, since, until, most)
        else:
            then = DeltaTable(uri, version=since, storage_options=options)
            raw = _from_files(uri, options, then, now, name, most)
    except _READ_ERRORS as error:
        raise NoIncrement(f"what changed after version {since} cannot be read: {error}") from error
    value, reason = author_id(pl.col(name), raw.schema[name], f"{uri}: column {name!r}")
    return raw.filter(reason.is_null()).select(value.alias("author_id")).to_series().unique()


def _refuse_renamed_columns(table: DeltaTable, name: str) -> None:
    if mode_of(table) != "none":
        raise NoIncrement("its columns have other names in its files (column mapping)")
    if name in table.metadata().partition_columns:
        raise NoIncrement("the author id is a partition column, which its files do not hold")


def _from_feed(table: DeltaTable, name: str, since: int, until: int, most: int) -> pl.DataFrame:
    feed = table.load_cdf(since + 1, until, columns=[name])
    return _few((pl.DataFrame(batch) for batch in pa.RecordBatchReader.from_stream(feed)), name, most)


def _from_files(
    uri: str, options: dict[str, str] | None, then: DeltaTable, now: DeltaTable, name: str, most: int
) -> pl.DataFrame:
    if VECTORS in (now.protocol().reader_features or []):
        raise NoIncrement("it marks rows as deleted without writing their files anew, and has no change feed")
    before, after = _paths(then), _paths(now)
    frames = (
        pl.scan_parquet(f"{uri.rstrip('/')}/{path}", glob=False, hive_partitioning=False, storage_options=options)
        .select(name)
        .collect()
        for path in sorted(before ^ after)
    )
    return _few(frames, name, most)


def _paths(table: DeltaTable) -> set[str]:
    return {unquote(path) for path in pl.DataFrame(table.get_add_actions(flatten=True))["path"]}


def _few(frames: Iterable[pl.DataFrame], name: str, most: int) -> pl.DataFrame:
    """The distinct ids of `frames`; stops reading once they are more than `most`."""
    found: Sequence[pl.DataFrame] = []
    for frame in frames:
        found = [pl.concat([*found, frame.select(name)]).unique()]
        if found[0].height > most:
            raise NoIncrement(f"more than {MOST_SHARE:.0%} of its rows may have changed")
    return found[0] if found else pl.DataFrame(schema={name: pl.String})

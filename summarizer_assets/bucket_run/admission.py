"""Authors of whom a run may begin: what is wrong with their table is refused before anybody is paid."""

from collections.abc import Iterable, Mapping

import polars as pl

from summarizer_assets.core.authors.exclusion import nearly_named
from summarizer_assets.core.buckets import buckets_of
from summarizer_assets.core.quality.checks import OneRow
from summarizer_assets.settings.errors import SettingsError
from summarizer_assets.storage.delta.guards import reading
from summarizer_assets.storage.delta.table import BucketedTable
from summarizer_assets.storage.errors import TableError


def admit(bucket: str, authors: pl.DataFrame) -> None:
    """Let the run begin.

    Raises:
        TableError: an author of the bucket has two rows, or a row no author: each row would be paid for, and the
            summaries refused when they are written.
    """
    one_row = OneRow("authors")
    one_row.add(bucket, authors["author_id"])
    verdict = one_row.verdict()
    if not verdict.holds:
        raise TableError(verdict.text)


def require_exact_exclusions(authors: pl.Series, lines: Mapping[str, int], table: BucketedTable) -> None:
    """Send nobody whose id somebody tried to put on the list of those never to be sent.

    Args:
        authors: ids of a bucket.
        lines: of the list (`core.authors.exclusion.lines_of`).
        table: of all authors.

    Raises:
        SettingsError: a line is no author's id as it is written, and would be if it were written otherwise.
    """
    near = nearly_named(authors, lines) if lines else {}
    if not near:
        return
    known = authors_among(table, set(near.values()))
    for author, line in sorted(near.items()):
        if line not in known:
            raise SettingsError(
                f"SUMMARIZER_EXCLUDE, line {lines[line]}: {line!r} is no author's id, but {author!r} is, who would be "
                "sent; nobody was asked. Write the id as it stands in `authors`, or take the line out where it means "
                "somebody else"
            )


def authors_among(table: BucketedTable, ids: Iterable[str]) -> set[str]:
    """Which of `ids` are authors; only their buckets are opened.

    Raises:
        TableError: the table cannot be read.
    """
    wanted = pl.Series("author_id", sorted(ids), dtype=pl.String)
    if wanted.is_empty() or table.buckets is None:
        return set()
    keys = sorted(set(buckets_of(wanted, table.buckets).to_list()))
    with reading(table.uri):
        held = table.read(keys).filter(pl.col("author_id").is_in(wanted.implode())).select("author_id").collect()
    return set(held["author_id"])

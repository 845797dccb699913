"""Authors of whom a run may begin: what is wrong with their table is refused before anybody is paid."""

import polars as pl

from summarizer_assets.core.checks import OneRow
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

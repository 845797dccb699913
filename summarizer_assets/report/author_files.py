"""Writes the authors that a report shows one by one: bucket after bucket, as the tables are read, then the index."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import polars as pl

from summarizer_assets.report.cards import TOGETHER, Row, card, earlier_versions, index_row, script
from summarizer_assets.report.choice import chosen, shares
from summarizer_assets.report.facts import Shown
from summarizer_assets.report.place import FOLDER, INDEX
from summarizer_assets.storage.delta.replaced import ReplacedRows

#: So many authors are shown one by one, and at most one more of each bucket.
MOST: Final = 50_000
_VERSION: Final = ["author_id", "summary", "model", "prompt_version", "cost_usd", "summarized_at"]
_SEED: Final = 16
#: Files of a bucket that are read for earlier versions.
REPLACED_FILES: Final = 4

Put = Callable[[str, bytes], object]


class AuthorFiles:
    """The scripts of one report.

    Args:
        put: writes a script under its name.
        sizes: the number of authors of each bucket.
        replaced: the rows of `author_summaries` that its commits replaced.
        present: the present prompt version and models.
    """

    def __init__(self, put: Put, sizes: Mapping[str, int], replaced: ReplacedRows, present: tuple[str, ...]) -> None:
        self._put = put
        self._shares = shares(sizes, MOST)
        self._replaced = replaced
        self._present = present
        self._index: list[list[Any]] = []
        self._authors, self._failed, self._of = 0, 0, 0

    def chosen(self, authors: pl.DataFrame) -> pl.DataFrame:
        """The author_id of those to show. `authors`: author_id, bucket, `failed` and `doubtful` (Boolean)."""
        self._of += authors.height
        found = [pl.DataFrame(schema={"author_id": pl.String})]
        for (bucket,), rows in authors.partition_by("bucket", as_dict=True).items():
            found.append(chosen(rows, self._shares.get(str(bucket), 0)))
        return pl.concat(found)

    def add(self, authors: pl.DataFrame) -> None:
        """Write the cards of whole buckets. `authors`: of each chosen one all that `cards.card` wants to know."""
        for (bucket,), rows in authors.partition_by("bucket", as_dict=True, maintain_order=True).items():
            self._add(str(bucket), rows)

    def _add(self, bucket: str, authors: pl.DataFrame) -> None:
        replaced = self._replaced.rows(bucket, _VERSION, pl.col("author_id").is_in(authors["author_id"].to_list()))
        versions = None if replaced is None else earlier_versions(replaced, authors)
        files = -(-authors.height // TOGETHER)
        # By a hash, so that most authors stay in their file when a page of an earlier report looks for them.
        parts = authors.with_columns(file=pl.col("author_id").hash(_SEED) % files).partition_by("file", as_dict=True)
        for (number,), part in sorted(parts.items()):
            self._write(f"{bucket}-{number:03d}", part.drop("file").to_dicts(), versions)
        self._authors += authors.height
        self._failed += int((authors["state"] == "failed").sum())

    def _write(self, file: str, rows: Sequence[Row], versions: Mapping[str, Sequence[Row]] | None) -> None:
        cards = [
            card(row, None if versions is None else versions.get(row["author_id"], ()), self._present) for row in rows
        ]
        self._put(f"{FOLDER}/{file}.js", script("reportCards", {"file": file, "authors": cards}))
        self._index.append([file, [index_row(row, one) for row, one in zip(rows, cards, strict=True)]])

    def finish(self, at: str) -> Shown:
        """Write the index; `at`: the moment of the report, for people."""
        if self._authors:
            self._put(INDEX, script("reportIndex", {"at": at, "files": self._index}))
        return Shown(self._authors, self._failed, self._of)

"""Which author of a run has which outcome, in memory."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from summarizer_assets.bucket_run.journal_records import Todo
from summarizer_assets.core.authors.remedies import FOR_A_SECOND_MODEL
from summarizer_assets.core.outcome import Failed
from summarizer_assets.core.records import FAILURES


class Tally:
    """The outcomes of one run. It has no lock: `results.Outcomes` holds one around each change.

    Attributes:
        answered: number of authors with an answer.
        renewed: number of these who had a summary of the same content before.
    """

    def __init__(self, todo: Todo) -> None:
        self.answered = self.renewed = 0
        self._todo = todo
        self._open = {author_id: position for position, author_id in enumerate(todo.ids)}
        self._failures: dict[str, dict[str, Any]] = {}
        self._failed_at: dict[str, int] = {}  # the position of each of them

    @property
    def failed(self) -> int:
        return len(self._failures)

    @property
    def open(self) -> int:
        """Number of authors without an outcome."""
        return len(self._open)

    @property
    def open_positions(self) -> list[int]:
        return sorted(self._open.values())

    def is_open(self, position: int) -> bool:
        return self._todo.ids[position] in self._open

    def asking(self, author_id: str, content_hash: str) -> int | None:
        """The position of the author; None when the author has an outcome, or is asked with another content."""
        position = self._open.get(author_id)
        return position if position is not None and self._todo.hashes[position] == content_hash else None

    def answer(self, rows: Sequence[Sequence[Any]]) -> None:
        """Take answers: rows of journal records, in the order of `journal_records.OWN`. They undo failures."""
        answered = [self._open.pop(row[0], None) for row in rows]
        if self._failures:
            healed = [row[0] for row, position in zip(rows, answered, strict=True) if position is None]
            answered += [self._failed_at[author] for author in healed if self._failures.pop(author, None) is not None]
        self.renewed += sum([self._todo.renews(position) for position in answered if position is not None])
        self.answered += len(rows)

    def fail(self, rows: Sequence[dict[str, Any]]) -> None:
        """Take failures: rows of records.FAILURES."""
        for row in rows:
            author = row["author_id"]
            self._failures[author] = row
            if (position := self._open.pop(author, None)) is not None:
                self._failed_at[author] = position

    def forgive(self, failures: Sequence[Failed]) -> list[str]:
        """Take back the failures of these authors, who are open again; return the ids of those who had failed."""
        places = {self._todo.ids[failure.position]: failure.position for failure in failures}
        forgiven = [author for author in places if self._failures.pop(author, None) is not None]
        self._open |= {author: places[author] for author in forgiven}
        return forgiven

    def for_second(self) -> list[int]:
        """Positions of the failed whom a second model may be asked about."""
        return sorted(
            self._failed_at[author]
            for author, row in self._failures.items()
            if row["reason"] in FOR_A_SECOND_MODEL and row.get("second_model") is None
        )

    def failure_of(self, position: int) -> dict[str, Any] | None:
        return self._failures.get(self._todo.ids[position])

    def failures(self) -> pl.DataFrame:
        return pl.DataFrame(list(self._failures.values()), schema=FAILURES)

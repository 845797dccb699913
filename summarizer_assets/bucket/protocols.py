"""What the asker needs of its neighbours: requests by position on one side, a place for outcomes on the other."""

from collections.abc import Sequence
from typing import Protocol

from summarizer_assets.core.answers import Asked
from summarizer_assets.core.outcome import Answer, Failed
from summarizer_assets.core.prompt import Structured


class Sink(Protocol):
    """Where outcomes go; when a method returns, the outcome outlives the process."""

    def answered(self, answer: Answer) -> None: ...

    def failed(self, failures: Sequence[Failed]) -> None: ...

    def forgiven(self, failures: Sequence[Failed]) -> None:
        """They failed in this run, and are not the cause: as if they had not been asked."""
        ...


class Prompt(Protocol):
    """The request for a group of authors, given by position. `max_output`: the most tokens that it lets be written."""

    max_output: int

    def body(self, positions: Sequence[int], structured: Structured, complaint: str | None, trim: int) -> bytes: ...

    def asked(self, position: int, trim: int) -> Asked: ...

    def tokens(self, positions: Sequence[int]) -> int:
        """Estimated tokens of a request, input and expected output."""
        ...

    def can_trim(self, position: int, trim: int) -> bool: ...

"""What the asker needs of its neighbours: requests by position on one side, a place for outcomes on the other."""

from collections.abc import Sequence
from typing import Protocol

from summarizer_assets.core.answers.reply import Asked
from summarizer_assets.core.outcome import Answer, Failed
from summarizer_assets.core.prompt.request_form import RequestForm, Size


class Sink(Protocol):
    """Where outcomes go; when a method returns, the outcome outlives the process."""

    def answered(self, answer: Answer) -> None: ...

    def failed(self, failures: Sequence[Failed]) -> None: ...

    def forgiven(self, failures: Sequence[Failed]) -> None:
        """They failed in this run, and are not the cause: as if they had not been asked."""
        ...


class Prompt(Protocol):
    """The request for a group of authors, given by position."""

    def body(self, positions: Sequence[int], form: RequestForm, complaint: str | None, trim: int) -> bytes: ...

    def size(self, positions: Sequence[int], form: RequestForm) -> Size: ...

    def cut(self, positions: Sequence[int], form: RequestForm) -> list[list[int]]:
        """The groups in which `form` takes these authors; one: as they are."""
        ...

    def control(self, form: RequestForm) -> bytes:
        """The request for a harmless author who does not exist (see `core.blame`)."""
        ...

    def control_size(self, form: RequestForm) -> Size: ...

    def asked(self, position: int, trim: int) -> Asked: ...

    def can_trim(self, position: int, trim: int) -> bool: ...

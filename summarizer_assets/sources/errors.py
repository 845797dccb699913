"""The exceptions raised for unreadable sources."""

from collections.abc import Sequence


class SourceError(ValueError):
    """A source cannot be read; the message names the object, the cause and the remedy."""


class ColumnsUnknown(SourceError):
    """No author can be made of a source's columns. `available`: their names; `of_papers`: fields of nested papers."""

    def __init__(self, message: str, available: Sequence[str], *, of_papers: bool = False) -> None:
        super().__init__(message)
        self.available = tuple(available)
        self.of_papers = of_papers

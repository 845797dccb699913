"""The authors of one request."""

from dataclasses import dataclass

from summarizer_assets.core.prompt import Structured
from summarizer_assets.core.records import FailureReason
from summarizer_assets.llm.errors import ProviderError


@dataclass(frozen=True)
class Group:
    """Authors by position, and how they are asked."""

    positions: list[int]
    complaint: str | None = None  # why its one author is asked again
    trim: int = 0
    structured: Structured = "json_schema"
    probe: int = 0  # the doubt that it is to settle (see `outage`), 0: none


@dataclass(frozen=True)
class Held:
    """A group that failed, before it is clear whether its authors are the cause."""

    group: Group
    reason: FailureReason
    error: ProviderError

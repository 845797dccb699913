"""The authors of one request."""

from dataclasses import dataclass

from summarizer_assets.core.prompt import Structured
from summarizer_assets.core.records import FailureReason
from summarizer_assets.llm.errors import ProviderError


@dataclass(frozen=True)
class Fault:
    """How a group failed as a whole."""

    reason: FailureReason
    error: ProviderError


@dataclass(frozen=True)
class Group:
    """Authors by position, and how they are asked."""

    positions: list[int]
    complaint: str | None = None  # why its one author is asked again
    trim: int = 0
    structured: Structured = "json_schema"
    fault: Fault | None = None  # how these very authors failed, before it is clear whether they are the cause

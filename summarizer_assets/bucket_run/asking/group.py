"""The authors of one request."""

from dataclasses import dataclass

from summarizer_assets.core.prompt.request_form import FIRST_FORM, RequestForm
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
    fault: Fault | None = None  # how these very authors failed, before it is clear whether they are the cause
    second: bool = False  # its author was refused before, and others were answered since
    form: RequestForm = FIRST_FORM  # in which they were asked
    begun: int = 0  # when, in the order of the run's events

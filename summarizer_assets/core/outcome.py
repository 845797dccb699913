"""What becomes of the authors of a request, and why a run ends before its work does."""

from dataclasses import dataclass

from summarizer_assets.core.answers.reply import Reading
from summarizer_assets.core.money.amounts import Usage
from summarizer_assets.core.records import FailureReason


@dataclass(frozen=True)
class Stop:
    """Why a run ended before its work did: a value, not an exception, so that both tables are still written true."""

    cause: str
    message: str


@dataclass(frozen=True)
class Answer:
    """A request's good answers: the authors' positions in the run, and the reading in the same order.

    `used`: by the request; estimated where `reading.told` does not say, or says what cannot be.
    """

    positions: list[int]
    reading: Reading
    request_id: str | None
    used: Usage


@dataclass(frozen=True)
class Failed:
    """An author that has no summary after all that this run may try."""

    position: int
    reason: FailureReason
    detail: str
    status: int | None = None
    request_id: str | None = None

"""Outcomes: of the authors of a request, and of a run that stops early."""

from dataclasses import dataclass

from summarizer_assets.core.answers.reply import Reading
from summarizer_assets.core.authors.work_plan import Identity
from summarizer_assets.core.money.amounts import Price, Usage
from summarizer_assets.core.records import FailureReason


@dataclass(frozen=True)
class Stop:
    """Why a run stopped early: a value and not an exception, so that both tables are still written correctly."""

    cause: str
    message: str


@dataclass(frozen=True)
class Answer:
    """A request's accepted answers: the authors' positions in the run, and the reading in the same order.

    `used`: the request's usage; estimated if `reading.told` has none, or an impossible one. `identity`, `price`: of the
    question, if they are not the run's.
    """

    positions: list[int]
    reading: Reading
    request_id: str | None
    used: Usage
    identity: Identity | None = None
    price: Price | None = None


@dataclass(frozen=True)
class Failed:
    """An author without a summary after all attempts of this run."""

    position: int
    reason: FailureReason
    detail: str
    status: int | None = None
    request_id: str | None = None

"""What follows from a request's result in a batch job: who is asked again in the next one, and how, and who failed.

Nothing is asked twice within a job, so halves and second tries go into the next one. The rules are those of requests
that are waited for: a group that fails as a whole is halved until the author who causes it is alone; an answer that
fails a check is asked for once more, alone and with the reason; a refused author is asked a second time.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from summarizer_assets.core.authors.remedies import ABOUT_THE_TEXT
from summarizer_assets.core.outcome import Failed
from summarizer_assets.core.prompt.grouping import halves
from summarizer_assets.core.records import FailureReason


class Refusal(Enum):
    """Why a request was refused."""

    TOO_LARGE = auto()
    FORM = auto()  # of all requests, which changes now
    CONTENT = auto()  # a filter
    UNTOLD = auto()


_REASONS = {
    Refusal.TOO_LARGE: FailureReason.TOO_LARGE,
    Refusal.CONTENT: FailureReason.CONTENT_FILTER,
    Refusal.UNTOLD: FailureReason.REJECTED,
}


@dataclass(frozen=True)
class Question:
    """The authors of one request, by position, and how they are asked. `second`: the author was refused before."""

    positions: tuple[int, ...]
    complaint: str | None = None
    trim: int = 0
    second: bool = False

    @property
    def alone(self) -> bool:
        return len(self.positions) == 1


@dataclass
class Rest:
    """What is left of a request: each of its authors without an answer is in one of both, once."""

    again: list[Question] = field(default_factory=list)
    failed: list[Failed] = field(default_factory=list)


def unanswered(question: Question) -> Rest:
    """The provider did not do it, or nobody knows its result: as it was."""
    return Rest([question] if question.positions else [])


def after_reading(
    question: Question,
    again: Mapping[int, FailureReason],
    details: Mapping[int, str],
    *,
    status: int | None,
    request_id: str | None,
) -> Rest:
    """The reply was read; `again`: why authors have no answer, by position, with `details` of some."""
    rest, missing = Rest(), []
    for position, reason in again.items():
        why = reason.meaning + (f" ({details[position]})" if position in details else "")
        if question.complaint is not None:
            rest.failed.append(Failed(position, reason, why, status, request_id))
        elif reason in ABOUT_THE_TEXT or question.alone:
            rest.again.append(Question((position,), complaint=why, trim=question.trim))
        else:
            missing.append(position)
    # Halved when most are missing, so that a model that drops all but one costs no request an author.
    parts = [missing] if 2 * len(missing) <= len(question.positions) else halves(missing)
    rest.again += [Question(tuple(part)) for part in parts if part]
    return rest


def after_unusable(question: Question, reason: FailureReason, detail: str, request_id: str | None) -> Rest:
    """The reply as a whole cannot be used."""
    if question.alone:
        return Rest(failed=[Failed(question.positions[0], reason, detail, 200, request_id)])
    return Rest(_halved(question))


def after_refusal(
    question: Question,
    refusal: Refusal,
    detail: str,
    *,
    status: int | None,
    request_id: str | None,
    can_trim: bool,
    others_answered: bool,
) -> Rest:
    """The provider did not take the request.

    Args:
        question: the request's.
        refusal: why.
        detail: what it said.
        status: of the response.
        request_id: the provider's.
        can_trim: whether there is a smaller rendering of its one author.
        others_answered: whether the job has answers: else the cause may be what all requests share.
    """
    if refusal is Refusal.FORM:
        return unanswered(question)
    if not question.alone:
        return Rest(_halved(question))
    if refusal is Refusal.TOO_LARGE and can_trim:
        return Rest([replace(question, trim=question.trim + 1)])
    if question.second and others_answered:
        (position,) = question.positions
        return Rest(failed=[Failed(position, _REASONS[refusal], detail, status, request_id)])
    return Rest([replace(question, second=question.second or others_answered)])


def _halved(question: Question) -> list[Question]:
    return [replace(question, positions=tuple(half)) for half in halves(question.positions)]


def positions_of(questions: Sequence[Question]) -> set[int]:
    return {position for question in questions for position in question.positions}

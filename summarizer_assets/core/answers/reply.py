"""Reading of a reply: each author asked for is either accepted or to be asked again; none is lost, none guessed.

The protocol opens the reply (`llm.protocols`), `rows` parses the answer's rows, and this module matches them by id and
has each judged by `text_safety` and `core.judging.judge`.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from summarizer_assets.core.answers.completion import Completion
from summarizer_assets.core.answers.lenient_json import Object
from summarizer_assets.core.answers.match import by_id as matched
from summarizer_assets.core.answers.rows import GivenTwice, read_rows
from summarizer_assets.core.answers.text_safety import folded_with_problems
from summarizer_assets.core.answers.usage import Told
from summarizer_assets.core.judging.contrast import ENOUGH
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.judging.judge import UNJUDGED, Asked, Judgement, judge
from summarizer_assets.core.judging.terms import RecordTerms
from summarizer_assets.core.records import FailureReason

__all__ = ["AnswerChecks", "Asked", "Reading", "read_reply"]

_CHARACTERS_A_WORD = 20  # far above any language's, so that three times the requested length passes
_SHORTEST_LIMIT = 400

#: Details of an `id_mismatch`.
NO_ANSWER, CONTRADICTED = "no answer came under this id", "two different answers came under this id"


@dataclass(frozen=True, slots=True)
class AnswerChecks:
    """The limits that a summary is checked against.

    `judged`: whether it is compared with the records. `backdrop`: the first records of the bucket, by author id, as
    further comparison for requests with few authors.
    """

    max_characters: int = 1600
    judged: bool = True
    backdrop: Mapping[str, RecordTerms] = field(default_factory=dict)
    language: str = "English"
    instruction: str = ""  # a summary must not repeat its sentences
    delimiters: tuple[str, ...] = ('#"', " | ", " @ ")  # of the rendered record; data never contains them
    model: str | None = None  # the configured name; a different one in the reply is flagged

    @staticmethod
    def characters_for(words: int) -> int:
        """The most characters of a summary with a requested length of `words`."""
        return max(_SHORTEST_LIMIT, words * _CHARACTERS_A_WORD)


@dataclass(slots=True)
class Reading:
    """A readable reply. Each author asked for is in exactly one of `accepted` and `again`."""

    accepted: list[tuple[str, str, Judgement]]  # author id, summary (one paragraph, NFC)
    again: dict[str, FailureReason]
    details: dict[str, str]  # further details of `again`
    told: Told
    response_model: str | None
    unknown_ids: int = 0  # number of dropped rows under ids that were not asked
    flags: tuple[Flag, ...] = ()


def read_reply(completion: Completion, asked: Sequence[Asked], limits: AnswerChecks) -> Reading:
    """The outcome of each author asked for.

    Raises:
        UnusableReply: the text as a whole is unusable; its fields say what to do.
        ValueError: an id was asked for twice, so that answers would be ambiguous.
    """
    by_id = {author.author_id: author for author in asked}
    if len(by_id) != len(asked):
        raise ValueError("an author id occurs twice in one request; group each author once")
    rows = read_rows(completion.content, cut=completion.cut)
    answers, contradicted, unknown, repeated = matched(rows, by_id)
    reading = Reading(
        accepted=[],
        again={},
        details={},
        told=completion.told,
        response_model=completion.model,
        unknown_ids=unknown,
        flags=_flags(completion, limits, unknown=unknown > 0, repeated=repeated),
    )
    texts = _texts(reading, asked, answers, contradicted, limits)
    judgements = judge(texts, asked, _backdrop(limits, by_id), limits.language) if limits.judged and texts else {}
    for place, summary in texts.items():
        author, judgement = asked[place], judgements.get(place, UNJUDGED)
        if judgement.refused is None:
            reading.accepted.append((author.author_id, summary, judgement))
        else:
            _refuse(reading, author, FailureReason.UNGROUNDED, judgement.refused)
    return reading


def _texts(
    reading: Reading,
    asked: Sequence[Asked],
    answers: Mapping[str, object],
    contradicted: AbstractSet[str],
    limits: AnswerChecks,
) -> dict[int, str]:
    """The summaries that may be shown, each one paragraph, by the place of their authors; all others are refused."""
    given = {
        place: answer
        for place, author in enumerate(asked)
        if isinstance(answer := answers.get(author.author_id), str) and author.author_id not in contradicted
    }
    records = [asked[place].text for place in given]
    checked = folded_with_problems(
        list(given.values()), records, limits.max_characters, limits.instruction, limits.delimiters
    )
    texts = {place: summary for place, (summary, problem) in zip(given, checked, strict=True) if problem is None}
    if len(texts) < len(asked):
        problems = {place: problem for place, (_, problem) in zip(given, checked, strict=True)}
        for place, author in enumerate(asked):
            if author.author_id in contradicted:
                _refuse(reading, author, FailureReason.ID_MISMATCH, CONTRADICTED)
            elif author.author_id not in answers:
                _refuse(reading, author, FailureReason.ID_MISMATCH, NO_ANSWER)
            elif place not in given:
                kind = _kind(answers[author.author_id])
                _refuse(reading, author, FailureReason.BAD_TYPE, f"the summary was {kind}")
            elif (problem := problems[place]) is not None:
                _refuse(reading, author, problem)
    return texts


def _refuse(reading: Reading, author: Asked, reason: FailureReason, detail: str | None = None) -> None:
    reading.again[author.author_id] = reason
    if detail is not None:
        reading.details[author.author_id] = detail


def _backdrop(limits: AnswerChecks, asked: Mapping[str, Asked]) -> list[RecordTerms]:
    if len(asked) >= ENOUGH:
        return []
    return [record for author_id, record in limits.backdrop.items() if author_id not in asked]


def _flags(completion: Completion, limits: AnswerChecks, *, unknown: bool, repeated: bool) -> tuple[Flag, ...]:
    other_model = limits.model is not None and completion.model != limits.model
    told = {
        Flag.USAGE_MISSING: completion.told.usage is None,
        Flag.OTHER_MODEL: other_model,
        Flag.UNKNOWN_ID: unknown,
        Flag.DUPLICATE_ID: repeated,
    }
    return tuple(flag for flag, raised in told.items() if raised)


def _kind(answer: object) -> str:
    if isinstance(answer, GivenTwice):
        return "given twice in one row, differently"
    return {Object: "an object", list: "a list", type(None): "null"}.get(type(answer), "no text")

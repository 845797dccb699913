"""Reply bytes to outcomes by id: every author asked for ends accepted or to be asked again, none lost, none guessed.

The way of a reply: `core.envelope` opens the chat completion, `core.rows` reads the answer's rows, this module matches
them by id and has each judged by `core.text_safety` and `core.grounding`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from summarizer_assets.core.envelope import Envelope, UnusableReply, open_envelope
from summarizer_assets.core.grounding import Signals, Thresholds, accept, measure
from summarizer_assets.core.matching import by_id as matched
from summarizer_assets.core.records import FailureReason
from summarizer_assets.core.rows import GivenTwice, read_rows
from summarizer_assets.core.strange_json import Object
from summarizer_assets.core.text_safety import fold_layout, text_problem
from summarizer_assets.core.usage import Told

__all__ = ["Asked", "Limits", "Reading", "UnusableReply", "read_reply"]

_UNMEASURED = Signals(support=None, named=True)
_CHARACTERS_A_WORD = 20  # far above any language's: three times the length asked for passes
_SHORTEST_LIMIT = 400

#: Details of an `id_mismatch`.
NO_ANSWER, CONTRADICTED = "no answer came under this id", "two different answers came under this id"
DUPLICATE_ID = "duplicate_id"
UNKNOWN_ID = "unknown_id"
USAGE_MISSING = "usage_missing"
OTHER_MODEL = "other_model"


@dataclass(frozen=True, slots=True)
class Asked:
    """An author in a request; `text` is the record exactly as it was rendered for the model."""

    author_id: str
    author_name: str
    text: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What a summary must keep to. `thresholds` None measures no grounding."""

    max_characters: int = 1600
    thresholds: Thresholds | None = field(default_factory=Thresholds)
    language: str = "English"
    instruction: str = ""  # whose sentences no summary repeats
    delimiters: tuple[str, ...] = ('#"', " | ", " @ ")  # of the rendered record; the data cannot hold them
    model: str | None = None  # the configured name; another one in the reply is flagged

    @staticmethod
    def characters_for(words: int) -> int:
        """The most characters of a summary that was asked to have so many words."""
        return max(_SHORTEST_LIMIT, words * _CHARACTERS_A_WORD)


@dataclass(slots=True)
class Reading:
    """A reply that could be read. Each author asked for is in exactly one of `accepted` and `again`."""

    accepted: list[tuple[str, str, Signals]]  # author id, summary (one paragraph, NFC), signals
    again: dict[str, FailureReason]
    details: dict[str, str]  # of `again`, where there is more to say
    told: Told
    response_model: str | None
    unknown_ids: int = 0  # rows under ids nobody asked for, dropped
    flags: tuple[str, ...] = ()


def read_reply(body: bytes, asked: Sequence[Asked], limits: Limits) -> Reading:
    """The outcome of each author asked for, from the body of a 200.

    Raises:
        UnusableReply: the body as a whole says nothing of anyone; what to do then is in its fields.
        ValueError: an id was asked for twice, which no answer could tell apart.
    """
    by_id = {author.author_id: author for author in asked}
    if len(by_id) != len(asked):
        raise ValueError("an author id occurs twice in one request; group each author once")
    envelope = open_envelope(body)
    rows = read_rows(envelope.content, cut=envelope.cut)
    answers, contradicted, unknown, repeated = matched(rows, by_id)
    reading = Reading(
        accepted=[],
        again={},
        details={},
        told=envelope.told,
        response_model=envelope.model,
        unknown_ids=unknown,
        flags=_flags(envelope, limits, unknown=unknown > 0, repeated=repeated),
    )
    for author_id, author in by_id.items():
        if author_id in contradicted:
            reading.again[author_id] = FailureReason.ID_MISMATCH
            reading.details[author_id] = CONTRADICTED
        elif author_id not in answers:
            reading.again[author_id] = FailureReason.ID_MISMATCH
            reading.details[author_id] = NO_ANSWER
        else:
            _judge(reading, author, answers[author_id], limits)
    return reading


def _judge(reading: Reading, author: Asked, answer: object, limits: Limits) -> None:
    if not isinstance(answer, str):
        reading.again[author.author_id] = FailureReason.BAD_TYPE
        reading.details[author.author_id] = f"the summary was {_kind(answer)}"
        return
    summary = fold_layout(answer)
    problem = text_problem(summary, author.text, limits.max_characters, limits.instruction, limits.delimiters)
    if problem is not None:
        reading.again[author.author_id] = problem
        return
    signals = _UNMEASURED
    if limits.thresholds is not None:
        signals = measure(summary, author.text, author.author_name, limits.language)
        if not accept(signals, limits.thresholds):
            reading.again[author.author_id] = FailureReason.UNGROUNDED
            reading.details[author.author_id] = _doubts(signals)
            return
    reading.accepted.append((author.author_id, summary, signals))


def _flags(envelope: Envelope, limits: Limits, *, unknown: bool, repeated: bool) -> tuple[str, ...]:
    other_model = limits.model is not None and envelope.model != limits.model
    told = {
        USAGE_MISSING: envelope.told.usage is None,
        OTHER_MODEL: other_model,
        UNKNOWN_ID: unknown,
        DUPLICATE_ID: repeated,
    }
    return tuple(flag for flag, raised in told.items() if raised)


def _kind(answer: object) -> str:
    if isinstance(answer, GivenTwice):
        return "given twice in one row, differently"
    return {Object: "an object", list: "a list", type(None): "null"}.get(type(answer), "no text")


def _doubts(signals: Signals) -> str:
    support = "" if signals.support is None else f"support {signals.support:.2f}"
    words = ", ".join(ascii(doubt[:40]) for doubt in signals.doubts[:5])
    return "; ".join(part for part in (support, " ".join(signals.flags), words) if part)

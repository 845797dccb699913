"""Judgement of a reply's summaries: which are rejected, and which are stored with flags for review.

Only certain errors are rejected: a text that names nobody or describes another author's work, and a figure that the
record contradicts. Everything else is stored, with flags. A text is compared with the other records of its request
(`core.judging.contrast`) and not with an absolute threshold, so faithful prose of any style and language passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final, NamedTuple

from summarizer_assets.core.judging.author_names import cannot_be_named, is_named, names_wholly
from summarizer_assets.core.judging.contrast import Contrast
from summarizer_assets.core.judging.figures import contradicted
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.judging.marks import marks_of
from summarizer_assets.core.judging.terms import OTHER_SCRIPT_SHARE, RecordTerms, SummaryTerms
from summarizer_assets.core.judging.words import share_of_other_script

#: A summary with a lower share of supported terms is flagged: about 20 of 1,000 faithful ones are.
_LITTLE: Final = 0.3


class Asked(NamedTuple):  # one for each author asked, and a frozen dataclass takes twice as long to make
    """An author in a request; `text`: the record exactly as rendered for the model."""

    author_id: str
    author_name: str
    text: str


@dataclass(slots=True)  # not frozen, which would cost a microsecond per answer
class Judgement:
    """The judgement of one summary.

    `refused`: why it must not be stored, as a failure's detail; None if it may. `support`: the share (0 to 1) of its
    terms that the record has, None if they cannot be compared. `flags`: what a person should review; `doubts`: the
    words that raised them.
    """

    refused: str | None = None
    support: float | None = None
    flags: tuple[Flag, ...] = ()
    doubts: tuple[str, ...] = ()


UNJUDGED: Final = Judgement()


def judge(
    answers: Mapping[int, str], asked: Sequence[Asked], backdrop: Sequence[RecordTerms] = (), language: str = "English"
) -> dict[int, Judgement]:
    """Judge each answer of one reply.

    Args:
        answers: summaries, each one paragraph in NFC, by the author's position in `asked`.
        asked: the authors of the request.
        backdrop: other records of the bucket, for requests with few authors.
        language: the configured language.
    """
    records: list[RecordTerms] = []
    texts: dict[int, SummaryTerms] = {}
    for place, author in enumerate(asked):
        records.append(RecordTerms(author.author_name, author.text))
        if place in answers:
            texts[place] = SummaryTerms(answers[place], records[place])
    is_english = language.casefold() == "english"
    foreign = Contrast(records, backdrop).foreign(texts)
    judged: dict[int, Judgement] = {}
    for place, text in texts.items():
        author = asked[place]
        refused = None
        unnamed = not is_named(author.author_name, text)
        if unnamed and _is_wrongly_unnamed(text, author, asked):
            refused = "the author is not named"
        if refused is None and (passage := foreign.get(place)):
            refused = f"it tells another author's work: {_cut(passage)}"
        if refused is None and (figure := contradicted(text, author.text)):
            refused = f"the record contradicts a figure: {_cut(figure)}"
        if refused is not None:
            judged[place] = Judgement(refused)
        else:
            judged[place] = _marked(
                text, records[place], [Flag.NAME_UNMEASURED] if unnamed else [], is_english=is_english
            )
    return judged


def _marked(text: SummaryTerms, record: RecordTerms, flags: list[Flag], *, is_english: bool) -> Judgement:
    if text.is_foreign is is_english:
        flags.append(Flag.OTHER_LANGUAGE)
    comparable = is_comparable(text, record)
    support = _support(text) if comparable else None
    if support is not None and support < _LITTLE:
        flags.append(Flag.LITTLE_SUPPORT)
    raised = marks_of(text, record, comparable=comparable)
    return Judgement(None, support, (*flags, *raised), tuple(chain.from_iterable(raised.values())))


def is_comparable(text: SummaryTerms, record: RecordTerms) -> bool:
    """Whether text and record have languages and scripts whose names and numbers can be compared."""
    return not text.is_foreign and share_of_other_script(record.text) <= OTHER_SCRIPT_SHARE


def _support(text: SummaryTerms) -> float:
    return (len(text.all) - len(text.strange)) / len(text.all) if text.all else 0.0


def _is_wrongly_unnamed(text: SummaryTerms, author: Asked, asked: Sequence[Asked]) -> bool:
    """Whether the text should name the author but does not, or names another author of the request."""
    if not author.author_name.strip():
        return False
    return not cannot_be_named(author.author_name, text.plain) or any(
        other is not author and names_wholly(other.author_name, text) for other in asked
    )


def _cut(passage: str) -> str:
    return ascii(passage if len(passage) <= 160 else passage[:159] + "…")[1:-1]  # noqa: PLR2004 - a detail is one line

"""Whether a summary may be stored, and what of it a person would want to look at.

Refused is only what is certainly wrong: a text that names nobody or tells another author's work, and a figure that the
record contradicts. Everything else is stored and marked. A text is weighed against the other records of its request
(`core.contrast`), not against a threshold of its own, so faithful prose of any style and language passes.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.contrast import Contrast, RecordTerms
from summarizer_assets.core.figures import contradicted
from summarizer_assets.core.marks import marks_of
from summarizer_assets.core.naming import OTHER_SCRIPT_SHARE, cannot_be_named, is_named
from summarizer_assets.core.terms import NOTHING, terms_of
from summarizer_assets.core.words import fold, looks_foreign, share_of_other_script, words_of

NAME_UNMEASURED: Final = "name_unmeasured"
OTHER_LANGUAGE: Final = "other_language"
LITTLE_SUPPORT: Final = "little_support"

#: Below this share of its terms a summary is marked: of 1,000 faithful ones, about 20 are.
_LITTLE: Final = 0.3


@dataclass(frozen=True, slots=True)
class Asked:
    """An author in a request; `text` is the record exactly as it was rendered for the model."""

    author_id: str
    author_name: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """Of one summary.

    `refused`: why it may not be stored, in words for a failure's detail; None: it may. `support`: the share (0 to 1) of
    its terms that the record has, None where they cannot be compared. `flags`: what a person would look at; `doubts`:
    the words that raised them.
    """

    refused: str | None = None
    support: float | None = None
    flags: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


UNJUDGED: Final = Judgement()


def judge(
    answers: Mapping[int, str], asked: Sequence[Asked], backdrop: Sequence[RecordTerms] = (), language: str = "English"
) -> dict[int, Judgement]:
    """The judgement of each answer of one reply.

    Args:
        answers: summaries, each one paragraph in NFC, by the author's place in `asked`.
        asked: the authors of the request.
        backdrop: other records of the bucket, for a request of few authors.
        language: the language asked for.
    """
    records = [RecordTerms.of(author.author_name, author.text) for author in asked]
    texts = [_Text.of(place, summary) for place, summary in answers.items()]
    foreign = Contrast(records, backdrop).foreign([(text.place, text.plain, text.terms) for text in texts])
    judged: dict[int, Judgement] = {}
    for text in texts:
        author, record = asked[text.place], records[text.place]
        unnamed = None
        flags: list[str] = []
        if not is_named(author.author_name, text.plain, text.words):
            if author.author_name.strip() and not (
                cannot_be_named(author.author_name, text.plain) and not _names_another(text, author, asked)
            ):
                unnamed = "the author is not named"
            flags.append(NAME_UNMEASURED)
        refused = unnamed
        if refused is None and (other := foreign.get(text.place)):
            refused = f"it tells another author's work: {_cut(other.passage)}"
        if refused is None and (figure := contradicted(text.summary, author.text)):
            refused = f"the record contradicts a figure: {_cut(figure)}"
        judged[text.place] = Judgement(refused) if refused else _marked(text, record, flags, language)
    return judged


@dataclass(frozen=True, slots=True)
class _Text:
    place: int
    summary: str
    plain: str
    words: list[str]
    terms: AbstractSet[str]

    @classmethod
    def of(cls, place: int, summary: str) -> "_Text":
        plain = fold(summary)
        return cls(place, summary, plain, words_of(plain), terms_of(plain))


def _marked(text: _Text, record: RecordTerms, flags: list[str], language: str) -> Judgement:
    other_script = share_of_other_script(text.plain) > OTHER_SCRIPT_SHARE
    foreign = other_script or looks_foreign(text.words)
    if foreign is (language.casefold() == "english"):
        flags.append(OTHER_LANGUAGE)
    comparable = not foreign and share_of_other_script(record.text) <= OTHER_SCRIPT_SHARE
    support = _support(text.terms, record) if comparable else None
    if support is not None and support < _LITTLE:
        flags.append(LITTLE_SUPPORT)
    raised, doubts = marks_of(text.plain, text.words, record, comparable=comparable)
    return Judgement(None, support, (*flags, *raised), tuple(doubts))


def _support(terms: AbstractSet[str], record: RecordTerms) -> float:
    held = len(terms & record.facts) + len((terms & record.name) - record.facts)
    number = len(terms)
    if NOTHING in terms:
        number -= 1
        held -= NOTHING in record.facts or NOTHING in record.name
    return held / number if number else 0.0


def _names_another(text: _Text, author: Asked, asked: Sequence[Asked]) -> bool:
    return any(
        other is not author and other.author_name.strip() and is_named(other.author_name, text.plain, text.words)
        for other in asked
    )


def _cut(passage: str) -> str:
    return ascii(passage if len(passage) <= 160 else passage[:159] + "…")[1:-1]  # noqa: PLR2004 - a detail is one line

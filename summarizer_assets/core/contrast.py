"""Whose record is a text about? Each answer is weighed against its own record and against the others of its request.

A term weighs what it tells: the fewer of the records have it, the more. Weights are in units of a term that one record
alone has, so that bounds hold for a request of any size. A text is another author's when the terms that it shares with
that author's record, and its own lacks, outweigh those that it shares with its own alone. That needs no vocabulary and
no language, and a paraphrase changes little.

Terms that several answers of a reply use although their records lack them are the model's manner of speech: they weigh
less.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final

from summarizer_assets.core.terms import starts_of, term_of, terms_of
from summarizer_assets.core.words import fold, looks_foreign, words_of

#: A request of fewer records is weighed with the first of its bucket beside it, up to so many in all.
ENOUGH: Final = 20
#: Bounds, in terms that one record alone has. Settled on answers of a capable model: docs/grounding.md.
MOST_OF_A_TEXT: Final = 1.0
MOST_OF_A_SENTENCE: Final = 1.2
_OF_A_NAME: Final = 2.0  # times what a term weighs: a capital within a sentence is no manner of speech
_TRANSLATED: Final = 1.5
_NOUNS_SHARE: Final = 0.25  # of a text's words have capitals: its language writes nouns so

_SENTENCE_END: Final = re.compile(r"(?<=[.!?])[\"')]*\s+|(?<=[。！？])")  # noqa: RUF001 - they are the point
_ID: Final = re.compile(r'#"(?:[^"\\]|\\.)*"')
_SMALL: Final = frozenset(("of", "the", "for", "and", "in", "on", "de", "la", "und", "der", "a", "an", "to", "with"))
_ACRONYM: Final = re.compile(r"\b[A-Z]{3,}\b")
_LONG_OTHER: Final = re.compile("[\u0370-\u1dff\u2c80-\ua71f\uab70-\ufaff]{4}")
_WITHIN: Final = re.compile(r"(?<=[\w,;)] )[A-Z][\w-]+")


@dataclass(frozen=True)
class RecordTerms:
    """A record as terms.

    `name`: of the author's name; `facts`: of the rest; `text`: the rest, folded.
    """

    name: AbstractSet[str]
    facts: AbstractSet[str]
    text: str

    @classmethod
    def of(cls, author_name: str, text: str) -> "RecordTerms":
        """Of a record as `core.rendering` writes it. The id is no fact of the author."""
        head = _ID.match(text)
        rest = text[head.end() :] if head else text
        if author_name and rest.startswith(author_name, 1):
            rest = rest[len(author_name) + 1 :]
        plain = fold(rest)
        return cls(terms_of(fold(author_name)), terms_of(plain), plain)

    @cached_property
    def initials(self) -> str:
        """Of its words in order, without the small ones."""
        return "".join(word[0] for word in words_of(self.text.lower()) if word not in _SMALL)

    @cached_property
    def is_foreign(self) -> bool:
        """Whether a title or more of it is in another language than English, so that a text may translate it."""
        lines = self.text.split("\n")
        return _LONG_OTHER.search(self.text) is not None or any(looks_foreign(words_of(line)) for line in lines)

    @cached_property
    def acronyms(self) -> frozenset[str]:
        return frozenset(_ACRONYM.findall(self.text))


@dataclass(frozen=True, slots=True)
class Foreign:
    """A passage that tells of another record: its place in the request, and the terms that show it."""

    place: int
    passage: str
    terms: tuple[str, ...]


class Contrast:
    """The records of one request, each by its place, with others of their bucket after them."""

    def __init__(self, records: Sequence[RecordTerms], backdrop: Sequence[RecordTerms] = ()) -> None:
        self._records = [*records, *backdrop[: max(0, ENOUGH - len(records))]]
        holders = Counter(chain.from_iterable([record.facts for record in self._records]))
        holders.update(chain.from_iterable([record.name for record in self._records]))
        self._holders = holders
        count = len(self._records)
        unit = math.log(count + 1)
        self._weights = [1.0, *(max(0.0, math.log((count + 1) / share) / unit) for share in range(1, 2 * count + 1))]

    def foreign(self, texts: Sequence[tuple[int, str, AbstractSet[str]]]) -> dict[int, Foreign]:
        """The first passage that is another author's, by the place of each text that has one.

        Args:
            texts: of each summary of the reply its place, its folded text, and that text's terms.
        """
        strange = {place: self._strange(place, terms) for place, _, terms in texts}
        manner = Counter(chain.from_iterable(strange.values()))
        found: dict[int, Foreign] = {}
        for place, plain, terms in texts:
            weights = {term: self._weights[self._holders[term] + manner[term] - 1] for term in strange[place]}
            if sum(weights.values()) * _OF_A_NAME > MOST_OF_A_SENTENCE:
                weights = self._unexplained(place, plain, weights)
                passage = self._of_a_text(place, plain, terms, weights) or self._of_a_sentence(place, plain, weights)
                if passage is not None:
                    found[place] = passage
        return found

    def _strange(self, place: int, terms: AbstractSet[str]) -> set[str]:
        """The terms of a summary that its own record lacks and another has."""
        mine = self._records[place]
        return (terms & self._holders.keys()) - mine.facts - mine.name

    def _of_a_text(self, place: int, plain: str, terms: AbstractSet[str], weights: dict[str, float]) -> Foreign | None:
        mine = self._records[place]
        most = MOST_OF_A_TEXT + _in_favour(mine, plain, terms)
        return self._outweighed(place, plain, weights, terms & mine.facts, most)

    def _of_a_sentence(self, place: int, plain: str, weights: dict[str, float]) -> Foreign | None:
        mine = self._records[place]
        names = self._names(plain)
        for sentence in _SENTENCE_END.split(plain):
            terms = terms_of(sentence)
            strange = {term: weights[term] * (_OF_A_NAME if term in names else 1.0) for term in terms & weights.keys()}
            if sum(strange.values()) <= MOST_OF_A_SENTENCE:
                continue
            most = MOST_OF_A_SENTENCE + _in_favour(mine, sentence, terms)
            passage = self._outweighed(place, sentence, strange, terms & mine.facts, most)
            if passage is not None:
                return passage
        return None

    def _outweighed(
        self, place: int, passage: str, strange: dict[str, float], shared: Iterable[str], most: float
    ) -> Foreign | None:
        """The record that a passage is rather about, by more than `most`."""
        own = {term: self._weights[self._holders[term]] for term in shared if term}
        total = sum(own.values())
        best, whose = most, None
        for other, record in enumerate(self._records):
            if other == place:
                continue
            theirs = sum([weight for term, weight in strange.items() if term in record.facts or term in record.name])
            if theirs <= best:
                continue
            alone = total - sum([weight for term, weight in own.items() if term in record.facts])
            if theirs - alone > best:
                best, whose = theirs - alone, other
        if whose is None:
            return None
        record = self._records[whose]
        told = [term for term in strange if term in record.facts or term in record.name]
        return Foreign(whose, passage, tuple(sorted(told, key=strange.__getitem__, reverse=True)))

    def _unexplained(self, place: int, plain: str, weights: dict[str, float]) -> dict[str, float]:
        """Without the terms that are another form of the record's own, or the initials of its words."""
        mine = self._records[place]
        starts = starts_of(mine.facts)
        left = {term: weight for term, weight in weights.items() if starts.isdisjoint(starts_of([term]))}
        for acronym in _ACRONYM.findall(plain):
            if (term := term_of(acronym)) in left and acronym.lower() in mine.initials:
                del left[term]
        return left

    @staticmethod
    def _names(plain: str) -> frozenset[str]:
        """The terms of the words with a capital within a sentence, where that is not how nouns are written."""
        within = _WITHIN.findall(plain)
        if len(within) > _NOUNS_SHARE * (plain.count(" ") + 1):
            return frozenset()
        return frozenset(map(term_of, words_of(" ".join(within))))


def _in_favour(mine: RecordTerms, passage: str, terms: AbstractSet[str]) -> float:
    """What speaks for a passage beside its terms: it names the author, or may translate what the record says."""
    named = 0.0 if mine.name.isdisjoint(terms) else 1.0
    return named + (_TRANSLATED if mine.is_foreign or looks_foreign(words_of(passage)) else 0.0)

"""Detection of swapped answers: each text is compared with its own record and with the others of its request.

Terms are weighted by inverse frequency: the fewer records have a term, the higher its weight. The unit is a term that
only one record has, so that bounds hold for requests of any size. A text belongs to another author if the terms that it
shares with that author's record but not with its own outweigh those that it shares only with its own. This needs no
vocabulary and no particular language, and paraphrases change little.

Terms that several answers of a reply use although their records lack them are the model's style, and weigh less. A word
capitalised within a sentence is not style, and weighs more.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import cached_property
from itertools import chain
from typing import Final

from summarizer_assets.core.judging.terms import ACRONYM, RecordTerms, SummaryTerms, term_of
from summarizer_assets.core.judging.words import words_of

#: Requests with fewer records are compared together with the first records of their bucket, up to this number.
ENOUGH: Final = 20
#: Bounds, in units of a term that only one record has. Calibrated on answers of a capable model: docs/grounding.md.
MOST_OF_A_TEXT: Final = 1.0
MOST_OF_A_SENTENCE: Final = 1.5
_OF_A_NAME: Final = 1.5  # factor of a term's weight
_TRANSLATED: Final = 1.5  # bonus of a passage whose terms may be translations from the record

_WITHIN: Final = re.compile(r"(?<=[\w,;)] )[A-Z][\w-]+")


class Contrast:
    """The records of one request by position, followed by others of their bucket."""

    def __init__(self, records: Sequence[RecordTerms], backdrop: Sequence[RecordTerms] = ()) -> None:
        self._records = [*records, *backdrop[: max(0, ENOUGH - len(records))]]
        count = len(self._records)
        unit = math.log(count + 1)
        self._weights = [1.0, *(math.log((count + 1) / share) / unit for share in range(1, count + 1))]

    def foreign(self, texts: Mapping[int, SummaryTerms]) -> dict[int, str]:
        """The first passage about another author, by the position of each text that has one.

        Args:
            texts: the summaries of the reply, by their authors' positions.
        """
        strange_anywhere = set().union(*[text.strange for text in texts.values()])
        holders = Counter(chain.from_iterable([strange_anywhere & record.all for record in self._records]))
        strange = {place: holders.keys() & text.strange for place, text in texts.items()}
        manner = Counter(chain.from_iterable(strange.values()))
        found: dict[int, str] = {}
        for place, terms in strange.items():
            if not terms:
                continue
            text = texts[place]
            weights = {term: self._weights[holders[term] + manner[term] - 1] for term in terms}
            if sum(weights.values()) * _OF_A_NAME <= MOST_OF_A_SENTENCE:
                continue
            names = self._names(text, weights)
            if not _may_tell(weights, names):
                continue
            weights = _unexplained(weights, self._records[place], text.plain)
            passage = self._of_a_text(place, text, weights) or self._of_a_sentence(place, text, weights, names)
            if passage is not None:
                found[place] = passage
        return found

    @cached_property
    def _holders(self) -> Counter[str]:
        """The number of records that have each term."""
        return Counter(chain.from_iterable([record.all for record in self._records]))

    def _of_a_text(self, place: int, text: SummaryTerms, weights: Mapping[str, float]) -> str | None:
        if sum(weights.values()) <= MOST_OF_A_TEXT:
            return None
        mine, holders = self._records[place], self._holders
        shared = text.all & mine.facts
        alone = sum([holders[term] == 1 for term in shared])  # evidence for the author, whoever the other is
        if sum(weights.values()) - alone <= MOST_OF_A_TEXT:
            return None
        most = MOST_OF_A_TEXT + self._in_favour(mine, text, text.all)
        return text.plain if self._is_outweighed(place, weights, shared, most) else None

    def _of_a_sentence(
        self, place: int, text: SummaryTerms, weights: Mapping[str, float], names: AbstractSet[str]
    ) -> str | None:
        heavy = _heavy(weights, names)
        if sum(heavy.values()) <= MOST_OF_A_SENTENCE:
            return None
        mine = self._records[place]
        for sentence, terms in text.sentences:
            strange = {term: heavy[term] for term in terms & heavy.keys()}
            if sum(strange.values()) <= MOST_OF_A_SENTENCE:
                continue
            most = MOST_OF_A_SENTENCE + self._in_favour(mine, text, terms)
            if self._is_outweighed(place, strange, terms & mine.facts, most):
                return sentence
        return None

    def _is_outweighed(self, place: int, strange: Mapping[str, float], shared: Iterable[str], most: float) -> bool:
        """Whether a passage with these terms fits another record better, by more than `most`."""
        own = {term: self._weights[self._holders[term]] for term in shared}
        total = sum(own.values())
        for other, record in enumerate(self._records):
            if other == place or strange.keys().isdisjoint(record.all):
                continue
            theirs = sum([weight for term, weight in strange.items() if term in record.all])
            if theirs <= most:
                continue
            alone = total - sum([weight for term, weight in own.items() if term in record.facts])
            if theirs - alone > most:
                return True
        return False

    def _in_favour(self, mine: RecordTerms, text: SummaryTerms, terms: AbstractSet[str]) -> float:
        """Evidence for a passage besides its terms: it names the author, or may translate the record."""
        named = max([self._weights[self._holders[term]] for term in mine.name & terms], default=0.0)
        return named + (_TRANSLATED if mine.is_foreign or text.is_foreign else 0.0)

    @staticmethod
    def _names(text: SummaryTerms, terms: Iterable[str]) -> set[str]:
        """The terms that a text capitalises within a sentence; none for a text in another language."""
        plain = text.plain
        near = [term for term in terms if f" {term.capitalize()}" in plain or f" {term.upper()}" in plain]
        if not near or text.is_foreign:
            return set()
        return set(map(term_of, words_of(" ".join(_WITHIN.findall(plain))))).intersection(near)


def _heavy(weights: Mapping[str, float], names: AbstractSet[str]) -> dict[str, float]:
    """The weights of a sentence, in which names weigh more."""
    return {term: weight * _OF_A_NAME if term in names else weight for term, weight in weights.items()}


def _may_tell(weights: Mapping[str, float], names: AbstractSet[str]) -> bool:
    """Whether the terms suffice to tell another author's work, if all of them are another record's."""
    return sum(weights.values()) > MOST_OF_A_TEXT or sum(_heavy(weights, names).values()) > MOST_OF_A_SENTENCE


def _unexplained(weights: Mapping[str, float], mine: RecordTerms, plain: str) -> dict[str, float]:
    """The weights without terms that are another form of the record's own, or initials of its words."""
    left = {term: weight for term, weight in weights.items() if not mine.has_form_of(term)}
    if not left:
        return left
    explained = {term_of(acronym) for acronym in ACRONYM.findall(plain) if mine.spells_out(acronym)}
    explained |= mine.spelled_in(plain)
    return {term: weight for term, weight in left.items() if term not in explained}

"""Extraction of the numbers of papers and citations that a summary states, by the surrounding words."""

import re
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain
from typing import Final

from summarizer_assets.core.judging.terms import SummaryTerms
from summarizer_assets.core.judging.vocabulary import CITATIONS, CITED, NUMBER_WORDS, ONCE, PAPERS


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words in English and a few other languages, folded.
_MOST_DIGITS: Final = 18  # Python refuses to read more than 4,300
_TIMES: Final = _set("times Mal mal veces fois volte vezes")
NOUNS: Final = PAPERS | CITATIONS | CITED
#: Words that may stand between a number and its noun, besides capitalised ones.
_KINDS: Final = _set(
    "highly cited hot research scientific scholarly journal peer reviewed published more further other total recorded "
    "wissenschaftliche wissenschaftlichen language"
)
_LINKS: Final = _set("a total of the its all")
_LEADING: Final = _set("with a an total in insgesamt exactly just only more fewer less at up close")
_ROUGH: Final = {
    "more": _set("over than above exceeding exceeds passed surpassed least uber plus mas oltre mais"),
    "less": _set("under below most to unter moins menos"),
    "nearly": _set("nearly almost approaching fast knapp beinahe pres presque casi quasi quase"),
    "about": _set("about around some roughly approximately circa estimated etwa rund ungefahr environ unos cerca"),
}
_MAY_LEAD: Final = _LEADING.union(*_ROUGH.values())  # between "cited" and its number
_LESS_THAN: Final = _set("fewer less weniger")
#: Words before a number that means all papers, unless a word after it selects some.
_ALL: Final = _set("her his their the whose all across among s published written wrote authored has")
_SOME: Final = _set("in on at from with about by that which of concern concerns concerning deal deals dealing")
_AMONG: Final = _set("of among across")
#: Words that make the number after or before them a comparison, share or sum.
_RELATES_AFTER: Final = _set("between average mean another further additional other remaining rest share shared shares")
_RELATES_BEFORE: Final = _set("ahead behind more fewer less apiece each together combined than between average")
_UNITS: Final = _set("hundred thousand million dozen percent")
_NEAR: Final = 3  # words before and after a figure
_ARTICLES: Final = _set("a an the")
_THOUSAND: Final = 3  # digits
_LONGEST_WAY: Final = 6  # words between a number and its noun

_CHINESE: Final = (
    re.compile(r"(?P<before>超过|逾|近|约)?(?P<number>\d[\d,]*) ?(?P<after>篇)"),
    re.compile(r"被引(?:用|次数)?[^\d。]{0,4}?(?P<before>超过|逾|近|约)?(?P<number>\d[\d,]*) ?(?P<after>余|多)?次"),
)
_ROUGH_CHINESE: Final = {"超过": "more", "逾": "more", "余": "more", "多": "more", "近": "nearly", "约": "about"}


@dataclass(slots=True)  # not frozen, which would cost a microsecond per figure
class Stated:
    """One stated figure; the surrounding words are interpreted on demand.

    `of_papers`: counts papers, otherwise citations. `around`: the text's words, of which `first` to `last` are the
    number and `start` to `end` the passage. `told`: how the figure is rounded, if known already.
    """

    number: int
    of_papers: bool
    around: Sequence[str]
    first: int = 0
    last: int = 0
    start: int = 0
    end: int = 0
    told: str | None = None

    @property
    def words(self) -> str:
        return " ".join(self.around[min(self.start, self.first) : max(self.last, self.end) + 1])

    @property
    def rough(self) -> str | None:
        """How it is rounded: "more", "less", "nearly" or "about"; None if it is exact."""
        before = self.around[max(0, self.first - 3) : self.first]
        near = [word.lower() for word in before if word.lower() not in _ARTICLES][-2:]
        if self.told or not near:
            return self.told
        if near[-1] == "than" and near[0] in _LESS_THAN:
            return "less"
        return next((kind for kind, words in _ROUGH.items() if near[-1] in words), None)

    @property
    def is_total(self) -> bool:
        """Whether it counts all papers, by the surrounding words."""
        before = [word.lower() for word in self.around[max(0, self.first - 2) : self.first]]
        if not self.is_spelled and before[-1:] == ["of"]:  # "the most cited of 9 papers"
            return True
        if not before or before[-1] not in _ALL:
            return False
        return (len(before) > 1 and before[0] in _AMONG) or not self.chooses

    @property
    def chooses(self) -> bool:
        """Whether the words after it select some of the papers."""
        after = self.around[self.end + 1 : self.end + 2]
        return bool(after) and after[0] in _SOME

    @property
    def is_spelled(self) -> bool:
        """Whether the number is written as a word."""
        return not self.around[self.first][0].isdigit()

    @property
    def is_relative(self) -> bool:
        """Whether it is a comparison, share or sum, and so not the citations of one paper."""
        before = self.around[max(0, self.first - _NEAR) : self.first]
        after = self.around[max(self.last, self.end) + 1 : max(self.last, self.end) + 1 + _NEAR]
        return not (_RELATES_AFTER.isdisjoint(before) and _RELATES_BEFORE.isdisjoint(after))

    @property
    def highly_cited(self) -> bool:
        """Whether it counts only highly cited papers."""
        return self.of_papers and "highly" in self.around[self.last + 1 : self.end]


def may_state_other(text: SummaryTerms, record: str) -> bool:
    """A cheap test whether a summary may state a figure that the record does not state literally."""
    nouns = NOUNS & text.telling
    if not nouns:
        return False
    if not nouns <= CITED or not ONCE.isdisjoint(text.telling):
        return True
    return not all(states(record, number) for number in text.numbers)


def states(record: str, number: str) -> bool:
    """Whether the record has a paper with `number` citations."""
    at = record.find(f" | cited {number}")
    return at >= 0 and not record[at + len(number) + 9 : at + len(number) + 10].isdigit()


def are_whole(numbers: Iterable[str], plain: str) -> bool:
    """Whether words of digits are whole numbers, none of them the end of a longer one ("1,234")."""
    for number in numbers:
        if len(number) == _THOUSAND:
            at = plain.find(number)
            if plain[at - 2 : at - 1].isdigit() or plain.find(number, at + 1) >= 0:
                return False
    return True


def stated_in(text: SummaryTerms, nouns: AbstractSet[str]) -> Iterator[Stated]:
    """The figures that a summary states with one of these nouns, in their order; after them those in Chinese."""
    plain, words = text.plain, text.words
    for at in sorted(chain.from_iterable(_places_of(noun, words) for noun in nouns)):
        yield from _around(plain, words, at)
    if not plain.isascii():
        for pattern, of_papers in zip(_CHINESE, (True, False), strict=True):
            for found in pattern.finditer(plain):
                around = [found["number"], found["after"] or "次"]
                told = _ROUGH_CHINESE.get(found["before"] or found["after"] or "")
                yield Stated(integer(found["number"].replace(",", "")), of_papers, around, end=1, told=told)


def _places_of(word: str, words: Sequence[str]) -> list[int]:
    places: list[int] = []
    for _ in range(words.count(word)):
        places.append(words.index(word, places[-1] + 1 if places else 0))
    return places


def _around(plain: str, words: Sequence[str], at: int) -> Iterator[Stated]:
    """The figures next to the noun or verb at position `at`."""
    word = words[at]
    if word in CITED:
        after = _next_number(plain, words, at)
        if after is not None:
            yield _figure(plain, words, after, after, of_papers=False, start=at)
        if at >= 2 and words[at - 1] in _TIMES and words[at - 2].isdecimal():  # noqa: PLR2004 - a number, then "times"
            yield _figure(plain, words, at - 2, at, of_papers=False)
        return
    before = _number_before(plain, words, at)
    if before is None:
        return
    of_papers = word in PAPERS
    if of_papers or words[before].isdecimal():
        yield _figure(plain, words, before, at, of_papers=of_papers)
    if not of_papers:  # "294 of 621 citations"
        start = before
        while start > 0 and words[start - 1] in _LINKS and start > before - 4:
            start -= 1
            if words[start] == "of" and start > 0 and words[start - 1].isdecimal():
                yield _figure(plain, words, start - 1, at, of_papers=False)
                return


def _next_number(plain: str, words: Sequence[str], at: int) -> int | None:
    """The position of the number after "cited", with only rounding and linking words in between."""
    for place in range(at + 1, min(len(words), at + 4)):
        word = words[place]
        is_number = word.isdecimal() or word in ONCE
        if not is_number and word not in _MAY_LEAD:
            return None
        if f"{words[place - 1]} {word}" not in plain and f"{words[place - 1]}, {word}" not in plain:
            return None  # a sentence or a quotation begins
        if is_number:
            return place if word.isdecimal() or words[place + 1 : place + 2] != ["as"] else None
    return None


def _number_before(plain: str, words: Sequence[str], at: int) -> int | None:
    """The position of the number that counts the noun at position `at`."""
    for place in range(at - 1, max(-1, at - _LONGEST_WAY), -1):
        word = words[place]
        is_number = _value(word) is not None
        if not is_number and word not in _KINDS and not word[0].isupper():
            return None
        if f"{word} {words[place + 1]}" not in plain and f"{word}-{words[place + 1]}" not in plain:
            return None  # a sentence or a quotation begins
        if is_number:
            return None if _is_of_a_name(plain, words, place) or words[place + 1] in _UNITS else place
    return None


def _is_of_a_name(plain: str, words: Sequence[str], place: int) -> bool:
    """Whether the number at position `place` belongs to the word before it ("GPT-4")."""
    if place == 0:
        return False
    left, number = words[place - 1], f"{words[place]} "
    return f"{left}-{number}" in plain or f"{left}.{number}" in plain or f"{left}/{number}" in plain


def _figure(
    plain: str, words: Sequence[str], place: int, end: int, *, of_papers: bool, start: int | None = None
) -> Stated:
    """The figure whose number is at position `place` (with the thousands before or after it)."""
    first = last = place
    if not words[place].isdecimal():
        number = _value(words[place])
        assert number is not None  # `place` is a number's position
        return Stated(number, of_papers, words, place, place, place if start is None else start, end)
    while first > 0 and len(words[first]) == _THOUSAND and _are_one_number(plain, words[first - 1], words[first]):
        first -= 1
    while (
        last + 1 < len(words)
        and len(words[last + 1]) == _THOUSAND
        and _are_one_number(plain, words[last], words[last + 1])
    ):
        last += 1
    number = integer("".join(words[first : last + 1]))
    return Stated(number, of_papers, words, first, last, first if start is None else start, end)


def integer(digits: str) -> int:
    """What digits stand for. Of more than any count has, the first: no record has such a number either."""
    return int(digits[:_MOST_DIGITS])


def _value(word: str) -> int | None:
    if "0" <= word[0] <= "9":
        return integer(word) if word.isdecimal() else None
    return NUMBER_WORDS.get(word.lower())


def _are_one_number(plain: str, left: str, right: str) -> bool:
    """Whether three digits continue a number: "1,234", "1 234"."""
    if len(left) > _THOUSAND or not (left.isdecimal() and right.isdecimal()):
        return False
    return any(f"{left}{mark}{right}" in plain for mark in ",.' ")

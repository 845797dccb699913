"""The figures that a summary states of papers and citations, found by the words around them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.terms import SummaryTerms
from summarizer_assets.core.vocabulary import NUMBER_WORDS


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# In English and in a few more languages, folded.
_PAPERS: Final = _set(
    "papers publications articles Arbeiten Publikationen Veroffentlichungen Aufsatze Aufsatzen articulos publicaciones "
    "travaux articoli pubblicazioni artigos publicacoes"
)
_CITATIONS: Final = _set("citations citation Zitationen Zitierungen Zitate Zitaten citas citazioni citacoes")
_CITED: Final = _set("cited zitiert citado citada citados citadas cite citee cites citees citato citata citati citate")
_TIMES: Final = _set("times Mal mal veces fois volte vezes")
_NOUNS: Final = _PAPERS | _CITATIONS | _CITED
#: What may stand between a number and its noun, beside words with a capital.
_KINDS: Final = _set(
    "highly cited hot research scientific scholarly journal peer reviewed published more further other total recorded "
    "wissenschaftliche wissenschaftlichen language"
)
_LINKS: Final = _set("a total of the its all")
_LEADING: Final = _set("a an total in insgesamt exactly just only more fewer less at up close")
_ROUGH: Final = {
    "more": _set("over than above exceeding exceeds passed surpassed least uber plus mas oltre mais"),
    "less": _set("under below most to unter moins menos"),
    "nearly": _set("nearly almost approaching fast knapp beinahe pres presque casi quasi quase"),
    "about": _set("about around some roughly approximately circa estimated etwa rund ungefahr environ unos cerca"),
}
_LESS_THAN: Final = _set("fewer less weniger")
#: Words before a number of papers that is all of them, unless one of the words after it chooses some.
_ALL: Final = _set("her his their the whose all across among s published written wrote authored has")
_SOME: Final = _set("in on at from with about by that which of concern concerns concerning deal deals dealing")
_AMONG: Final = _set("of among across")
_SPELLED: Final = NUMBER_WORDS.keys() - {"one"}
_ARTICLES: Final = _set("a an the")
_THOUSAND: Final = 3  # digits
_LONGEST_WAY: Final = 6  # words between a number and its noun

_CHINESE: Final = (
    re.compile(r"(?P<number>\d+) ?(?P<after>篇)"),
    re.compile(r"引[^\d。]{0,6}(?P<number>\d+)(?P<after>余|多)?"),
)


@dataclass(frozen=True, slots=True)
class Stated:
    """One figure as it is stated: what the words around it say is read when it is asked for.

    `number`; `of_papers`: it counts papers, else citations; `around`: the text's words, of which `first` to `last` are
    the number's, and `start` to `end` the passage's.
    """

    number: int
    of_papers: bool
    around: Sequence[str]
    first: int = 0
    last: int = 0
    start: int = 0
    end: int = 0

    @property
    def words(self) -> str:
        return " ".join(self.around[min(self.start, self.first) : max(self.last, self.end) + 1])

    @property
    def rough(self) -> str | None:
        """How it is rounded: "more", "less", "nearly" or "about"."""
        if self.around[self.first] == "dozen":
            return "about"
        before = self.around[max(0, self.first - 3) : self.first]
        near = [word.lower() for word in before if word.lower() not in _ARTICLES][-2:]
        if not near:
            return "more" if self.around[self.last + 1 : self.last + 2] in (["余"], ["多"]) else None
        if near[-1] == "than" and near[0] in _LESS_THAN:
            return "less"
        return next((kind for kind, words in _ROUGH.items() if near[-1] in words), None)

    @property
    def is_total(self) -> bool:
        """Whether it counts all papers, by the words around it."""
        before = [word.lower() for word in self.around[max(0, self.first - 2) : self.first]]
        if not before or before[-1] not in _ALL:
            return False
        after = self.around[self.end + 1 : self.end + 2]
        return (len(before) > 1 and before[0] in _AMONG) or not (after and after[0] in _SOME)

    @property
    def is_spelled(self) -> bool:
        """Whether the number is written as a word."""
        return not self.around[self.first][0].isdigit()

    @property
    def highly_cited(self) -> bool:
        """Whether it counts only papers that are highly cited."""
        return self.of_papers and "highly" in self.around[self.last + 1 : self.end]


def may_state_other(text: SummaryTerms, record: str) -> bool:
    """Whether a summary may state a figure that the record does not state just so. Cheap."""
    nouns = _NOUNS & text.present
    if not nouns:
        return False
    if not _SPELLED.isdisjoint(text.present):
        return True
    numbers = [word for word in text.odd if word < ":"]
    if not nouns.isdisjoint(_PAPERS):
        return bool(numbers)
    return not all(f"cited {number}" in record for number in numbers)


def stated_in(text: SummaryTerms) -> Iterator[Stated]:
    """The figures that a summary states."""
    plain, words = text.plain, text.words
    for noun in _NOUNS & text.present:
        at = -1
        for _ in range(words.count(noun)):
            at = words.index(noun, at + 1)
            yield from _around(plain, words, at)
    if not plain.isascii():
        for pattern, of_papers in zip(_CHINESE, (True, False), strict=True):
            for found in pattern.finditer(plain):
                yield Stated(int(found["number"]), of_papers, [found["number"], found["after"] or "次"], end=1)


def _around(plain: str, words: Sequence[str], at: int) -> Iterator[Stated]:
    """The figures that the noun or verb at a place has beside it."""
    word = words[at]
    if word in _CITED:
        after = _next_number(words, at + 1)
        if after is not None and not _PAPERS.intersection(words[after + 1 : after + 4]):
            yield _figure(plain, words, after, max(after, at), of_papers=False, start=at)
        if at >= 2 and words[at - 1] in _TIMES:  # noqa: PLR2004 - a number, then "times"
            before = _number_before(plain, words, at - 1)
            if before is not None:
                yield _figure(plain, words, before, at, of_papers=False)
        return
    before = _number_before(plain, words, at)
    if before is None:
        return
    of_papers = word in _PAPERS
    yield _figure(plain, words, before, at, of_papers=of_papers)
    if not of_papers:  # "294 of 621 citations"
        start = before
        while start > 0 and words[start - 1] in _LINKS and start > before - 4:
            start -= 1
            if words[start] == "of" and start > 0 and _value(words[start - 1]) is not None:
                yield _figure(plain, words, start - 1, at, of_papers=False)
                return


def _next_number(words: Sequence[str], at: int) -> int | None:
    """The place of a number that begins at a place or soon after, with nothing but rough and linking words before."""
    for place in range(at, min(len(words), at + 4)):
        word = words[place]
        if _value(word) is not None:
            return place
        follows_total = word == "of" and words[place - 1] == "total"
        if not follows_total and word not in _LEADING and not any(word in kind for kind in _ROUGH.values()):
            return None
    return None


def _number_before(plain: str, words: Sequence[str], at: int) -> int | None:
    """The place of the number that counts the noun at a place."""
    for place in range(at - 1, max(-1, at - _LONGEST_WAY), -1):
        word = words[place]
        if _value(word) is not None:
            return place
        is_name = word[0].isupper() and f"{words[place - 1]} {word}" in plain  # and does not begin a sentence
        if word not in _KINDS and not is_name:
            return None
    return None


def _figure(
    plain: str, words: Sequence[str], place: int, end: int, *, of_papers: bool, start: int | None = None
) -> Stated:
    """The figure whose number stands at a place (with the thousands before or after it)."""
    first = last = place
    while first > 0 and _are_one_number(plain, words[first - 1], words[first]):
        first -= 1
    while last + 1 < len(words) and _are_one_number(plain, words[last], words[last + 1]):
        last += 1
    number = int("".join(words[first : last + 1])) if words[place].isdecimal() else _value(words[place])
    assert number is not None  # the place is a number's
    return Stated(number, of_papers, words, first, last, first if start is None else start, end)


def _value(word: str) -> int | None:
    if "0" <= word[0] <= "9":
        return int(word) if word.isdecimal() else None
    return NUMBER_WORDS.get(word.lower())


def _are_one_number(plain: str, left: str, right: str) -> bool:
    if len(right) != _THOUSAND or len(left) > _THOUSAND or not (left.isdecimal() and right.isdecimal()):
        return False
    return any(f"{left}{mark}{right}" in plain for mark in ",.'\u00a0\u202f")

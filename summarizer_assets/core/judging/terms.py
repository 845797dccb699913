"""Texts as sets of terms: what of a text can tell one author's work from another's, in one form for all its spellings.

A term is a word's stem. Abbreviations of institutions and the adjectives of countries share the term of the word that
they stand for (`aliases.toml`). Words that any text may use of anybody are no terms, nor are numbers, numerals and
single letters. Where a script has no blanks, two neighbouring characters are a term.
"""

import re
import tomllib
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from summarizer_assets.core.judging.vocabulary import EVERYDAY, FOREIGN, STOCK
from summarizer_assets.core.judging.words import fold, looks_foreign, share_of_other_script, stem, words_of

#: The term of every word that tells nothing.
NOTHING: Final = ""

#: A text of which so many characters are of another script than Latin is in that one.
OTHER_SCRIPT_SHARE: Final = 0.3
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)
_ROMAN: Final = re.compile("[IVX]+")
_ORDINARY: Final = STOCK | EVERYDAY | FOREIGN
_MOST_KNOWN: Final = 1 << 18  # words; a run over a large bucket meets a few hundred thousand
_SMALL: Final = frozenset(("of", "the", "for", "and", "in", "on", "de", "la", "und", "der", "a", "an", "to", "with"))
ACRONYM: Final = re.compile(r"\b[A-Z]{3,}\b")
_OTHER_SCRIPT: Final = re.compile("[\u0370-\u1dff\u2c80-\ua71f\uab70-\ufaff]{4}")
_START: Final = 5  # letters that two forms of one word share


@cache
def _sections() -> dict[str, dict[str, list[str]]]:
    """The data file: by section, the forms of each word."""
    return tomllib.loads(files(__package__).joinpath("aliases.toml").read_text(encoding="utf-8"))


@cache
def _aliases() -> dict[str, str]:
    """What each form in the data file stands for, institutions and places alike."""
    return {form: word for section in _sections().values() for word, forms in section.items() for form in forms}


@cache
def countries() -> frozenset[str]:
    """The names of countries and regions, in small letters."""
    return frozenset(_sections()["places"])


@cache
def places() -> frozenset[str]:
    """The terms of countries and regions, and so of their adjectives."""
    return frozenset(map(stem, countries()))


class _Known(dict[str, str]):
    """The term of each word met so far, by the word as it is written: a look-up, and a call only the first time."""

    def __missing__(self, word: str) -> str:
        if len(self) >= _MOST_KNOWN:
            self.clear()
        term = self[word] = _term(word)
        return term


def _term(word: str) -> str:
    plain = _aliases().get(word.lower(), word.lower())
    if len(plain) == 1 or plain in _ORDINARY or plain.isdecimal() or _ROMAN.fullmatch(word):
        return NOTHING
    return stem(plain)


#: The term of a word of a folded text, `NOTHING` where it has none.
term_of: Final[Callable[[str], str]] = _Known().__getitem__


def terms_of(plain: str) -> set[str]:
    """The terms of a folded text; `NOTHING` may be among them."""
    if plain.isascii() or _UNSPACED.search(plain) is None:
        return set(map(term_of, words_of(plain)))
    pieces = {run[at : at + 2] for run in _UNSPACED.findall(plain) for at in range(len(run) - 1)}
    return pieces.union(map(term_of, words_of(_UNSPACED.sub(" ", plain))))


class RecordTerms:
    """A record as terms, as `core.prompt.rendering` writes it. What few answers need is found when they need it.

    `all`: of the whole record but its id, which is no fact of the author; `text`: that, folded.
    """

    def __init__(self, author_name: str, record: str) -> None:
        id_end = record.find('" ', 2) if record.startswith('#"') else -1  # within an id such a quote has a backslash
        self._author_name = author_name
        self.text = fold(record[id_end + 2 :] if id_end >= 0 else record)
        self.all = terms_of(self.text)
        self.all.discard(NOTHING)

    @cached_property
    def name(self) -> AbstractSet[str]:
        """The terms of the author's name."""
        return terms_of(fold(self._author_name)) - {NOTHING}

    @cached_property
    def facts(self) -> AbstractSet[str]:
        """The terms that are not of the author's name."""
        return self.all - self.name

    @cached_property
    def is_foreign(self) -> bool:
        """Whether a title or more of it is in another language than English, so that a text may translate it."""
        if not self.text.isascii() and _OTHER_SCRIPT.search(self.text) is not None:
            return True
        if FOREIGN.isdisjoint(words_of(self.text)):
            return False
        return any(looks_foreign(words_of(line)) for line in self.text.split("\n"))

    def has_form_of(self, term: str) -> bool:
        """Whether a word of the record begins as a term does: another form of the same word, mostly."""
        start, lower = term[:_START], self._lower
        at = lower.find(start)
        while at > 0 and lower[at - 1].isalpha():
            at = lower.find(start, at + 1)
        return at >= 0

    @cached_property
    def _lower(self) -> str:
        return self.text.lower()

    def spells_out(self, acronym: str) -> bool:
        """Whether words of the record in a row begin with the acronym's letters; one between may begin otherwise."""
        return re.search(".?".join(map(re.escape, acronym.lower())), self._initials) is not None

    def spelled_in(self, plain: str) -> set[str]:
        """The terms of the words of a text that spell out an acronym of the record."""
        words = [word for word in words_of(plain) if word.lower() not in _SMALL]
        initials = "".join(word[0] for word in words).lower()
        found: set[str] = set()
        for acronym in self.acronyms:
            at = initials.find(acronym.lower())
            while at >= 0:
                found.update(map(term_of, words[at : at + len(acronym)]))
                at = initials.find(acronym.lower(), at + 1)
        return found

    @cached_property
    def _initials(self) -> str:
        return "".join(word[0] for word in words_of(self._lower) if word not in _SMALL)

    @cached_property
    def acronyms(self) -> frozenset[str]:
        return frozenset(ACRONYM.findall(self.text))


class SummaryTerms:
    """A summary as terms.

    `plain`: the text, folded; `words`: in order, their case kept; `present`: the same as a set; `all`: their terms,
    without `NOTHING`.
    """

    def __init__(self, summary: str) -> None:
        self.plain = fold(summary)
        self.words = words_of(self.plain)
        self.present = set(self.words)
        unspaced = not self.plain.isascii() and _UNSPACED.search(self.plain) is not None
        self.all = terms_of(self.plain) if unspaced else set(map(term_of, self.present))
        self.all.discard(NOTHING)

    @cached_property
    def odd(self) -> list[str]:
        """Its different words that begin with a capital or a digit."""
        return [word for word in self.present if word < "a"]

    @cached_property
    def is_foreign(self) -> bool:
        """Whether it is in another language than English."""
        foreign = not FOREIGN.isdisjoint(self.present) and looks_foreign(self.words)
        return foreign or share_of_other_script(self.plain) > OTHER_SCRIPT_SHARE

    @cached_property
    def sentences(self) -> list[tuple[str, set[str]]]:
        """Each sentence, folded, with its terms. An initial ends one too: that parts a sentence, and joins none."""
        plain = self.plain
        for mark in ("? ", "! ", "。"):
            plain = plain.replace(mark, ". ")
        return [(sentence, terms_of(sentence) - {NOTHING}) for sentence in plain.split(". ")]

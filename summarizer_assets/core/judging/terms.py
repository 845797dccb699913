"""Term extraction: texts as sets of normalised terms that distinguish one author's work from another's.

A term is a word's stem. Abbreviations of institutions and adjectives of countries have the term of the word they stand
for (`aliases.toml`). Stop words, numbers, numerals and single letters are not terms. In scripts without blanks, two
neighbouring characters are a term.
"""

import re
import tomllib
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from summarizer_assets.core.judging.vocabulary import EVERYDAY, FOREIGN, STOCK, TELLING
from summarizer_assets.core.judging.words import (
    beyond_ascii,
    fold,
    looks_foreign,
    share_of_other_script,
    stem,
    words_of,
)

#: The term of every stop word.
NOTHING: Final = ""

#: The share of non-Latin characters from which on a text counts as being in another script.
OTHER_SCRIPT_SHARE: Final = 0.3
_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)
_ROMAN: Final = re.compile("[IVX]+")
_ORDINARY: Final = STOCK | EVERYDAY | FOREIGN
_MOST_KNOWN: Final = 1 << 18  # cached words; a run over a large bucket has a few hundred thousand
_SMALL: Final = frozenset(("of", "the", "for", "and", "in", "on", "de", "la", "und", "der", "a", "an", "to", "with"))
ACRONYM: Final = re.compile(r"\b[A-Z]{3,}\b")
_OTHER_SCRIPT: Final = re.compile("[\u0370-\u1dff\u2c80-\ua71f\uab70-\ufaff]{4}")
_START: Final = 5  # letters that two forms of a word share at the start


@cache
def _sections() -> dict[str, dict[str, list[str]]]:
    """The data file: the forms of each word, by section."""
    return tomllib.loads(files(__package__).joinpath("aliases.toml").read_text(encoding="utf-8"))


@cache
def _aliases() -> dict[str, str]:
    """The word that each form in the data file stands for, for institutions and places."""
    return {form: word for section in _sections().values() for word, forms in section.items() for form in forms}


@cache
def countries() -> frozenset[str]:
    """The names of countries and regions in lower case."""
    return frozenset(_sections()["places"])


@cache
def places() -> frozenset[str]:
    """The terms of countries and regions, which their adjectives share."""
    return frozenset(map(stem, countries()))


class _Known(dict[str, str]):
    """A cache of the term of each word as written: a dict lookup, and a call only the first time."""

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


#: The term of a word of a folded text, or `NOTHING`.
term_of: Final[Callable[[str], str]] = _Known().__getitem__


def _is_spaced(plain: str) -> bool:
    return plain.isascii() or _UNSPACED.search(beyond_ascii(plain)) is None


def terms_of(plain: str) -> set[str]:
    """The terms of a folded text, perhaps including `NOTHING`."""
    if _is_spaced(plain):
        return set(map(term_of, words_of(plain)))
    pieces = {run[at : at + 2] for run in _UNSPACED.findall(plain) for at in range(len(run) - 1)}
    return pieces.union(map(term_of, words_of(_UNSPACED.sub(" ", plain))))


class RecordTerms:
    """The terms of a record rendered by `core.prompt.rendering`; rarely needed ones are computed on demand.

    `all`: terms of the record without its id, which is no fact about the author. `text`: the same part, folded.
    """

    def __init__(self, author_name: str, record: str) -> None:
        id_end = record.find('" ', 2) if record.startswith('#"') else -1  # within an id a quote has a backslash
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
        """The terms outside the author's name."""
        return self.all - self.name

    @cached_property
    def is_foreign(self) -> bool:
        """Whether at least one title is not in English, so that a text may translate it."""
        if not self.text.isascii() and _OTHER_SCRIPT.search(self.text) is not None:
            return True
        if FOREIGN.isdisjoint(words_of(self.text)):
            return False
        return any(looks_foreign(words_of(line)) for line in self.text.split("\n"))

    def has_form_of(self, term: str) -> bool:
        """Whether a word of the record begins like the term, which mostly is another form of the same word."""
        start, lower = term[:_START], self._lower
        at = lower.find(start)
        while at > 0 and lower[at - 1].isalpha():
            at = lower.find(start, at + 1)
        return at >= 0

    @cached_property
    def _lower(self) -> str:
        return self.text.lower()

    def spells_out(self, acronym: str) -> bool:
        """Whether words of the record begin with the acronym's letters in order, at most one other word between two."""
        return re.search(".?".join(map(re.escape, acronym.lower())), self._initials) is not None

    def spelled_in(self, plain: str) -> set[str]:
        """The terms of those words of a text that spell out an acronym of the record."""
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
    """The terms of a summary.

    `plain`: the folded text. `words`: its words in order, with their case; of these, `odd` begin with a capital or a
    digit, `numbers` with a digit, and for the `telling` ones a text is searched further. `all`: the words' terms,
    without `NOTHING`; `strange`: those that the record of its author lacks. `is_foreign`: whether the summary is not
    in English.
    """

    def __init__(self, summary: str, record: RecordTerms) -> None:
        self.plain = plain = fold(summary)
        self.words = words = words_of(plain)
        self.odd = odd = [word for word in words if word < "a"]
        self.numbers = [word for word in odd if word < ":"]
        self.telling = TELLING.intersection(words)
        self.all = set(map(term_of, words)) if _is_spaced(plain) else terms_of(plain)
        self.all.discard(NOTHING)
        self.strange = self.all - record.all
        self.is_foreign = (not FOREIGN.isdisjoint(self.telling) and looks_foreign(self.words)) or (
            share_of_other_script(plain) > OTHER_SCRIPT_SHARE
        )

    @cached_property
    def present(self) -> AbstractSet[str]:
        """The set of `words`."""
        return set(self.words)

    @cached_property
    def sentences(self) -> list[tuple[str, set[str]]]:
        """Each folded sentence with its terms. An initial ends one, too, which may split a sentence but joins none."""
        plain = self.plain
        for mark in ("? ", "! ", "。"):
            plain = plain.replace(mark, ". ")
        return [(sentence, terms_of(sentence) - {NOTHING}) for sentence in plain.split(". ")]

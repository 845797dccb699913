"""Texts as sets of terms: what of a text can tell one author's work from another's, in one form for all its spellings.

A term is a word's stem. Abbreviations of institutions and the adjectives of countries share the term of the word that
they stand for (`aliases.toml`). Words that any text may use of anybody are no terms, nor are numbers, numerals and
single letters. Where a script has no blanks, two neighbouring characters are a term.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import Final

from summarizer_assets.core.vocabulary import EVERYDAY, FOREIGN, STOCK
from summarizer_assets.core.words import stem, words_of

#: The term of every word that tells nothing.
NOTHING: Final = ""

_UNSPACED: Final = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+"
)
_ROMAN: Final = re.compile("[IVX]+")
_ORDINARY: Final = STOCK | EVERYDAY | FOREIGN
_START: Final = 5  # letters
_MOST_KNOWN: Final = 1 << 18  # words; a run over a large bucket meets a few hundred thousand


@cache
def _aliases() -> dict[str, str]:
    """What each form in the data file stands for, institutions and places alike."""
    sections = tomllib.loads(files(__package__).joinpath("aliases.toml").read_text(encoding="utf-8"))
    return {form: word for section in sections.values() for word, forms in section.items() for form in forms}


@cache
def places() -> frozenset[str]:
    """The terms of countries and regions."""
    sections = tomllib.loads(files(__package__).joinpath("aliases.toml").read_text(encoding="utf-8"))
    return frozenset(stem(word) for word in sections["places"])


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


def starts_of(terms: Iterable[str]) -> set[str]:
    """The letters with which terms begin: two forms of one word share them, as "saison" and "saisonal"."""
    return {term[:_START] for term in terms}

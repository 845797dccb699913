"""Matching of an author's name in a text, in any order, script or spelling that a reader would recognise."""

import re
from collections.abc import Sequence

from summarizer_assets.core.judging.terms import OTHER_SCRIPT_SHARE, SummaryTerms
from summarizer_assets.core.judging.vocabulary import PARTICLES
from summarizer_assets.core.judging.words import fold, share_of_other_script, words_of

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_WRITTEN_OUT = re.compile("(?<=[aou])e|(?<=a)a|(?<=d)j")
_TELLING_LENGTH = 5  # letters of a name part that is recognised even without blanks around it


def is_named(author_name: str, text: SummaryTerms) -> bool:
    """Whether a text names the author: by a part of the family name if it is known, otherwise by any part.

    `author_name`: as in the table, "Family, Given" or in any other order and script.
    """
    family = author_name.partition(",")[0].strip(" .")
    if family in text.words and len(family) > 1 and family.lower() not in PARTICLES:  # the usual spelling
        return True
    parts, words = _name_parts(author_name), text.words
    squeezed = "".join(words).lower()
    whole = "".join(words_of(fold(author_name).lower()))
    if _UNSPACED.search(text.plain):  # names have no blanks around them in such scripts
        return any(part in squeezed for part in parts) or whole in squeezed
    if not parts:  # "Das" and "Du" are family names, too, but only capitalised
        particles = [word for word in words_of(fold(author_name)) if len(word) > 1]
        return any(form in text.present for word in particles for form in (word, word.capitalize(), word.upper())) or (
            _is_named_by_initials(author_name, [word.lower() for word in words])
        )
    lower = [word.lower() for word in words]
    return not set(lower).isdisjoint(parts) or _is_respelt(parts, lower, squeezed)


def cannot_be_named(author_name: str, plain: str) -> bool:
    """Whether name and text have different scripts, so that the text transliterates the name, if it has it at all."""
    name = fold(author_name)
    if share_of_other_script(name) > OTHER_SCRIPT_SHARE:
        return set(plain).isdisjoint("".join(words_of(name)))
    return share_of_other_script(plain) > OTHER_SCRIPT_SHARE


def _name_parts(author_name: str) -> list[str]:
    """Distinctive parts of two or more letters, folded; those before a comma (the family name) if there is one."""
    family, comma, _ = author_name.partition(",")
    for text in (family, author_name) if comma else (author_name,):
        parts = [part for part in words_of(fold(text).lower()) if len(part) > 1 and part not in PARTICLES]
        if parts:
            return parts
    return []


def _is_named_by_initials(author_name: str, words: Sequence[str]) -> bool:
    """For a name of single letters only: whether the same letters occur in a row."""
    parts = words_of(fold(author_name).lower())
    if not parts or any(len(part) > 1 for part in parts):
        return False
    return f" {' '.join(parts)} " in f" {' '.join(words)} "


def _is_respelt(parts: Sequence[str], words: Sequence[str], squeezed: str) -> bool:
    """Whether the name occurs with other umlauts ("Mueller"), or split into other words ("OBRIEN", "O'Brien")."""
    known = {_WRITTEN_OUT.sub("", word) for word in words}
    joined = "".join(parts)
    return any(_WRITTEN_OUT.sub("", part) in known for part in parts) or (
        len(joined) >= _TELLING_LENGTH and joined in squeezed
    )


def names_wholly(author_name: str, text: SummaryTerms) -> bool:
    """Whether a text has each capitalised part of a distinctive name, except initials."""
    parts = [part for part in words_of(fold(author_name)) if len(part) > 1]
    telling = len(parts) > 1 or any(len(part) >= _TELLING_LENGTH for part in parts)
    forms = [(part, part.capitalize(), part.upper()) for part in parts]
    if _UNSPACED.search(text.plain):
        return telling and all(any(form in text.plain for form in each) for each in forms)
    return telling and all(any(form in text.present for form in each) for each in forms)

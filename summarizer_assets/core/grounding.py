"""Signals of whether a summary speaks of its author's own record, cheap enough for every answer.

They compare words, names and numbers. They see another author's summary, a changed number, an invented award; they
cannot see a false claim that is made of true words. So they are signals and never proof.
"""

import re
from dataclasses import dataclass
from itertools import pairwise

from summarizer_assets.core.vocabulary import (
    CLAIMS,
    COUNTED,
    ENGLISH,
    FIELDS,
    FOREIGN,
    NUMBER_WORDS,
    PARTICLES,
    STOCK,
)
from summarizer_assets.core.words import SHORTEST_STEM, fold, has_other_script, share_of_other_script, stem, words_of

UNNAMED = "unnamed"
NAME_UNMEASURED = "name_unmeasured"
UNKNOWN_NUMBER = "unknown_number"
UNKNOWN_NAME = "unknown_name"
UNSUPPORTED_CLAIM = "unsupported_claim"
SUPPORT_UNMEASURED = "support_unmeasured"
OTHER_LANGUAGE = "other_language"

_DISQUALIFYING = frozenset({UNKNOWN_NUMBER, UNKNOWN_NAME, UNSUPPORTED_CLAIM})

_ID = re.compile(r'^#"(?:[^"\\]|\\.)*"')  # an id that is a number is no fact of the author
_CITED = re.compile(r"\| cited (\d+)")
_SENTENCE_END = re.compile(r"[.!?:;]\s+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_THOUSANDS = re.compile(r"\d{1,3}(?:[,.]\d{3})+")
_CAPITALISED_RUN = re.compile(r"[A-Z][\w&-]*(?:[ ,]+(?:(?:of|for|the|and|in|de)[ ])*[A-Z][\w&-]*)+")
_QUOTED = re.compile('"[^"]*"|“[^”]*”|«[^»]*»|„[^“”]*[“”]')
_CAPITAL = re.compile(r"\b[A-Z]")
_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
_SHORTEST_ACRONYM = 3
_YEAR_DIGITS = 4
_OTHER_SCRIPT_SHARE = 0.3
_OTHER_LANGUAGE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Signals:
    """What was measured of one summary.

    `support` is the share (0 to 1) of its content words that the record has, None where it could not be measured;
    `named` whether the author is named; `flags` the names of what stood out, for the table; `doubts` the words that
    raised them, for a failure's detail.
    """

    support: float | None
    named: bool
    flags: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Thresholds:
    min_support: float = 0.6


def accept(signals: Signals, thresholds: Thresholds) -> bool:
    """Whether a summary with these signals may be stored."""
    return (
        signals.named
        and (signals.support is None or signals.support >= thresholds.min_support)
        and _DISQUALIFYING.isdisjoint(signals.flags)
    )


def measure(summary: str, record: str, author_name: str, language: str = "English") -> Signals:
    """The signals of one summary against the record it was written from.

    Args:
        summary: the text, one paragraph in NFC.
        record: the author's data as `core.rendering` writes it for the model, the name in its first line.
        author_name: as in the table, "Family, Given" or in any other order and script; may be empty.
        language: the language asked for; only English has a vocabulary here, others are judged by names and numbers.
    """
    plain, record_plain = fold(summary), fold(_ID.sub("", record, count=1))
    words = set(words_of(record_plain.lower()))
    tokens = words_of(plain.lower())
    flags: list[str] = []
    doubts: list[str] = []

    other_script = share_of_other_script(plain) > _OTHER_SCRIPT_SHARE
    foreign = other_script or (_looks_foreign(tokens) and _looks_foreign(_unquoted(plain)))
    if foreign is (language.casefold() == "english"):
        flags.append(OTHER_LANGUAGE)

    named = is_named(author_name, plain, tokens)
    if not named and (not author_name.strip() or _cannot_be_named(author_name, plain, other_script=other_script)):
        named = True
        flags.append(NAME_UNMEASURED)
    if not named:
        flags.append(UNNAMED)

    wrong_numbers = unknown_numbers(plain, tokens, record_plain)
    if wrong_numbers:
        flags.append(UNKNOWN_NUMBER)
        doubts += wrong_numbers

    if foreign or share_of_other_script(record_plain) > _OTHER_SCRIPT_SHARE:
        claims = [token for token in tokens if token in CLAIMS and token not in words]
        flags += [SUPPORT_UNMEASURED] if not claims else [SUPPORT_UNMEASURED, UNSUPPORTED_CLAIM]
        return Signals(None, named, tuple(flags), (*doubts, *claims))
    support, names, claims = _compare_words(plain, words, record_plain)
    if claims:
        flags.append(UNSUPPORTED_CLAIM)
    if names:
        flags.append(UNKNOWN_NAME)
    return Signals(support, named, tuple(flags), (*doubts, *claims, *names))


def _compare_words(plain: str, words: set[str], record_plain: str) -> tuple[float, list[str], list[str]]:
    """Support of the content words, capitalised words the record does not have, claims it does not have."""
    stems: set[str] = set()  # made when the first word is not found as it stands
    supported = content = 0
    names: list[str] = []
    claims: list[str] = []
    for sentence in _SENTENCE_END.split(plain):
        inside = False  # a capital at the start of a sentence names nothing
        for word in words_of(sentence):
            lowered = word.lower()
            if lowered in words:
                content += lowered not in STOCK
                supported += lowered not in STOCK
            elif lowered in STOCK or lowered.isdigit() or len(lowered) == 1:
                pass
            else:
                content += 1
                stemmed = stem(lowered)
                stems = stems or set(map(stem, words))
                if stemmed in stems or _abbreviated(lowered, words):
                    supported += 1
                elif stemmed in CLAIMS or lowered in CLAIMS:
                    claims.append(word)
                elif inside and word[0].isupper() and lowered not in FIELDS:
                    names.append(word)
            inside = True
    if names:
        explained = _explained_by_acronyms(plain, names, words, record_plain)
        supported += sum(name in explained for name in names)
        names = [name for name in names if name not in explained]
    return (supported / content if content else 0.0), names, claims


def _explained_by_acronyms(plain: str, names: list[str], words: set[str], record_plain: str) -> set[str]:
    """Names that are an acronym of the record's words, or the words behind an acronym of the record."""
    initials = "".join(word[0] for word in words_of(record_plain.lower()))
    explained = {
        name for name in names if name.isupper() and len(name) >= _SHORTEST_ACRONYM and name.lower() in initials
    }
    for run in _CAPITALISED_RUN.findall(plain):
        acronym = "".join(_CAPITAL.findall(run)).lower()
        if len(acronym) >= _SHORTEST_ACRONYM and acronym in words:
            explained.update(words_of(run))
    return explained


def _abbreviated(word: str, words: set[str]) -> bool:
    """Whether the record has the word cut short, as exports write "Calif" and "Technol"."""
    return any(word[:length] in words for length in range(SHORTEST_STEM, len(word)))


def unknown_numbers(plain: str, tokens: list[str], record_plain: str) -> list[str]:
    """Numbers of a text that the record neither holds nor leads to: its counts, its span of years."""
    claimed = _NUMBER.findall(plain)
    if not COUNTED.isdisjoint(tokens):
        claimed += [NUMBER_WORDS[word] for word, next_ in pairwise(tokens) if next_ in COUNTED and word in NUMBER_WORDS]
    if not claimed:
        return []
    written = set(_NUMBER.findall(record_plain))
    if written.issuperset(claimed):
        return []
    known = set(map(_canonical, written))
    missing = [number for number in claimed if _canonical(number) not in known]
    if not missing:
        return []
    years = [int(number) for number in known if len(number) == _YEAR_DIGITS and number[:2] in {"19", "20"}]
    return [
        number
        for number in missing
        if not (len(number) == _YEAR_DIGITS and years and min(years) // 10 * 10 <= _as_int(number) <= max(years))
        and _canonical(number) not in _counts(record_plain)
    ]


def _as_int(number: str) -> int:
    return int(number) if number.isdecimal() else -1


def _canonical(number: str) -> str:
    if _THOUSANDS.fullmatch(number):
        number = number.replace(",", "").replace(".", "")
    return number.lstrip("0") or "0"


def _counts(record_plain: str) -> set[str]:
    """What the record leads to: its papers, journals, papers of a journal, and the citations of these."""
    counts: set[int] = set()
    papers = journals = cited = 0
    of_journal = cited_journal = 0
    for line in record_plain.split("\n")[1:]:
        if line.startswith(" "):
            citations = sum(map(int, _CITED.findall(line)))
            papers, of_journal = papers + 1, of_journal + 1
            cited, cited_journal = cited + citations, cited_journal + citations
        else:
            counts |= {of_journal, cited_journal}
            journals, of_journal, cited_journal = journals + 1, 0, 0
    counts |= {papers, journals, cited, of_journal, cited_journal}
    return set(map(str, counts - {0}))


def is_named(author_name: str, plain: str, tokens: list[str]) -> bool:
    """Whether a text, folded, names the author: a part of the family name where it is known, else any part."""
    if _UNSPACED.search(author_name):
        squeezed = "".join(words_of(plain))
        return any(part in squeezed for part in _name_parts(author_name)) or _squeezed_name(author_name) in squeezed
    present = set(tokens)
    if any(part in present for part in _name_parts(author_name)):
        return True
    family = author_name.partition(",")[0].strip(" .")
    if family.lower() in PARTICLES:  # "Das" and "Du" are family names too, but only with their capital
        return re.search(rf"\b{family.capitalize()}\b", plain) is not None
    return _is_named_by_initials(author_name, tokens)


def _name_parts(author_name: str) -> list[str]:
    """Parts of two letters and more, folded, that tell the author from others; the family's before a comma."""
    family, comma, _ = author_name.partition(",")
    for text in (family, author_name) if comma else (author_name,):
        parts = [part for part in words_of(fold(text).lower()) if len(part) > 1 and part not in PARTICLES]
        if parts:
            return parts
    return []


def _squeezed_name(author_name: str) -> str:
    return "".join(words_of(fold(author_name)))


def _is_named_by_initials(author_name: str, tokens: list[str]) -> bool:
    """For a name of single letters only: the same letters in a row."""
    parts = words_of(fold(author_name).lower())
    if not parts or any(len(part) > 1 for part in parts):
        return False
    return f" {' '.join(parts)} " in f" {' '.join(tokens)} "


def _cannot_be_named(author_name: str, plain: str, *, other_script: bool) -> bool:
    """Whether a text in another script than the name's holds nothing in the name's script to judge by."""
    name_is_other = share_of_other_script(fold(author_name)) > _OTHER_SCRIPT_SHARE
    if other_script and not name_is_other:
        return re.search(r"[A-Za-z]{2}", plain) is None
    return name_is_other and not other_script and not has_other_script(plain)


def _unquoted(plain: str) -> list[str]:
    """The words outside quotation marks: a title keeps its language in a summary of any other."""
    return words_of(_QUOTED.sub(" ", plain).lower())


def _looks_foreign(tokens: list[str]) -> bool:
    """Whether a text in Latin letters uses another language's small words, and more of them than English ones."""
    foreign = sum(map(FOREIGN.__contains__, tokens))
    return foreign > _OTHER_LANGUAGE_SHARE * len(tokens) and foreign > sum(map(ENGLISH.__contains__, tokens))

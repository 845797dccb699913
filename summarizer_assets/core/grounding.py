"""Signals of whether a summary speaks of its author's own record, cheap enough for every answer.

They compare words, names and numbers. They see another author's summary, a changed number, an invented award; they
cannot see a false claim that is made of true words. So they are signals and never proof.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

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
from summarizer_assets.core.words import (
    SHORTEST_STEM,
    fold,
    has_other_script,
    numbers_of,
    share_of_other_script,
    stem,
    words_of,
)

UNNAMED = "unnamed"
NAME_UNMEASURED = "name_unmeasured"
UNKNOWN_NUMBER = "unknown_number"
UNKNOWN_NAME = "unknown_name"
UNSUPPORTED_CLAIM = "unsupported_claim"
SUPPORT_UNMEASURED = "support_unmeasured"
OTHER_LANGUAGE = "other_language"

_DISQUALIFYING = frozenset({UNKNOWN_NUMBER, UNKNOWN_NAME, UNSUPPORTED_CLAIM})

_ID = re.compile(r'#"(?:[^"\\]|\\.)*"')  # an id that is a number is no fact of the author
_CITED = re.compile(r"\| cited (\d+)")
_SENTENCE_END = re.compile(r"[.!?:;]\s+")
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
    record_id = _ID.match(record)
    plain, record_plain = fold(summary), fold(record[record_id.end() :] if record_id else record)
    words = set(words_of(record_plain.lower()))
    tokens = words_of(plain.lower())
    present = set(tokens)
    flags: list[str] = []
    doubts: list[str] = []

    other_script = share_of_other_script(plain) > _OTHER_SCRIPT_SHARE
    foreign = other_script or (
        not FOREIGN.isdisjoint(present) and _looks_foreign(tokens) and _looks_foreign(_unquoted(plain))
    )
    if foreign is (language.casefold() == "english"):
        flags.append(OTHER_LANGUAGE)

    named = is_named(author_name, plain, tokens, present)
    if not named and (not author_name.strip() or _cannot_be_named(author_name, plain, other_script=other_script)):
        named = True
        flags.append(NAME_UNMEASURED)
    if not named:
        flags.append(UNNAMED)

    wrong_numbers = unknown_numbers(plain, tokens, present, record_plain)
    if wrong_numbers:
        flags.append(UNKNOWN_NUMBER)
        doubts += wrong_numbers

    if foreign or share_of_other_script(record_plain) > _OTHER_SCRIPT_SHARE:
        claims = [token for token in tokens if token in CLAIMS and token not in words]
        flags += [SUPPORT_UNMEASURED] if not claims else [SUPPORT_UNMEASURED, UNSUPPORTED_CLAIM]
        return Signals(None, named, tuple(flags), (*doubts, *claims))
    support, names, claims = _compare_words(plain, tokens, words, record_plain)
    if claims:
        flags.append(UNSUPPORTED_CLAIM)
    if names:
        flags.append(UNKNOWN_NAME)
    return Signals(support, named, tuple(flags), (*doubts, *claims, *names))


def _compare_words(
    plain: str, tokens: list[str], words: set[str], record_plain: str
) -> tuple[float, list[str], list[str]]:
    """Support of the content words, capitalised words the record does not have, claims it does not have."""
    cased: list[str] | None = None
    if not plain.isascii():  # some letters are lowered by their neighbours, which a word by itself does not have
        cased = words_of(plain)
        tokens = [word.lower() for word in cased]
    of_content = [token for token in tokens if token not in STOCK]
    missing = [token for token in of_content if token not in words]
    supported = content = len(of_content) - len(missing)
    names: list[str] = []
    claims: list[str] = []
    starts: set[int] | None = None
    place = -1
    known: dict[str, bool] = {}
    spaced = f" {' '.join(words)} " if missing else ""
    for token in missing:
        if len(token) == 1 or token.isdigit():
            continue
        content += 1
        has = known.get(token)
        if has is None:
            has = known[token] = _has_stem(spaced, stem(token)) or _abbreviated(token, words)
        if has:
            supported += 1
            continue
        cased = cased or words_of(plain)
        place = tokens.index(token, place + 1)
        if stem(token) in CLAIMS or token in CLAIMS:
            claims.append(cased[place])
        elif cased[place][0].isupper() and token not in FIELDS:
            starts = _sentence_starts(plain) if starts is None else starts
            if place not in starts:  # a capital at the start of a sentence names nothing
                names.append(cased[place])
    if names:
        explained = _explained_by_acronyms(plain, names, words, record_plain)
        supported += sum(name in explained for name in names)
        names = [name for name in names if name not in explained]
    return (supported / content if content else 0.0), names, claims


def _has_stem(spaced: str, stemmed: str) -> bool:
    """Whether any of the words between blanks has this stem; looking for its letters beats stemming all words."""
    at = spaced.find(f" {stemmed}")
    while at >= 0:
        end = spaced.index(" ", at + 1)
        if stem(spaced[at + 1 : end]) == stemmed:
            return True
        at = spaced.find(f" {stemmed}", end)
    return False


def _sentence_starts(plain: str) -> set[int]:
    """The places, among all words of a text, of the first word of each sentence."""
    starts: set[int] = set()
    count = 0
    for sentence in _SENTENCE_END.split(plain):
        starts.add(count)
        count += len(words_of(sentence))
    return starts


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
    for length in range(SHORTEST_STEM, len(word)):  # noqa: SIM110 - `any` over a generator costs twice as much
        if word[:length] in words:
            return True
    return False


def unknown_numbers(plain: str, tokens: list[str], present: set[str], record_plain: str) -> list[str]:
    """Numbers of a text that the record neither holds nor leads to: its counts, its span of years."""
    claimed = numbers_of(plain)
    spelled = NUMBER_WORDS.keys() & present
    if spelled and not COUNTED.isdisjoint(present):
        places = sorted(place for word in spelled for place in _places(tokens, word))
        claimed += [NUMBER_WORDS[tokens[place]] for place in places if tokens[place + 1] in COUNTED]
    if not claimed:
        return []
    written = set(numbers_of(record_plain))
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


def _places(tokens: list[str], word: str) -> Iterator[int]:
    """Where a word stands that is no last word."""
    place = -1
    for _ in range(tokens[:-1].count(word)):
        place = tokens.index(word, place + 1)
        yield place


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


def is_named(author_name: str, plain: str, tokens: list[str], present: set[str]) -> bool:
    """Whether a text, folded, names the author: a part of the family name where it is known, else any part."""
    if _UNSPACED.search(author_name):
        squeezed = "".join(words_of(plain))
        return any(part in squeezed for part in _name_parts(author_name)) or _squeezed_name(author_name) in squeezed
    if not present.isdisjoint(_name_parts(author_name)):
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

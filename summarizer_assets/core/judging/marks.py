"""Flags of a summary's text for review; none of them proves an error.

Flagged are names that the record lacks (places, institutions, others), numbers that it neither has nor implies, claims
about the person, and serious claims about the work. Subjects are not claims: an author may write about prizes, arrests
and deaths.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from summarizer_assets.core.judging.figures import Record
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.judging.stated_figures import integer
from summarizer_assets.core.judging.terms import NOTHING, RecordTerms, SummaryTerms, countries, places, term_of
from summarizer_assets.core.judging.vocabulary import CLAIM_WORDS, FIELDS, NUMBER_WORDS

_PRAISE: Final = r"(?:renowned|acclaimed|world-leading|leading|eminent|distinguished|celebrated|famous)"
#: Claims about the person: an honour, a post, a degree, fame, dates of life.
_CLAIMS: Final = re.compile(
    r"\b(?:(?:won|wins|winner of|winning|receive[sd]|recipient of|honou?red (?:with|by|for)|awarded|earned|holds?)\b"
    r"[^.]{0,40}?\b(?:award|prize|medal|honou?rs?|fellowship|degree|doctorate|ph\.?d|chair|professorship|patents?)"
    r"|(?:award|prize|medal)[- ]winning|nobel laureate|laureate"
    r"|(?:is|was|as|a|an|the) (?:\w+ ){0,3}?(?:professor|lecturer|dean|director|president|chair(?:man|woman|person)?|"
    r"founder|fellow|editor|pioneer|inventor|mentor)(?= (?:of|at|in|for|and|emerit)|[,.;])"
    r"|(?:chairs|heads|directs|leads|founded|co-?founded|established) the (?:department|institute|centre|center|"
    r"laboratory|lab|school|faculty|group)"
    rf"|(?:is|was) (?:\w+ ){{0,2}}?(?:renowned|acclaimed|world-leading|famous|celebrated)|{_PRAISE} (?:\w+ )?"
    r"(?:expert|authority|figure|scholar|academic|\w+(?:ist|ian|cher|ssor|thor|eer))s?\b"
    r"|(?:he|she|who|author|researcher) (?:has )?(?:pioneered|invented|patented|retired|died)\b"
    r"|(?:was|is) (?:born|married|elected|appointed)"
    r"|(?:graduated|holds a degree|ph\.?d\.?) from|alumn(?:us|a|i) of|emerit(?:us|a))",
    re.IGNORECASE,
)
#: Serious claims about a person or a paper, but not about its subject: devices are fabricated, and ions charged.
_GRAVE_CLAIMS: Final = re.compile(
    r"\b(?:(?:papers?|articles?|work|study|studies|results|data|findings) (?:was|were|has been|have been|is|are) "
    r"(?:later |since |subsequently )?(?:retracted|withdrawn|fabricated|falsified|plagiari[sz]ed)"
    r"|(?:was|were|been|is|are) (?:later |since |subsequently )?(?:dismissed|convicted|accused|sued|plagiari[sz]ed|"
    r"retracted|charged with|suspended from|fired (?:from|for)|banned from|arrested (?:for|by|on))"
    r"|(?:fabricat|falsif|plagiari[sz])(?:ed|ied|es|ing) (?:\w+ ){0,2}?(?:data|results|papers?|findings|images|work)"
    r"|(?:guilty|accused|accusations?|allegations?) of|(?:scientific|research|academic) (?:misconduct|fraud)"
    r"|retraction of (?:the|a|his|her|their) (?:paper|article|work))",
    re.IGNORECASE,
)
_INSTITUTION: Final = re.compile(
    r"^(?:universit|institut|college|hospit|academ|school|polytechn|laborator|cente?r|klinik|clinic|foundat|council|"
    r"ministr|museum|observator|observ|technische|hochschule)",
    re.IGNORECASE,
)
_ACRONYM_LENGTH: Final = 3
_YEAR: Final = re.compile(r"(?:19|20)\d\d")
_NEAR: Final = 80  # characters searched before and after a claim word
_NO_NAMES: Final = FIELDS | NUMBER_WORDS.keys()


def marks_of(text: SummaryTerms, record: RecordTerms, *, comparable: bool) -> dict[Flag, list[str]]:
    """The flags of a summary, each with the parts of `text.plain` that raised it.

    `comparable`: whether text and record have the same language, so that names and numbers can be compared.
    """
    found: dict[Flag, list[str]] = {}
    if comparable:
        if numbers := _unknown_numbers(text.numbers, record):
            found[Flag.UNKNOWN_NUMBER] = numbers
        found |= _unknown_names(text, record)
    if not CLAIM_WORDS.isdisjoint(text.telling):
        found |= _claims(text.plain, CLAIM_WORDS & text.telling, record)
    return found


def _claims(plain: str, telling: Iterable[str], record: RecordTerms) -> dict[Flag, list[str]]:
    found: dict[Flag, list[str]] = {}
    for word in sorted(telling):
        at = plain.find(word)
        near = plain[max(0, at - _NEAR) : at + _NEAR]
        for flag, phrases in ((Flag.CLAIM_ABOUT_PERSON, _CLAIMS), (Flag.GRAVE_CLAIM, _GRAVE_CLAIMS)):
            said = [match[0] for match in phrases.finditer(near) if not _record_says(match[0], record)]
            for claim in said:
                if claim not in found.setdefault(flag, []):
                    found[flag].append(claim)
    return found


def _record_says(phrase: str, record: RecordTerms) -> bool:
    """Whether the record itself has the words that make a phrase a claim."""
    terms = {term for word in phrase.split() if (term := term_of(word.strip(",.;")))}
    return bool(terms) and terms <= record.all


def _unknown_numbers(words: Iterable[str], record: RecordTerms) -> list[str]:
    numbers = [word for word in words if len(word) > 1 and word not in record.text and word.isdecimal()]
    if not numbers:
        return []
    known = Record(record.text)
    years = [int(year) for year in _YEAR.findall(record.text)]
    span = range(min(years) // 10 * 10, max(years) + 1) if years else range(0)
    return [
        number
        for number in dict.fromkeys(numbers)
        if integer(number) not in known.citations
        and integer(number) not in known.counts
        and integer(number) not in span
        and not (_YEAR.fullmatch(number) and f"'{number[2:]}" in record.text)
    ]


def _unknown_names(text: SummaryTerms, record: RecordTerms) -> dict[Flag, list[str]]:
    """Capitalised words within sentences that neither the record nor the author's name has."""
    plain, words = text.plain, text.words
    unknown = set(map(term_of, text.odd)) - record.all
    unknown.discard(NOTHING)
    if not unknown:
        return {}
    strange = {word for word in text.odd if word > ":" and term_of(word) in unknown and word.lower() not in _NO_NAMES}
    found: dict[Flag, list[str]] = {}
    for word in sorted(strange, key=words.index):
        if (
            not _within_a_sentence(word, plain)
            or record.has_form_of(term_of(word))
            or (word.isupper() and len(word) >= _ACRONYM_LENGTH and record.spells_out(word))
            or _spells_out(word, words, record)
        ):
            continue
        flag = Flag.UNKNOWN_PLACE if term_of(word) in places() else Flag.UNKNOWN_NAME
        if (
            flag is Flag.UNKNOWN_PLACE and record.is_foreign and word.lower() not in countries()
        ):  # the language of its titles
            continue
        if flag is Flag.UNKNOWN_NAME and _names_an_institution(word, words):
            flag = Flag.UNKNOWN_INSTITUTION
        found.setdefault(flag, []).append(word)
    return found


def _within_a_sentence(word: str, plain: str) -> bool:
    """Whether a word occurs elsewhere than at the start of a sentence, where a capital does not mark a name."""
    at = plain.find(f" {word}")
    while at >= 0:
        if at > 0 and plain[at - 1] not in ".!?:\"'":
            return True
        at = plain.find(f" {word}", at + 1)
    return False


def _names_an_institution(word: str, words: Sequence[str]) -> bool:
    at = words.index(word)
    return any(_INSTITUTION.match(near) for near in words[max(0, at - 3) : at + 4] if near[0].isupper())


def _spells_out(word: str, words: Sequence[str], record: RecordTerms) -> bool:
    """Whether the initials of the surrounding words form an acronym of the record ("Natural Language Processing")."""
    at = words.index(word)
    near = [other for other in words[max(0, at - 5) : at + 6] if other[0].isupper()]
    initials = "".join(other[0] for other in near)
    return any(acronym[:_ACRONYM_LENGTH] in initials for acronym in record.acronyms if word[0] in acronym)

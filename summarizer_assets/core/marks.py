"""What a person would want to look at in a summary: it is stored, and told by flags. None of it is proof of an error.

Looked at are names that the record lacks (places, institutions, others), numbers that it neither holds nor leads to,
claims about the person, and grave claims about the work. Words of a subject are no claims: an author may write about
prizes, arrests and deaths.
"""

import re
from collections.abc import Sequence
from typing import Final

from summarizer_assets.core.contrast import RecordTerms
from summarizer_assets.core.figures import record_of
from summarizer_assets.core.terms import places, starts_of, term_of
from summarizer_assets.core.vocabulary import FIELDS, NUMBER_WORDS

UNKNOWN_PLACE: Final = "unknown_place"
UNKNOWN_INSTITUTION: Final = "unknown_institution"
UNKNOWN_NAME: Final = "unknown_name"
UNKNOWN_NUMBER: Final = "unknown_number"
CLAIM_ABOUT_PERSON: Final = "claim_about_person"
GRAVE_CLAIM: Final = "grave_claim"
MARKS: Final = (UNKNOWN_PLACE, UNKNOWN_INSTITUTION, UNKNOWN_NAME, UNKNOWN_NUMBER, CLAIM_ABOUT_PERSON, GRAVE_CLAIM)

#: Any of these words must stand in a text before its phrases are looked for.
_OF_CLAIMS: Final = re.compile(
    r"\b(?:award|prize|medal|laureate|nobel|honou?r|professor|chair|dean|director|president|head of|founder|founded|"
    r"co-?founded|ceo|fellow|doctorate|ph\.?d|degree|graduat|alumn|emerit|retire|pioneer|renowned|acclaimed|"
    r"world-leading|leading (?:expert|authority|figure|researcher|scholar|scientist)|eminent|distinguished|celebrated|"
    r"famous|born|married|died|invent|patent|elected|appointed|mentor)",
    re.IGNORECASE,
)
#: Said of the person: an honour, a post, a degree, fame, a life's dates.
_CLAIMS: Final = re.compile(
    r"\b(?:(?:won|wins|winner of|winning|receive[sd]|recipient of|honou?red (?:with|by|for)|awarded|earned|holds?)\b"
    r"[^.]{0,40}?\b(?:award|prize|medal|honou?rs?|fellowship|degree|doctorate|ph\.?d|chair|professorship|patents?)"
    r"|(?:award|prize|medal)[- ]winning|nobel laureate|laureate"
    r"|(?:is|was|as|a|an|the) (?:\w+ ){0,3}?(?:professor|lecturer|dean|director|president|chair(?:man|woman|person)?|"
    r"founder|fellow|editor|pioneer|inventor|mentor)(?= (?:of|at|in|for|and|emerit)|[,.;])"
    r"|(?:chairs|heads|directs|leads|founded|co-?founded|established) the (?:department|institute|centre|center|"
    r"laboratory|lab|school|faculty|group)"
    r"|pioneer(?:ed|ing)\b|renowned|acclaimed|world-leading|eminent|distinguished|celebrated|famous"
    r"|leading (?:expert|authority|figure|researcher|scholar|scientist)"
    r"|(?:was|is) (?:born|married|elected|appointed)|(?:has )?(?:retired|died|passed away)\b"
    r"|(?:graduated|holds a degree|ph\.?d\.?) from|invented|patented|alumn(?:us|a|i) of|emerit(?:us|a))",
    re.IGNORECASE,
)
_OF_GRAVE_CLAIMS: Final = re.compile(
    r"retract|withdrawn|fabricat|falsif|plagiar|fraud|misconduct|dismiss|convict|arrest|accus|alleg|charge|suspend|fired|"
    r"guilty|sued|banned",
    re.IGNORECASE,
)
#: Said of a person or of a paper, and not of what it is about.
_GRAVE_CLAIMS: Final = re.compile(
    r"\b(?:(?:was|were|been|be|is|are|got) (?:later |since |subsequently )?(?:retracted|withdrawn|fabricated|falsified|"
    r"plagiari[sz]ed|dismissed|convicted|arrested|accused|charged|sued|banned|suspended|fired)"
    r"|(?:fabricat|falsif|plagiari[sz])(?:ed|ied|es|ing) (?:\w+ ){0,2}?(?:data|results|papers?|findings|images|work)"
    r"|(?:guilty|accused|accusations?|allegations?|charges?) of|(?:scientific|research|academic) (?:misconduct|fraud)"
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
_NOUNS_SHARE: Final = 0.25  # of the words have capitals: the language writes nouns so


def marks_of(plain: str, words: Sequence[str], record: RecordTerms, *, comparable: bool) -> tuple[list[str], list[str]]:
    """The flags of a summary, and the words that raised them.

    Args:
        plain: the folded summary.
        words: its words in order, their case kept.
        record: its author's.
        comparable: whether text and record are in one language, so that names and numbers can be compared.
    """
    flags: list[str] = []
    doubts: list[str] = []
    if comparable:
        odd = [word for word in words if word < "a"]  # begin with a capital or a digit
        for flag, told in (
            (UNKNOWN_NUMBER, _unknown_numbers(odd, record)),
            *_unknown_names(plain, words, odd, record).items(),
        ):
            if told:
                flags.append(flag)
                doubts += told
    for flag, telling, phrases in (
        (CLAIM_ABOUT_PERSON, _OF_CLAIMS, _CLAIMS),
        (GRAVE_CLAIM, _OF_GRAVE_CLAIMS, _GRAVE_CLAIMS),
    ):
        if telling.search(plain) is not None:
            told = [found[0] for found in phrases.finditer(plain) if not _record_says(found[0], record)]
            if told:
                flags.append(flag)
                doubts += told
    return flags, doubts


def _record_says(phrase: str, record: RecordTerms) -> bool:
    """Whether the words that make a phrase a claim are the record's own."""
    terms = {term for word in phrase.split() if (term := term_of(word.strip(",.;")))}
    return bool(terms) and terms <= record.facts


def _unknown_numbers(odd: Sequence[str], record: RecordTerms) -> list[str]:
    numbers = [word for word in odd if word.isdecimal() and word not in record.text]
    if not numbers:
        return []
    known = record_of(record.text)
    years = [int(year) for year in _YEAR.findall(record.text)]
    span = range(min(years) // 10 * 10, max(years) + 1) if years else range(0)
    return [
        number
        for number in numbers
        if len(number) > 1
        and int(number) not in known.citations | known.counts
        and int(number) not in span
        and not (_YEAR.fullmatch(number) and f"'{number[2:]}" in record.text)
    ]


def _unknown_names(plain: str, words: Sequence[str], odd: Sequence[str], record: RecordTerms) -> dict[str, list[str]]:
    """Capitalised words within sentences that neither the record nor the author's name has."""
    if len(odd) > _NOUNS_SHARE * len(words):
        return {}
    known = record.facts | record.name
    strange = [word for word in odd if (term := term_of(word)) and term not in known]
    if not strange:
        return {}
    starts = starts_of(known)
    found: dict[str, list[str]] = {}
    for word in dict.fromkeys(strange):
        if (
            word.isdecimal()
            or len(word) == 1
            or word.lower() in FIELDS
            or word.lower() in NUMBER_WORDS
            or not _within_a_sentence(word, plain)
            or not starts.isdisjoint(starts_of([term_of(word)]))
            or (word.isupper() and len(word) >= _ACRONYM_LENGTH and word.lower() in record.initials)
            or _spells_out(word, words, record)
        ):
            continue
        flag = UNKNOWN_PLACE if term_of(word) in places() else UNKNOWN_NAME
        if flag is UNKNOWN_PLACE and record.is_foreign:  # the language of its titles
            continue
        if flag is UNKNOWN_NAME and _names_an_institution(word, words):
            flag = UNKNOWN_INSTITUTION
        found.setdefault(flag, []).append(word)
    return found


def _within_a_sentence(word: str, plain: str) -> bool:
    """Whether it stands somewhere but at the start: a capital there names nothing."""
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
    """Whether the capitals of the words around make an acronym of the record's, as in "Natural Language Processing"."""
    at = words.index(word)
    near = [other for other in words[max(0, at - 5) : at + 6] if other[0].isupper()]
    initials = "".join(other[0] for other in near)
    return any(acronym[:_ACRONYM_LENGTH] in initials for acronym in record.acronyms if word[0] in acronym)

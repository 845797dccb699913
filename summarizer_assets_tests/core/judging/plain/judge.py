"""Judging by the rules alone, without shortcuts: every answer against every record, each part in full."""

import math
import re
from collections import Counter

from summarizer_assets.core.judging import marks as rules
from summarizer_assets.core.judging.author_names import is_named
from summarizer_assets.core.judging.flags import Flag
from summarizer_assets.core.judging.judge import Judgement, _cut, _is_wrongly_unnamed
from summarizer_assets.core.judging.terms import countries, places
from summarizer_assets.core.judging.vocabulary import CLAIM_WORDS
from summarizer_assets.core.judging.words import share_of_other_script, words_of
from summarizer_assets_tests.core.judging.plain.figures import Known, contradicted
from summarizer_assets_tests.core.judging.plain.texts import Record, Text, term_of


def judge(answers, asked, backdrop=(), language="English"):
    """As `core.judging.judge.judge`; `backdrop`: pairs of a name and a record."""
    records = [Record(author.author_name, author.text) for author in asked]
    others = [Record(name, text) for name, text in backdrop[: max(0, 20 - len(records))]]
    texts = {place: Text(summary) for place, summary in answers.items()}
    contrast = Contrast([*records, *others], texts)
    return {place: _judged(place, text, records[place], asked, contrast, language) for place, text in texts.items()}


def _judged(place, text, record, asked, contrast, language):
    author = asked[place]
    named = is_named(author.author_name, text)
    if not named and _is_wrongly_unnamed(text, author, asked):
        return Judgement("the author is not named")
    if passage := contrast.foreign(place):
        return Judgement(f"it tells another author's work: {_cut(passage)}")
    if figure := contradicted(text, author.text):
        return Judgement(f"the record contradicts a figure: {_cut(figure)}")
    comparable = not text.is_foreign and share_of_other_script(record.text) <= 0.3
    support = (len(text.all & record.all) / len(text.all) if text.all else 0.0) if comparable else None
    flags = [] if named else [Flag.NAME_UNMEASURED]
    if text.is_foreign is (language.casefold() == "english"):
        flags.append(Flag.OTHER_LANGUAGE)
    if support is not None and support < 0.3:
        flags.append(Flag.LITTLE_SUPPORT)
    marks = _numbers(text, record) + _names(text, record) if comparable else []
    marks += _claims(text, record)
    kinds = list(dict.fromkeys(flag for flag, _ in marks))
    return Judgement(
        None, support, (*flags, *kinds), tuple(word for kind in kinds for flag, word in marks if flag is kind)
    )


class Contrast:
    def __init__(self, records, texts):
        self.records, self.texts = records, texts
        self.holders = Counter(term for record in records for term in record.all)
        self.strange = {place: self.holders.keys() & (text.all - records[place].all) for place, text in texts.items()}
        self.manner = Counter(term for terms in self.strange.values() for term in terms)

    def weight(self, holders):
        unit = len(self.records) + 1
        return math.log(unit / holders) / math.log(unit) if holders else 1.0

    def foreign(self, place):
        text, mine = self.texts[place], self.records[place]
        weights = {term: self.weight(self.holders[term] + self.manner[term] - 1) for term in self.strange[place]}
        inside = {} if text.is_foreign else words_of(" ".join(re.findall(r"(?<=[\w,;)] )[A-Z][\w-]+", text.plain)))
        near = {term for term in weights if f" {term.capitalize()}" in text.plain or f" {term.upper()}" in text.plain}
        names = near & set(map(term_of, inside))
        if sum(weights.values()) + sum(weights[term] * 0.5 for term in names) <= 1.0:
            return None
        explained = mine.explained_in(text.plain) if weights else ()
        weights = {
            term: weight for term, weight in weights.items() if term not in explained and not mine.has_form_of(term)
        }
        if sum(weights.values()) > 1.0 and self._outweighed(place, weights, text.all, 1.0):
            return text.plain
        heavy = {term: weight * 1.5 if term in names else weight for term, weight in weights.items()}
        for sentence, terms in text.sentences:
            strange = {term: heavy[term] for term in terms & heavy.keys()}
            if self._outweighed(place, strange, terms, 1.5):
                return sentence
        return None

    def _outweighed(self, place, strange, terms, most):
        text, mine = self.texts[place], self.records[place]
        most += max((self.weight(self.holders[term]) for term in mine.name & terms), default=0.0)
        most += 1.5 if mine.is_foreign or text.is_foreign else 0.0
        for other in self.records:
            if other is mine:
                continue
            theirs = sum(weight for term, weight in strange.items() if term in other.all)
            own = sum(self.weight(self.holders[term]) for term in terms & mine.facts if term not in other.facts)
            if theirs > most and theirs - own > most:
                return True
        return False


def _claims(text, record):
    marks = []
    for word in sorted(CLAIM_WORDS & text.present):
        at = text.plain.find(word)
        near = text.plain[max(0, at - 80) : at + 80]
        for flag, phrases in ((Flag.CLAIM_ABOUT_PERSON, rules._CLAIMS), (Flag.GRAVE_CLAIM, rules._GRAVE_CLAIMS)):
            for found in phrases.finditer(near):
                terms = {term_of(part.strip(",.;")) for part in found[0].split()} - {""}
                if not (terms and terms <= record.all) and (flag, found[0]) not in marks:
                    marks.append((flag, found[0]))
    return marks


def _numbers(text, record):
    known = Known(record.text)
    years = [int(year) for year in re.findall(r"(?:19|20)\d\d", record.text)]
    span = range(min(years) // 10 * 10, max(years) + 1) if years else ()
    return [
        (Flag.UNKNOWN_NUMBER, word)
        for word in dict.fromkeys(text.words)
        if word < ":"
        and word.isdecimal()
        and word not in record.text
        and len(word) > 1
        and int(word) not in known.citations | known.counts
        and int(word) not in span
        and not (re.fullmatch(r"(?:19|20)\d\d", word) and f"'{word[2:]}" in record.text)
    ]


def _names(text, record):
    strange = [
        word
        for word in dict.fromkeys(text.words)
        if word < "a"
        and not word[0].isdigit()
        and term_of(word)
        and term_of(word) not in record.all
        and word.lower() not in rules._NO_NAMES
        and re.search(rf"[^.!?:\"'] {re.escape(word)}", text.plain)
        and not record.has_form_of(term_of(word))
        and not (word.isupper() and len(word) >= 3 and record.spells_out(word))
        and not _spells_out(word, text.words, record)
    ]
    return [
        (_kind(word, text.words), word)
        for word in strange
        if not (term_of(word) in places() and record.is_foreign and word.lower() not in countries())
    ]


def _kind(word, words):
    if term_of(word) in places():
        return Flag.UNKNOWN_PLACE
    at = words.index(word)
    near = [other for other in words[max(0, at - 3) : at + 4] if other[0].isupper()]
    return Flag.UNKNOWN_INSTITUTION if any(map(rules._INSTITUTION.match, near)) else Flag.UNKNOWN_NAME


def _spells_out(word, words, record):
    at = words.index(word)
    initials = "".join(other[0] for other in words[max(0, at - 5) : at + 6] if other[0].isupper())
    return any(acronym[:3] in initials for acronym in record.acronyms if word[0] in acronym)

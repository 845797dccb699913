"""The terms of texts and records, computed at once and without a cache: what `core.judging.terms` must equal."""

import re

from summarizer_assets.core.judging import terms
from summarizer_assets.core.judging.vocabulary import EVERYDAY, FOREIGN, STOCK
from summarizer_assets.core.judging.words import fold, looks_foreign, share_of_other_script, stem, words_of

_UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]+")
_OTHER_SCRIPT = re.compile("[\u0370-\u1dff\u2c80-\ua71f\uab70-\ufaff]{4}")
_ORDINARY = STOCK | EVERYDAY | FOREIGN
_SMALL = {"of", "the", "for", "and", "in", "on", "de", "la", "und", "der", "a", "an", "to", "with"}
_ACRONYM = re.compile(r"\b[A-Z]{3,}\b")


def term_of(word):
    plain = terms._aliases().get(word.lower(), word.lower())
    if len(plain) == 1 or plain in _ORDINARY or plain.isdecimal() or re.fullmatch("[IVX]+", word):
        return ""
    return stem(plain)


def terms_of(plain):
    pieces = {run[at : at + 2] for run in _UNSPACED.findall(plain) for at in range(len(run) - 1)}
    return (pieces | {term_of(word) for word in words_of(_UNSPACED.sub(" ", plain))}) - {""}


class Text:
    def __init__(self, summary):
        self.plain = plain = fold(summary)
        self.words = words_of(plain)
        self.present = set(self.words)
        self.all = terms_of(plain)
        self.is_foreign = looks_foreign(self.words) or share_of_other_script(plain) > 0.3
        for mark in ("? ", "! ", "。"):
            plain = plain.replace(mark, ". ")
        self.sentences = [(sentence, terms_of(sentence)) for sentence in plain.split(". ")]


class Record:
    def __init__(self, name, record):
        id_end = record.find('" ', 2) if record.startswith('#"') else -1
        self.text = fold(record[id_end + 2 :] if id_end >= 0 else record)
        self.all = terms_of(self.text)
        self.name = terms_of(fold(name))
        self.facts = self.all - self.name
        self.acronyms = set(_ACRONYM.findall(self.text))
        self.is_foreign = _OTHER_SCRIPT.search(self.text) is not None or any(
            looks_foreign(words_of(line)) for line in self.text.split("\n")
        )

    def has_form_of(self, term):
        lower = self.text.lower()
        starts = [found.start() for found in re.finditer(f"(?={re.escape(term[:5])})", lower)]
        return any(at == 0 or not lower[at - 1].isalpha() for at in starts)

    def spells_out(self, acronym):
        initials = "".join(word[0] for word in words_of(self.text.lower()) if word not in _SMALL)
        return re.search(".?".join(map(re.escape, acronym.lower())), initials) is not None

    def explained_in(self, plain):
        """The terms of acronyms that the record's words spell out, and of words that spell out its acronyms."""
        explained = {term_of(acronym) for acronym in _ACRONYM.findall(plain) if self.spells_out(acronym)}
        words = [word for word in words_of(plain) if word.lower() not in _SMALL]
        initials = "".join(word[0] for word in words).lower()
        for acronym in self.acronyms:
            for found in re.finditer(f"(?={re.escape(acronym.lower())})", initials):
                explained |= set(map(term_of, words[found.start() : found.start() + len(acronym)]))
        return explained

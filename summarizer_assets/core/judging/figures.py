"""Check of the figures that a summary states about its author against the record.

Only numbers of papers and of citations are checked, because the record has them; numbers in titles, lists, dates or
product names are not. A figure is contradicted if no reading of it is true: no paper, journal or total has as many
citations, or there are fewer papers. Rounded figures ("over 1,100", "nearly 500", "about 1,200", "a dozen") are true if
they fit a figure of the record.
"""

import re
from functools import cached_property
from itertools import accumulate, combinations
from typing import Final

from summarizer_assets.core.judging.stated_figures import (
    NOUNS,
    Stated,
    are_whole,
    may_state_other,
    stated_in,
    states,
)
from summarizer_assets.core.judging.terms import SummaryTerms
from summarizer_assets.core.judging.vocabulary import ONCE, PAPERS
from summarizer_assets.core.paper_fields import Kind, facts
from summarizer_assets.core.prompt.parsed_record import TOTALS

_MANY: Final = 11  # papers that nobody counts by reading, so that a larger number comes from the record
_WIDE: Final = 1.35  # the largest factor by which "nearly 1,000" may exceed the figure
_NEAR: Final = 0.12
_ROUNDED_FROM: Final = 1000
_ROUNDED_TO: Final = 100
_LONGEST: Final = 9  # digits of a number of citations


_HEAD: Final = re.compile(rf" \| {TOTALS.pattern}")
_HOT: Final = re.compile(r" \| " + "".join(rf"(?:{field.label} \d+, )?" for field in facts(Kind.COUNT)) + r"hot\b")
_OF_PAPER: Final = re.compile(r" \| cited (-?\d+)")
#: A paper's line with its citations, or the start of a journal's line.
_OF_LINE: Final = re.compile(r"\n(?:(?= ).*? \| cited (-?\d+)|(?! ))")
_NUMBER: Final = re.compile(r"(?<![\w.])\d{1,3}(?:,\d{3})+(?!\d)|\d{1,9}")


class Record:
    """The figures of a record rendered by `core.prompt.rendering`, each parsed on demand."""

    def __init__(self, text: str) -> None:
        self.text = text
        end = text.find("\n")
        self._total = total = _HEAD.search(text, 0, end if end >= 0 else len(text))
        self.papers = int(total["papers"]) if total else self._shown  # of the author, in all
        #: The citations of all papers; None if the record does not state them.
        self.cited = int(total["citingsrcslocalcount"]) if total and total["citingsrcslocalcount"] else None

    @property
    def _shown(self) -> int:
        return self.text.count("\n ")

    @cached_property
    def hot(self) -> int:
        return int(self._total["hot_paper"] or 0) if self._total else len(_HOT.findall(self.text))

    @cached_property
    def highly_cited(self) -> int:
        return int(self._total["highly_cited_paper"] or 0) if self._total else self.text.count("highly cited")

    @cached_property
    def _journals(self) -> list[list[int]]:
        """The citations of the papers shown, by journal, without those that have none."""
        journals: list[list[int]] = [[]]
        for cited in _OF_LINE.findall(self.text):
            if cited:
                journals[-1].append(int(cited))
            else:
                journals.append([])
        return journals

    @cached_property
    def citations(self) -> frozenset[int]:
        """Every number of citations that the record states or implies."""
        each = sorted((cited for journal in self._journals for cited in journal), reverse=True)
        sums = {sum(journal) for journal in self._journals if journal}
        sums.update(accumulate(each))
        sums.update(first + second for first, second in combinations(each[:6], 2))
        if self.cited is not None:
            sums.add(self.cited)
        return frozenset({*each, *sums})

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Numbers in titles and names, which a summary may mention."""
        texts = [_OF_PAPER.sub("", line) for line in self.text.split("\n")[1:]]
        return frozenset(int(number.replace(",", "")) for text in texts for number in _NUMBER.findall(text))

    @cached_property
    def counts(self) -> frozenset[int]:
        """Every number of papers that the record states or implies."""
        of_journals = [part.count("\n ") for part in re.split(r"\n(?! )", self.text)]
        return frozenset(
            {self.papers, self._shown, self.papers - self._shown, self.hot, self.highly_cited, *of_journals}
        )


def contradicted(text: SummaryTerms, record: str) -> str | None:
    """The first figure of a summary that its record contradicts, in the summary's words; None if there is none.

    `record`: rendered by `core.prompt.rendering`.
    """
    if not may_state_other(text, record) and (text.plain.isascii() or not {"引", "篇"} & set(text.plain)):
        return None
    figures = Record(record)
    nouns = NOUNS & text.telling
    if not nouns <= PAPERS and _are_stated(text, figures):
        nouns &= PAPERS
    for stated in stated_in(text, nouns):
        if not (_papers_hold(stated, figures) if stated.of_papers else _citations_hold(stated, figures)):
            return stated.words
    return None


def _are_stated(text: SummaryTerms, record: Record) -> bool:
    """Whether the record states every number of the text as citations, so that no figure of citations is wrong."""
    if not text.plain.isascii() or not ONCE.isdisjoint(text.telling):
        return False
    for word in text.numbers:
        if word.isdecimal() and (len(word) > _LONGEST or not _is_stated(int(word), record)):
            return False
    return are_whole(text.numbers, text.plain)


def _papers_hold(stated: Stated, record: Record) -> bool:
    """Whether a number of papers may be true: fewer than all may be a part of them, more than all are wrong."""
    number = stated.number
    if stated.highly_cited:
        return number <= record.highly_cited
    if number == record.papers or (stated.is_spelled and number < record.papers) or stated.rough:
        return True
    if number > _MANY and number in record.numbers:  # a title's own
        return True
    if stated.is_total and not stated.is_spelled:
        return stated.chooses and number in record.counts
    return number in record.counts or number < min(record.papers, _MANY)


def _citations_hold(stated: Stated, record: Record) -> bool:
    """Whether a number of citations may be that of a paper, a journal or the total; comparisons are not judged."""
    number = stated.number
    if _is_stated(number, record) or stated.is_relative:
        return True
    known = record.citations
    if not known:
        return True
    rough = stated.rough
    return (
        (not rough and number in known)
        or any(_fits(number, rough, figure) for figure in known)
        or number in record.numbers
    )


def _is_stated(number: int, record: Record) -> bool:
    """Whether a paper, or all papers together, have as many citations: then it is true however it is rounded."""
    return (number == record.cited and number > 0) or states(record.text, str(number))


def _fits(number: int, rough: str | None, known: int) -> bool:
    match rough:
        case "more":
            return known >= number
        case "less" | "nearly":
            return known <= number if rough == "less" else number / _WIDE < known <= number
        case "about":
            return abs(known - number) <= max(1.0, number * _NEAR)
    rounded = number >= _ROUNDED_FROM and number % _ROUNDED_TO == 0
    return known == number or (rounded and abs(known - number) < _ROUNDED_TO / 2)

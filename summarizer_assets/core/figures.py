"""Figures that a summary states of its author, and whether the record contradicts them.

Looked at are numbers of papers and of citations, since these stand in the record; a number in a title, a list, a date
or a product's name is none of them. A figure is contradicted when no reading of it holds: no paper, journal or total
has so many citations, or there are not so many papers. What is rounded ("over 1,100", "nearly 500", "about 1,200", "a
dozen") holds when it fits a figure of the record.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, combinations
from typing import Final

from summarizer_assets.core.stated import Stated, may_state_other, stated_in
from summarizer_assets.core.terms import SummaryTerms
from summarizer_assets.core.words import fold, words_of

_MANY: Final = 11  # papers that nobody counts by reading: such a number is the record's own total
_WIDE: Final = 1.35  # what is "over 1,000" is less than this much more
_NEAR: Final = 0.12
_ROUNDED_FROM: Final = 1000
_ROUNDED_TO: Final = 100


@dataclass(frozen=True)
class Record:
    """The figures of a record as `core.rendering` writes it. `None` is not known.

    `papers` and `cited` are totals over all papers; `shown` holds the citations of the papers that follow, by journal.
    """

    papers: int
    cited: int | None
    hot: int
    highly_cited: int
    shown: tuple[tuple[int | None, ...], ...]
    text: str

    @cached_property
    def citations(self) -> frozenset[int]:
        """Every number of citations that the record states or leads to."""
        each = sorted((cited for journal in self.shown for cited in journal if cited is not None), reverse=True)
        sums = {sum(cited for cited in journal if cited is not None) for journal in self.shown}
        sums.update(accumulate(each))
        sums.update(first + second for first, second in combinations(each[:6], 2))
        return frozenset({*each, *sums, *({self.cited} if self.cited is not None else ())})

    @cached_property
    def counts(self) -> frozenset[int]:
        """Every number of papers that the record states or leads to."""
        shown = sum(map(len, self.shown))
        return frozenset({self.papers, shown, self.papers - shown, self.hot, self.highly_cited, *map(len, self.shown)})


_HEAD: Final = re.compile(
    r" \| (?P<papers>\d+) papers(?:, cited (?P<cited>-?\d+))?(?:, (?P<hot>\d+) hot)?(?:, (?P<highly>\d+) highly cited)?"
)
_OF_PAPER: Final = re.compile(r" \| cited (-?\d+)")


def record_of(text: str) -> Record:
    """The figures of a record."""
    head, *lines = text.split("\n")
    shown: list[list[int | None]] = []
    for line in lines:
        if not line.startswith(" "):
            shown.append([])
            continue
        if not shown:
            shown.append([])
        found = _OF_PAPER.search(line)
        shown[-1].append(int(found[1]) if found else None)
    total = _HEAD.search(head)
    known = [cited for journal in shown for cited in journal if cited is not None]
    return Record(
        papers=int(total["papers"]) if total else sum(map(len, shown)),
        cited=int(total["cited"]) if total and total["cited"] else sum(known) if known and not total else None,
        hot=int(total["hot"] or 0) if total else len(re.findall(r" \| (?:cited \d+, )?hot\b", text)),
        highly_cited=int(total["highly"] or 0) if total else text.count("highly cited"),
        shown=tuple(map(tuple, shown)),
        text=text,
    )


def contradicted(text: SummaryTerms, record: str) -> str | None:
    """The first figure of a summary that its record contradicts, in its words; None when there is none.

    `record`: as `core.rendering` writes it.
    """
    if not may_state_other(text.present, record) and (text.plain.isascii() or not {"引", "篇"} & set(text.plain)):
        return None
    figures: Record | None = None
    for stated in stated_in(text):
        if not _stands_in(stated, record):
            figures = figures or record_of(record)
            if not _holds(stated, figures):
                return stated.words
    return None


def _stands_in(stated: Stated, record: str) -> bool:
    """Whether the record states just this figure: the cheap and usual case."""
    if stated.rough or stated.highly_cited:
        return False
    figure = f"| {stated.number} papers" if stated.of_papers else f"| cited {stated.number}"
    at = record.find(figure)
    return at >= 0 and not record[at + len(figure) : at + len(figure) + 1].isdigit()


def _holds(stated: Stated, record: Record) -> bool:
    if not stated.of_papers:
        return (
            not record.citations or any(_fits(stated, cited) for cited in record.citations) or _quotes(stated, record)
        )
    if stated.highly_cited:
        return stated.number <= record.highly_cited or _quotes(stated, record)
    if any(_fits(stated, count) for count in record.counts) or _quotes(stated, record):
        return True
    return stated.number <= record.papers and stated.number < _MANY and not stated.is_total


def _quotes(stated: Stated, record: Record) -> bool:
    """Whether the figure is a title's own: its words stand in the record just so."""
    return stated.words.lower() in " ".join(words_of(fold(record.text).lower()))


def _fits(stated: Stated, known: int) -> bool:
    number = stated.number
    match stated.rough:
        case "more":
            return number <= known < max(number * _WIDE, number + 10)
        case "less" | "nearly":
            return number / _WIDE < known <= number
        case "about":
            return abs(known - number) <= max(1.0, number * _NEAR)
    rounded = not stated.of_papers and number >= _ROUNDED_FROM and number % _ROUNDED_TO == 0
    return known == number or (rounded and abs(known - number) < _ROUNDED_TO / 2)

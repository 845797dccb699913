"""Figures that a summary states of its author, and whether the record contradicts them.

Looked at are numbers of papers and of citations, since these stand in the record; a number in a title, a list, a date
or a product's name is none of them. A figure is contradicted when no reading of it holds: no paper, journal or total
has so many citations, or there are not so many papers. What is rounded ("over 1,100", "nearly 500", "about 1,200", "a
dozen") holds when it fits a figure of the record.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, combinations
from typing import Final

from summarizer_assets.core.vocabulary import NUMBER_WORDS

_DIGITS: Final = r"\d{1,3}(?:[,.' \u00a0\u202f]\d{3})+(?!\d)|\d+"
_NUMBER: Final = rf"(?P<number>{_DIGITS}|{'|'.join(NUMBER_WORDS)})"
_MORE: Final = (
    "over|more than|above|exceeding|exceeds|passed|surpassed|upwards of|at least|mehr als|über|plus de|más de|oltre|"
    "mais de"
)
_LESS: Final = "under|below|fewer than|less than|at most|up to|weniger als|unter|moins de|menos de"
_NEARLY: Final = "nearly|almost|close to|just under|approaching|fast|knapp|beinahe|près de|presque|casi|quasi|quase"
_ABOUT: Final = (
    "about|around|some|roughly|approximately|circa|an estimated|etwa|rund|ungefähr|environ|unos|alrededor de|cerca de"
)
_ROUGH: Final = (
    rf"(?:(?P<more>{_MORE})|(?P<less>{_LESS})|(?P<nearly>{_NEARLY})|(?P<about>{_ABOUT}))[ \u00a0](?:a |an |the )?"
)
#: What may stand between a number and "papers".
_KIND: Final = (
    r"(?:(?:highly[ -]cited|hot|research|scientific|scholarly|journal|peer-reviewed|published|more|further|other|"
    r"wissenschaftlichen?|[A-Z][\w&]*)[ \u00a0]){0,4}"
)
_PAPERS: Final = (
    "papers|publications|articles|Arbeiten|Publikationen|Veröffentlichungen|Aufsätzen?|artículos|publicaciones|travaux|"
    "articoli|pubblicazioni|artigos|publicações"
)
_CITED: Final = "cited|zitiert|citad[oa]s?|citée?s?|citat[oaie]"
_CITATIONS: Final = "citations?|Zitationen|Zitierungen|Zitaten?|citas|citazioni|citações"
_TIMES: Final = "times|[Mm]al|veces|fois|volte|vezes"

_COUNTS: Final = re.compile(rf"(?<![\w.,-])(?:{_ROUGH})?{_NUMBER}[ \u00a0](?P<kind>{_KIND})(?:{_PAPERS})\b")
_CITES: Final = (
    re.compile(rf"(?<![\w.,-])(?:{_ROUGH})?{_NUMBER}[ \u00a0](?:total |recorded )?(?:{_CITATIONS})\b"),
    re.compile(rf"(?<![\w.,-])(?:{_ROUGH})?{_NUMBER}[ \u00a0-]?(?:{_TIMES})[ \u00a0](?:{_CITED})\b"),
    re.compile(
        rf"\b(?:{_CITED}),?[ \u00a0](?:(?:a total of|in total|insgesamt)[ \u00a0])?(?:{_ROUGH})?{_NUMBER}"
        rf"(?![\w-]|[ \u00a0](?:{_PAPERS}))"
    ),
    re.compile(rf"(?<![\w.,-])(?:{_ROUGH})?{_NUMBER} of (?:the |its |all |a total of )?\d[\d,]* citations"),
    re.compile(r"(?:被引|引用)[^\d。]{0,6}(?P<number>\d+)(?P<more>余|多)?"),
)
#: A number of papers that is all of them, unless words that follow choose some.
_ALL: Final = re.compile(
    r"\b(?:her|his|their|the|whose|all|across|author of|total of|'s|published|written|wrote|authored)[ \u00a0]$",
    re.IGNORECASE,
)
_SOME: Final = re.compile(r"[ \u00a0](?:in|on|at|from|with|about|by|that|which|concern\w*|of|deal\w*)\b")
_OF_ALL: Final = re.compile(r"\b(?:of|among|across|in)[ \u00a0](?:the|all|her|his|their)[ \u00a0]$", re.IGNORECASE)
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


def contradicted(summary: str, text: str) -> str | None:
    """The first figure of a summary that its record contradicts, with the words around it; None when there is none.

    Args:
        summary: one paragraph.
        text: the record as `core.rendering` writes it.
    """
    record: Record | None = None
    for stated in _stated(summary):
        if stated.holds_by_sight(text):
            continue
        record = record or record_of(text)
        if not stated.holds(record):
            return stated.words
    return None


@dataclass(frozen=True, slots=True)
class _Stated:
    """One figure as it is stated. `after` and `before`: the words around it."""

    number: int
    of_papers: bool
    rough: str | None
    words: str
    before: str
    after: str
    highly_cited: bool

    def holds_by_sight(self, text: str) -> bool:
        """Whether the record states just this figure: the cheap and usual case."""
        if self.rough or self.highly_cited:
            return False
        return (
            re.search(rf"\| {self.number} papers\b" if self.of_papers else rf"\bcited {self.number}\b", text)
            is not None
        )

    def holds(self, record: Record) -> bool:
        if self._is_quoted(record.text):
            return True
        if not self.of_papers:
            return not record.citations or any(self._fits(cited) for cited in record.citations)
        if self.highly_cited:
            return self.number <= record.highly_cited or self._fits(record.highly_cited)
        if any(map(self._fits, record.counts)):
            return True
        if self.number > record.papers:
            return False
        is_total = _OF_ALL.search(self.before) is not None or (
            _ALL.search(self.before) is not None and _SOME.match(self.after) is None
        )
        return self.number < _MANY and not is_total

    def _is_quoted(self, text: str) -> bool:
        """Whether the number with its noun, or more of the passage, stands in the record's own words."""
        return self.words.casefold() in text.casefold()

    def _fits(self, known: int) -> bool:
        number = self.number
        match self.rough:
            case "more":
                return number <= known < max(number * _WIDE, number + 10)
            case "less" | "nearly":
                return number / _WIDE < known <= number
            case "about":
                return abs(known - number) <= max(1.0, number * _NEAR)
        rounded = not self.of_papers and number >= _ROUNDED_FROM and number % _ROUNDED_TO == 0
        return known == number or (rounded and abs(known - number) < _ROUNDED_TO / 2)


def _stated(summary: str) -> Iterator[_Stated]:
    if "aper" in summary or "ublica" in summary or "rti" in summary or "篇" in summary or "rbeiten" in summary:
        for found in _COUNTS.finditer(summary):
            yield _as_stated(summary, found, of_papers=True)
    if "cit" in summary or "zitiert" in summary or "Zit" in summary or "引" in summary:
        for pattern in _CITES:
            for found in pattern.finditer(summary):
                yield _as_stated(summary, found, of_papers=False)


def _as_stated(summary: str, found: re.Match[str], *, of_papers: bool) -> _Stated:
    given = found["number"]
    number = NUMBER_WORDS[given] if given in NUMBER_WORDS else int(re.sub(r"\D", "", given))
    groups = found.groupdict()
    rough = next((name for name in ("more", "less", "nearly", "about") if groups.get(name)), None)
    kind = groups.get("kind") or ""
    return _Stated(
        number=number,
        of_papers=of_papers,
        rough="about" if given == "dozen" else rough,
        words=found[0].strip(),
        before=summary[max(0, found.start() - 20) : found.start()],
        after=summary[found.end() : found.end() + 20],
        highly_cited="ighly" in kind,
    )

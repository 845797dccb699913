"""A summary by rule: the author's own facts in plain sentences, the same for the same record, nothing added.

It reads the text that `core.prompt.rendering` writes, because that is all a provider ever gets.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from summarizer_assets.core.paper_fields import Kind, facts
from summarizer_assets.core.prompt.parsed_record import FACTS, TOTALS

_DECODER = json.JSONDecoder()
_CITED = "citingsrcslocalcount"
_FLAGS = facts(Kind.FLAG)
_NOT_QUOTABLE = re.compile(r"://|www\.|[<\[\]@]|\.\w{2,4}/", re.IGNORECASE)  # no links or markup in a summary
_TOPICS = "topics: "
_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_LONGEST_TITLE = 240
_MOST_LISTED = 3


@dataclass(slots=True)
class Paper:
    title: str | None
    journal: str | None
    categories: list[str]
    institutions: list[str]
    cited: int | None = None
    marks: list[str] = field(default_factory=list)  # of the flags that are set


@dataclass(slots=True)
class Record:
    author_id: str
    name: str | None = None
    affiliation: str | None = None
    topics: list[str] = field(default_factory=list)
    papers: list[Paper] = field(default_factory=list)  # those shown, the most cited first within a journal
    count: int = 0  # of all papers, as are the next two
    cited: int | None = None
    marks: dict[str, int] = field(default_factory=dict)


def parse(text: str) -> Record:
    """The record that `core.prompt.rendering` wrote as `text`.

    Raises:
        ValueError: the first line does not begin with `#` and a JSON string.
    """
    head, *lines = text.split("\n")
    if not head.startswith('#"'):
        raise ValueError(f'a record begins with #"author_id", not with {head[:40]!r}')
    author_id, end = _DECODER.raw_decode(head, 1)
    who, *more = head[end:].split(" | ")
    name, _, affiliation = f"{who} ".partition(" @ ")
    record = Record(author_id, name.strip() or None, affiliation.strip() or None)
    journal: str | None = None
    categories: list[str] = []
    for line in lines:
        if line.startswith(" "):
            record.papers.append(_paper(line[1:], journal, categories))
        else:
            place, _, subjects = line.partition(" | ")
            journal = None if place == "?" else place
            categories = _parts(subjects)
    record.count = len(record.papers)
    citations = [paper.cited for paper in record.papers if paper.cited is not None]
    record.cited = sum(citations) if citations else None
    record.marks = Counter(mark for paper in record.papers for mark in paper.marks)
    for part in more:
        counts = TOTALS.fullmatch(part)
        if part.startswith(_TOPICS):
            record.topics = part.removeprefix(_TOPICS).split("; ")
        elif counts:
            record.count = int(counts["papers"])
            record.cited = None if counts[_CITED] is None else int(counts[_CITED])
            record.marks = {flag.label: int(counts[flag.name] or 0) for flag in _FLAGS}
    return record


def _paper(line: str, journal: str | None, categories: list[str]) -> Paper:
    before, mark, places = line.rpartition(" @ ")
    if not mark:
        before, places = line, ""
    institutions = _parts(places)
    title, mark, told = before.rpartition(" | ")
    matched = FACTS.fullmatch(told) if mark else None
    if matched is None:
        return Paper(_title(before), journal, categories, institutions)
    cited = None if matched[_CITED] is None else int(matched[_CITED])
    marks = [flag.label for flag in _FLAGS if matched[flag.name]]
    return Paper(_title(title), journal, categories, institutions, cited, marks)


def _parts(text: str) -> list[str]:
    """Parts at semicolons only: names of categories and institutions hold commas."""
    return list(dict.fromkeys(name for part in text.split(";") if (name := part.strip()))) if text else []


def _title(text: str) -> str | None:
    if text == "(no title)":
        return None
    text = text if len(text) <= _LONGEST_TITLE else text[:_LONGEST_TITLE].rsplit(" ", 1)[0].rstrip(" ,;:-") + "…"
    return text[:-1] if text.endswith(".") and not text.endswith("..") else text


def summarize(text: str, words: int = 80) -> str:
    """A summary of the record `text`; see `summary_of`."""
    return summary_of(parse(text), words)


def summary_of(record: Record, words: int = 80) -> str:
    """A summary in at most about `words` words: whole sentences, the most telling first, and always the first."""
    sentences = _of_one_paper(record) if record.count == 1 else _of_several(record)
    chosen: list[str] = []
    used = 0
    for sentence in sentences:
        length = sentence.count(" ") + 1
        if not chosen or used + length <= words:
            chosen.append(sentence)
            used += length
    return " ".join(chosen)


def _of_one_paper(record: Record) -> Iterable[str]:
    paper = record.papers[0]
    subject = _subject(record)
    named = _quotable(paper.title)
    place = f" in {paper.journal}" if paper.journal else ""
    what = f"one paper, “{paper.title}”" if named else "one paper"
    published = f", published{place}" if place else ""
    yield _end(f"{subject} is listed with {what}{published}")
    if paper.cited is not None or paper.marks:
        marks = _and(paper.marks)
        cited = f"The paper has been {_times(paper.cited)}" if paper.cited else "No citations of the paper are counted"
        if paper.cited is None:
            yield f"The paper is marked as {marks}."
        else:
            yield f"{cited}{f', and is marked as {marks}' if marks else ''}."
    if paper.categories:
        yield _end(f"It is filed under {_and(paper.categories)}")
    elsewhere = [name for name in paper.institutions if name != record.affiliation]
    if elsewhere:
        yield _end(f"It also names {_and(elsewhere)}" if record.affiliation else f"It names {_and(elsewhere)}")
    yield from _topics(record)


def _of_several(record: Record) -> Iterable[str]:
    subject = _subject(record)
    if record.count == 0:
        listed = _topic_list(record) if record.topics else "neither papers nor topics"
        yield _end(f"{subject} is listed with {listed}")
        return
    cited = f", {_times(record.cited)} in total" if record.cited else ""
    yield f"{subject} is listed with {_number(record.count, 'paper')}{cited}."
    yield from _leading_papers(record)
    shown = len(record.papers)
    whole = shown == record.count
    if not whole:
        yield f"This summary was written from {_number(shown, 'paper')} of the {record.count}."
    them = "The papers" if whole else "These papers"
    categories = Counter(name for paper in record.papers for name in paper.categories)
    if categories:
        exact = len(categories) <= _MOST_LISTED and all(paper.categories for paper in record.papers)
        yield _end(f"{them} {'fall under' if exact else 'have subject categories such as'} {_and(_most(categories))}")
    yield from _journals(record)
    yield from _marks(record)
    elsewhere = Counter(name for paper in record.papers for name in paper.institutions if name != record.affiliation)
    if elsewhere:
        one = "Another institution" if record.affiliation else "The institution"
        several = "Other institutions" if record.affiliation else "Institutions"
        start = f"{one} named on them is" if len(elsewhere) == 1 else f"{several} named on them include"
        yield _end(f"{start} {_and(_most(elsewhere))}")
    yield from _topics(record)


def _leading_papers(record: Record) -> Iterable[str]:
    papers = [paper for paper in record.papers if _quotable(paper.title)]
    counted = [paper for paper in papers if paper.cited]
    if counted:
        top = max(counted, key=lambda paper: paper.cited or 0)
        alone = all(paper is top or (paper.cited or 0) < (top.cited or 0) for paper in record.papers)
        place = f" in {top.journal}" if top.journal else ""
        cited = "" if top.cited == record.cited else f", {_times(top.cited)}"
        yield _end(f"{'The most cited is' if alone else 'Among the most cited is'} “{top.title}”{place}{cited}")
        return
    titles = list(islice(dict.fromkeys(f"“{paper.title}”" for paper in papers), 2))
    if titles:
        yield f"{'They are' if len(titles) == record.count else 'They include'} {' and '.join(titles)}."


def _journals(record: Record) -> Iterable[str]:
    journals = Counter(paper.journal for paper in record.papers if paper.journal)
    if not journals:
        return
    shown, named = len(record.papers), sum(journals.values())
    first, often = journals.most_common(1)[0]
    if often == shown > 1:
        yield _end(f"{'Both' if shown == 2 else 'All'} appeared in {first}")  # noqa: PLR2004 - "both" means two
    elif often > 1:
        many = "Most" if often > max(shown / 2, 2) else _spelled(often).capitalize()
        yield _end(f"{many} of them appeared in {first}")
    elif named < shown:
        yield _end(f"One of them appeared in {first}")
    else:
        among = ", among others," if len(journals) > _MOST_LISTED else ""
        yield _end(f"They appeared{among} in {_and(_most(journals))}")


def _marks(record: Record) -> Iterable[str]:
    marks = [(flag.label, number) for flag in _FLAGS if (number := record.marks.get(flag.label))]
    if marks:
        parts = [f"{_spelled(number)} as {mark}" for mark, number in marks]
        first = marks[0][1]
        yield f"Of the papers, {_and(parts).replace(' as', ' is marked as' if first == 1 else ' are marked as', 1)}."


def _topics(record: Record) -> Iterable[str]:
    if record.topics:
        yield _end(f"The record also names {_topic_list(record)}")


def _topic_list(record: Record) -> str:
    listed = record.topics[:6]
    return f"{'the topic' if len(listed) == 1 else 'the topics'} {_and(listed)}"


def _subject(record: Record) -> str:
    name = record.name or "This author"
    return f"{name}, affiliated with {record.affiliation}," if record.affiliation else name


def _quotable(title: str | None) -> bool:
    return title is not None and _NOT_QUOTABLE.search(title) is None


def _most(counts: Counter[str]) -> list[str]:
    """The most frequent names, those first met first where they are even."""
    return [name for name, _ in counts.most_common(_MOST_LISTED)]


def _and(items: Sequence[str]) -> str:
    if len(items) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(items)
    if any("," in item for item in items):
        return "; ".join(items[:-1]) + f"; and {items[-1]}"
    return ", ".join(items[:-1]) + f" and {items[-1]}"


def _end(sentence: str) -> str:
    return sentence if sentence.endswith((".", "…")) else sentence + "."


def _spelled(number: int) -> str:
    return _WORDS[number] if number < len(_WORDS) else str(number)


def _number(number: int, noun: str) -> str:
    return f"{_spelled(number)} {noun}" if number == 1 else f"{_spelled(number)} {noun}s"


def _times(number: int | None) -> str:
    return {1: "cited once", 2: "cited twice"}.get(number or 0, f"cited {number} times")

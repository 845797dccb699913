"""Parsing of a rendered record (`core.prompt.rendering`) for display next to its summary."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.paper_fields import Kind, facts

_COUNTS, _FLAGS, _TEXTS = facts(Kind.COUNT), facts(Kind.FLAG), facts(Kind.KEY, Kind.TEXT, Kind.TEXTS)
#: The totals over all papers in the first line; each group except `papers` has the name of its field.
TOTALS: Final = re.compile(
    r"(?P<papers>\d+) papers"
    + "".join(rf"(?:, {field.label} (?P<{field.name}>-?\d+))?" for field in _COUNTS)
    + "".join(rf"(?:, (?P<{field.name}>\d+) {field.label})?" for field in _FLAGS)
    + r"(?:, shown \d+)?"
)
#: The facts of a paper: its counts and flags, each in a group with the name of its field.
FACTS: Final = re.compile(
    "".join(rf"(?:(?:^|, ){field.label} (?P<{field.name}>-?\d+))?" for field in _COUNTS)
    + "".join(rf"(?:(?:^|, )(?P<{field.name}>{field.label}))?" for field in _FLAGS)
    + "".join(rf"(?:(?:^|, ){field.label} .*)?" for field in _TEXTS)
)
_TOPICS: Final = "topics: "
_SHOWN: Final = re.compile(r", shown (\d+)$")


@dataclass(frozen=True, slots=True)
class PaperView:
    """A paper for display. `facts`: citations and the like, in words. Missing values are empty."""

    title: str
    journal: str = ""
    fields: str = ""
    facts: str = ""
    institutions: str = ""


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record for display. `totals`: numbers of papers and citations, in words. Missing values are empty."""

    name: str = ""
    affiliation: str = ""
    totals: str = ""
    topics: str = ""
    papers: Sequence[PaperView] = ()


def view_of(record: str) -> RecordView:
    """Parse a rendered record; `core.prompt.rendering` explains its lines and separators."""
    head, *lines = record.split("\n")
    _, end = json.JSONDecoder().raw_decode(head, 1)  # the id, after its #
    who, *more = head[end:].split(" | ")
    name, _, affiliation = who.partition(" @ ")
    topics = next((part.removeprefix(_TOPICS) for part in more if part.startswith(_TOPICS)), "")
    totals = next((part for part in more if not part.startswith(_TOPICS)), "")
    return RecordView(name.strip(), affiliation, _SHOWN.sub(r"; \1 of them were sent", totals), topics, _papers(lines))


def _papers(lines: Sequence[str]) -> list[PaperView]:
    papers = []
    journal = fields = ""
    for line in lines:
        if not line.startswith(" "):
            journal, _, fields = line.partition(" | ")
            journal = "" if journal == "?" else journal
            continue
        paper, _, institutions = line[1:].partition(" @ ")
        title, _, facts = paper.partition(" | ")
        papers.append(PaperView(title, journal, fields, facts, institutions))
    return papers

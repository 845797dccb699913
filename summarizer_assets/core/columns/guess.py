"""A guess which column of a table is which of ours, from the names alone.

No column is taken for two of ours. Where two columns may be the same one of ours, and neither has the better name, none
is taken, and both are told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from summarizer_assets.core.columns.spellings import (
    KEYWORDS_TAG,
    SPELLINGS,
    TAGS,
    TELLING_TAGS,
    Spellings,
    letters_of,
)
from summarizer_assets.core.paper_fields import PAPER_FIELDS
from summarizer_assets.core.records import AUTHOR

_AUTHOR, _PAPER = tuple(AUTHOR), tuple(field.name for field in PAPER_FIELDS)
_ENOUGH_TAGS: Final = 4
_PLACE, _PLACES = "primary_affiliation", "prefinstitution"
#: Of a paper in a table of papers, and of an author in a table of authors.
_OF_BOTH: Final = frozenset({"affiliations", "institutions"})


@dataclass(frozen=True)
class Guess:
    """What a table's columns are taken for.

    Attributes:
        mapping: our names mapped to the table's.
        unclear: our names that two or more columns fit equally well, with these columns.
        unmapped: the table's other columns, in its order.
    """

    mapping: Mapping[str, str]
    unclear: Mapping[str, Sequence[str]]
    unmapped: Sequence[str]


def guess_table(available: Sequence[str], given: Mapping[str, str] | None = None) -> Guess:
    """Guess the columns of a table.

    Args:
        available: its columns, each once.
        given: what a person said, ours mapped to the table's: kept as it is.
    """
    found = _guess(available, _AUTHOR, given or {})
    if "papers" in found.mapping:  # a column of one paper means nothing beside a column of papers
        return found
    whole = _guess(available, (*_AUTHOR, *_PAPER), given or {})
    mapping = dict(whole.mapping)
    papers = [name for name in _PAPER if name in mapping]
    alone = papers == [_PLACES] and letters_of(mapping[_PLACES]) in _OF_BOTH and _PLACES not in (given or {})
    if alone and _PLACE not in mapping and _PLACE not in whole.unclear:
        mapping[_PLACE] = mapping.pop(_PLACES)
    return Guess(mapping, whole.unclear, whole.unmapped)


def guess_fields(available: Sequence[str], given: Mapping[str, str] | None = None) -> Guess:
    """The same of the fields of a column of papers."""
    return _guess(available, _PAPER, given or {})


def is_tagged(available: Sequence[str]) -> bool:
    """Whether a table is Web of Science's tagged export: one row a paper, whose columns have names of two letters."""
    return len(TELLING_TAGS & {letters_of(column) for column in available}) >= _ENOUGH_TAGS


def _guess(available: Sequence[str], ours: Sequence[str], given: Mapping[str, str]) -> Guess:
    mapping = {name: column for name, column in given.items() if name in ours and column in available}
    taken = set(given.values())
    letters = {column: letters_of(column) for column in available if column not in taken}
    tagged = is_tagged(available)
    unclear: dict[str, Sequence[str]] = {}
    for name in ours:
        if name in given:
            continue
        found = _candidates(name, letters, tagged=tagged)
        if len(found) == 1:
            mapping[name] = found[0]
        elif found:
            unclear[name] = found
    held = set(mapping.values())
    return Guess(mapping, unclear, [column for column in available if column not in held])


def _candidates(name: str, letters: Mapping[str, str], *, tagged: bool) -> list[str]:
    """The columns with the best name for one of ours; several if they are equally good."""
    if name in letters:
        return [name]
    if tagged:
        found = [column for column, written in letters.items() if TAGS.get(written) == name]
        if found:
            return found
    for rank in _ranks(name, letters):
        found = [
            column
            for column, written in letters.items()
            if written in rank and not (tagged and written == KEYWORDS_TAG)
        ]
        if found:
            return found
    return []


def _ranks(name: str, letters: Mapping[str, str]) -> Spellings:
    """An author's `id` comes before an ORCID, which many lack; in a table of papers, `id` is rather the paper's."""
    ranks = SPELLINGS[name]
    if name == "author_id" and not any(written in rank for rank in SPELLINGS["title"] for written in letters.values()):
        return (*ranks[:-2], ranks[-1], ranks[-2])
    return ranks

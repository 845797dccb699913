"""The fields of a paper, each described once: table, source columns, rendered record and documentation follow from it.

A new field goes to the end of `PAPER_FIELDS`. Tables without it are read with nulls, and records in which it is null
keep their hashes.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto
from typing import Final

import polars as pl


class Kind(StrEnum):
    """What a field's values are: decides its type, how a source's values are read, and which of two copies is kept."""

    KEY = "key"  # the paper's identity
    TEXT = "text"
    TEXTS = "several texts in one"
    FLAG = "flag"
    COUNT = "count"  # a whole number that can be added up over papers

    @property
    def dtype(self) -> pl.DataType:
        match self:
            case Kind.FLAG:
                return pl.Boolean()
            case Kind.COUNT:
                return pl.Int64()
        return pl.String()


class Place(Enum):
    """Where a field stands in a record as a model reads it (`core.prompt.rendering`); a fact follows the title."""

    JOURNAL = auto()
    SUBJECTS = auto()
    TITLE = auto()
    FACT = auto()
    INSTITUTIONS = auto()


@dataclass(frozen=True, slots=True)
class PaperField:
    """One field.

    Attributes:
        name: the name in our tables, and the first name under which a source's column is known.
        meaning: for the documentation.
        place: None: not rendered, so its change re-asks nobody. A key is rendered only by a render setting.
        label: for a fact: the word before its value; for a flag, the word itself.
        explained: the label in the instruction that explains the record; empty: the label as it is.
        aliases: other names of a source's column in lower case, the most specific first.
    """

    name: str
    kind: Kind
    meaning: str
    place: Place | None = None
    label: str = ""
    explained: str = ""
    aliases: tuple[str, ...] = ()


PAPER_FIELDS: tuple[PaperField, ...] = (
    PaperField("ut", Kind.KEY, "accession number: the paper's identity", Place.FACT, "ut"),
    PaperField("prefinstitution", Kind.TEXTS, "unified institutions", Place.INSTITUTIONS),
    PaperField("hot_paper", Kind.FLAG, "cited very often soon after publication", Place.FACT, "hot"),
    PaperField(
        "highly_cited_paper", Kind.FLAG, "among the most cited of its field and year", Place.FACT, "highly cited"
    ),
    PaperField("citingsrcslocalcount", Kind.COUNT, "citations", Place.FACT, "cited", "citations"),
    PaperField("title", Kind.TEXT, "title", Place.TITLE),
    PaperField("woscategory", Kind.TEXTS, "subject categories", Place.SUBJECTS),
    PaperField("journal", Kind.TEXT, "journal", Place.JOURNAL),
)
#: The number of fields in the first tables.
_FIRST: Final = 8


def added() -> tuple[PaperField, ...]:
    """The fields that came after the first tables were made: a table may lack them."""
    return PAPER_FIELDS[_FIRST:]


def facts(*kinds: Kind) -> list[PaperField]:
    """The facts (of these kinds; of all by default) in the order of the rendered record: counts, flags, texts."""
    order = (Kind.COUNT, Kind.FLAG, Kind.KEY, Kind.TEXT, Kind.TEXTS)
    return [
        field
        for kind in order
        if kind in (kinds or order)
        for field in PAPER_FIELDS
        if field.kind is kind and field.place is Place.FACT
    ]

"""Resolution of column names: maps a source's columns to ours, by name only, without data."""

import difflib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from summarizer_assets.core.paper_fields import PAPER_FIELDS
from summarizer_assets.core.records import AUTHOR
from summarizer_assets.sources.errors import ColumnsUnknown, SourceError

Form = Literal["nested", "flat", "narrow"]

AUTHOR_NAMES = tuple(AUTHOR)
PAPER_NAMES = tuple(field.name for field in PAPER_FIELDS)

#: Alternative names accepted without a mapping, most specific first.
ALIASES: Mapping[str, tuple[str, ...]] = {
    "author_id": ("daisngid", "id"),
    "author_name": ("name",),
    "primary_affiliation": ("affiliation",),
    **{field.name: field.aliases for field in PAPER_FIELDS},
}


_NO_GUESS = "its name there"


@dataclass(frozen=True)
class Layout:
    """The form of a table, and our column names mapped to its own.

    `papers` names columns of the table in the flat form, fields of the papers' struct in the nested form. `available`:
    all columns of the table; `fields`: those of the papers' objects, where a format tells them without reading on.
    """

    form: Form
    authors: Mapping[str, str]
    papers: Mapping[str, str]
    available: tuple[str, ...] = field(default=(), compare=False)
    fields: tuple[str, ...] = field(default=(), compare=False)

    @property
    def columns(self) -> list[str]:
        """Columns of the table that are read, each once."""
        flat = self.papers.values() if self.form == "flat" else ()
        return list(dict.fromkeys([*self.authors.values(), *flat]))


def table_layout(available: Sequence[str], mapping: Mapping[str, str], where: str) -> Layout:
    """Resolve a table's columns; for a nested table, resolve the fields of its papers with `paper_fields`.

    A mapped name takes precedence over our own name, and our own name over an alias. Case matters only if several
    names match without it.

    Raises:
        SourceError: the columns do not make an author; the message shows the mapping to set.
    """
    authors = _resolve(AUTHOR_NAMES, available, mapping, where)
    nested = "papers" in authors
    # A mapped paper column of a nested table names a field of the struct, which is checked there.
    papers = {} if nested else _resolve(PAPER_NAMES, available, mapping, where)
    if "author_id" not in authors:
        raise _missing("author_id", available, where)
    if not papers and not {"author_name", "topics", "papers"} & authors.keys():
        raise _missing("author_name", available, where, "nothing but an id: no name, no topics, no papers; ")
    return Layout("nested" if nested else "flat" if papers else "narrow", authors, papers, tuple(available))


def paper_fields(available: Sequence[str], mapping: Mapping[str, str], where: str) -> dict[str, str]:
    """Resolve the fields of the papers' struct.

    Raises:
        SourceError: a mapped field does not exist, or no field is known.
    """
    fields = _resolve(PAPER_NAMES, available, mapping, where)
    if not fields:
        raise _missing("title", available, where, "no field of a paper is known; ", of_papers=True)
    return fields


def _resolve(names: Sequence[str], available: Sequence[str], mapping: Mapping[str, str], where: str) -> dict[str, str]:
    found = {}
    taken = {mapping[name] for name in names if name in mapping}
    for name in names:
        if name in mapping:
            if mapping[name] not in available:
                raise _mapped_but_absent(name, mapping, available, where)
            found[name] = mapping[name]
            continue
        for candidate in (name, *ALIASES.get(name, ())):
            source = _match(candidate, available, where)
            if source is not None and source not in taken:
                found[name] = source
                taken.add(source)
                break
    return found


def matches(name: str, available: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    """All columns that may be ours, best first, for data without a schema: the mapped one, or the known ones."""
    if name in mapping:
        return [mapping[name]]
    free = [column for column in available if column not in mapping.values()]
    found = [
        column
        for candidate in (name, *ALIASES.get(name, ()))
        for column in sorted(free, key=candidate.__ne__)  # an exact match first
        if column.strip().lower() == candidate
    ]
    return list(dict.fromkeys(found))


def _match(candidate: str, available: Sequence[str], where: str) -> str | None:
    if candidate in available:
        return candidate
    matches = [column for column in available if column.strip().lower() == candidate]
    if len(matches) > 1:
        raise SourceError(
            f"{where}: the columns {', '.join(map(repr, matches))} differ only in case, and each could be {candidate}; "
            f"choose one: {_suggestion({candidate: matches[0]})}"
        )
    return matches[0] if matches else None


def _missing(
    name: str, available: Sequence[str], where: str, why: str = "", *, of_papers: bool = False
) -> ColumnsUnknown:
    guess = _guess(name, available) or _NO_GUESS
    return ColumnsUnknown(
        f"{where}: {why}no column for {name} (known as {', '.join((name, *ALIASES.get(name, ())))}); "
        f"columns found: {_listed(available)}; say which one it is, as in {_suggestion({name: guess})}",
        available,
        of_papers=of_papers,
    )


def _mapped_but_absent(name: str, mapping: Mapping[str, str], available: Sequence[str], where: str) -> SourceError:
    wanted = mapping[name]
    close = difflib.get_close_matches(wanted, available, n=1, cutoff=0.4)
    guess = close[0] if close else _guess(name, available) or _NO_GUESS
    return SourceError(
        f"{where}: SUMMARIZER_COLUMNS says that {name} is {wanted!r}, but there is no such column; "
        f"columns found: {_listed(available)}; set {_suggestion({**mapping, name: guess})}"
    )


def _guess(name: str, available: Sequence[str]) -> str | None:
    lowered = {column.lower(): column for column in available if column.lower() not in ALIASES}  # these are another's
    for candidate in (name, *ALIASES.get(name, ())):
        if candidate in lowered:
            return lowered[candidate]
    for candidate in (name, *ALIASES.get(name, ())):
        close = difflib.get_close_matches(candidate, lowered, n=1, cutoff=0.6)
        if close:
            return lowered[close[0]]
    return None


def _listed(available: Sequence[str]) -> str:
    shown = 60
    more = f" and {len(available) - shown} more" if len(available) > shown else ""
    return (", ".join(available[:shown]) + more) or "none"


def _suggestion(mapping: Mapping[str, str]) -> str:
    return f"SUMMARIZER_COLUMNS='{json.dumps(dict(mapping), ensure_ascii=False)}'"

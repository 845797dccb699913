"""What a table is taken for: its columns guessed, and its first authors read with them, before anything is set.

A mapping that a person gave is kept, and the rest is guessed by `core.columns`. Nothing is written.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

import polars as pl

from summarizer_assets.core.columns.guess import Guess, guess_fields, guess_table, is_tagged
from summarizer_assets.core.records import AUTHOR
from summarizer_assets.sources.chunk import Chunk
from summarizer_assets.sources.columns import table_layout
from summarizer_assets.sources.errors import ColumnsUnknown, SourceError
from summarizer_assets.sources.source import Source, open_source

_ROWS, _CHUNKS = 2000, 20  # a chunk has rows of few authors where each row is a paper
_TAGGED = (
    "this is Web of Science's export of papers: a row holds all authors of a paper in one column, and none has an id. "
    "Make a row for each author and paper, with a column that identifies the author"
)
_NO_ID = (
    "no column is recognised as the author's id (a name is no id, because two people can share it). Say which columns "
    """are which (`summarizer init` asks for them), as in SUMMARIZER_COLUMNS='{"author_id": "…", "author_name": "…", """
    """"title": "…"}' with your column names in place of …, or add a column of ids"""
)


@dataclass(frozen=True)
class Explored:
    """What a table is taken for.

    Attributes:
        uri: its address.
        form: nested, flat or narrow; None if no author can be made of it.
        columns: its columns. `fields`: the fields of its nested papers.
        table: what the columns are taken for. `papers`: the same of the fields; None if there are none.
        mapping: what to set as SUMMARIZER_COLUMNS; empty if nothing need be set.
        authors: the authors of the first rows, schema `records.AUTHOR`. `rows`: the number of these rows.
        rejected: how many of these rows can be no author.
        problem: why no author can be made of it, with the remedy; empty if one can.
    """

    uri: str
    form: str | None
    columns: tuple[str, ...]
    fields: tuple[str, ...]
    table: Guess
    papers: Guess | None
    mapping: Mapping[str, str]
    authors: pl.DataFrame
    rows: int = 0
    rejected: int = 0
    problem: str = ""

    @property
    def is_tagged(self) -> bool:
        """Whether it is an export of papers, of which no mapping makes authors."""
        return self.problem == _TAGGED

    @property
    def unmapped(self) -> list[str]:
        """Columns, and fields of papers, that are not read."""
        return [*self.table.unmapped, *(self.papers.unmapped if self.papers else ())]

    @property
    def unclear(self) -> dict[str, list[str]]:
        """Ours that several columns fit equally well, with these columns."""
        both = {**self.table.unclear, **(self.papers.unclear if self.papers else {})}
        return {name: list(columns) for name, columns in both.items()}


def setting(mapping: Mapping[str, str]) -> str:
    """The value of SUMMARIZER_COLUMNS for a mapping."""
    return json.dumps(dict(mapping), ensure_ascii=False)


def explore(uri: str, given: Mapping[str, str], storage_options: Mapping[str, str] | None = None) -> Explored:
    """Guess a source's columns, and read its first rows with them.

    Args:
        uri: its address, as for `open_source`.
        given: our names mapped to the source's, as a person said.
        storage_options: `AWS_*` settings of an `s3://` source.

    Raises:
        SourceError: nothing readable exists there.
    """
    try:
        return _explored(uri, given, storage_options)
    except SourceError as error:
        if "papers" in given:
            raise
        # Perhaps it is the name alone that promises papers: `works` may be their number.
        papers = guess_table(_columns(uri, given, storage_options)[0], given).mapping.get("papers")
        if papers in (None, "papers"):
            raise
        try:
            return _explored(uri, given, storage_options, without=papers)
        except SourceError:
            raise error from None


def _opened(uri: str, given: Mapping[str, str], options: Mapping[str, str] | None) -> tuple[Source, Mapping[str, str]]:
    """The source, and `given` with those fields of papers that had to be guessed to open it.

    Raises:
        ColumnsUnknown: its columns do not make an author.
        SourceError: nothing readable is there.
    """
    try:
        return open_source(uri, given, options), given
    except ColumnsUnknown as unknown:
        more = guess_fields(unknown.available, given).mapping if unknown.of_papers else {}
        if not more.keys() - given.keys():
            raise
        return _opened(uri, {**given, **more}, options)


def _columns(
    uri: str, given: Mapping[str, str], options: Mapping[str, str] | None
) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """The table's columns, and `given` as `_opened` returns it."""
    try:
        source, mapping = _opened(uri, given, options)
    except ColumnsUnknown as unknown:
        if unknown.of_papers:
            raise
        return unknown.available, given
    return source.layout.available, mapping


def _explored(
    uri: str, given: Mapping[str, str], options: Mapping[str, str] | None, *, without: str | None = None
) -> Explored:
    available, given = _columns(uri, given, options)
    table = guess_table([column for column in available if column != without], given)
    held = set(table.mapping.values())
    table = replace(table, unmapped=[column for column in available if column not in held])
    problem = _TAGGED if is_tagged(available) else "" if "author_id" in table.mapping else _NO_ID
    if problem:
        return Explored(uri, None, available, (), table, None, {}, pl.DataFrame(schema=AUTHOR), problem=problem)
    source, known = _opened(uri, {**given, **table.mapping}, options)
    mapping = dict(known)
    fields: tuple[str, ...] = ()
    papers = None
    if "papers" in table.mapping:
        fields = source.paper_fields()
        papers = guess_fields(fields, given)
        mapping |= papers.mapping
        source = open_source(uri, mapping, options)
    chunks = _first(source)
    authors = pl.concat([pl.DataFrame(schema=AUTHOR), *(chunk.authors for chunk in chunks)])
    rows, rejected = (
        sum(chunk.counts.rows for chunk in chunks),
        sum(int(chunk.rejected["count"].sum()) for chunk in chunks),
    )
    if rows and authors.is_empty():
        reasons = sorted({reason for chunk in chunks for reason in chunk.rejected["reason"]})
        raise SourceError(
            f"{uri}: none of its first {rows:,} rows makes an author ({', '.join(reasons)}); "
            "look at the columns that SUMMARIZER_COLUMNS names"
        )
    needed = _needed(available, fields, mapping)
    return Explored(uri, source.form, available, fields, table, papers, needed, authors, rows, rejected)


def _first(source: Source) -> list[Chunk]:
    """The first chunks, up to one with several authors."""
    found: list[Chunk] = []
    for chunk in source.chunks(_ROWS):
        found.append(chunk)
        if chunk.authors.height > 2 or len(found) == _CHUNKS:  # noqa: PLR2004 - as many as are shown
            break
    return found


def _needed(available: tuple[str, ...], fields: tuple[str, ...], mapping: Mapping[str, str]) -> dict[str, str]:
    """The part of the mapping that is not found by the names themselves."""
    try:
        layout = table_layout(available, {}, "")
    except SourceError:  # nothing is found without it
        return dict(mapping)
    found = {**layout.authors, **layout.papers}
    found |= {ours: theirs for ours, theirs in mapping.items() if theirs in fields and theirs.strip().lower() == ours}
    return {ours: theirs for ours, theirs in mapping.items() if found.get(ours) != theirs}

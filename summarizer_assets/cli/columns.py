"""`summarizer columns`: what a table is taken for, before anything is set or paid."""

from collections.abc import Collection, Iterator
from typing import Any, Final

import click
import polars as pl

from summarizer_assets.cli.answer import DONE, NOT_GOOD, Answer
from summarizer_assets.cli.command import command as as_command
from summarizer_assets.cli.command import opened
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.display_text import cut, listed, number_of
from summarizer_assets.core.paper_fields import PAPER_FIELDS
from summarizer_assets.installation import Summarizer
from summarizer_assets.settings.env_writer import assignment
from summarizer_assets.sources.explore import Explored, explore, setting

_SHOWN: Final = 3
_RECORD_LINES, _LINE = 8, 118
_UNMAPPED: Final = 20
_MANY_IN_ONE: Final = 0.5  # share of the names
_FORMS: Final = {
    "nested": "one row an author, with a column of papers",
    "flat": "one row for each author and paper",
    "narrow": "one row an author, without papers",
}
MEANINGS: Final = {
    "author_id": "the author's identity",
    "author_name": "the author's name",
    "primary_affiliation": "where the author is",
    "topics": "subjects or keywords of the author",
    "papers": "the author's papers",
    **{field.name: f"paper: {field.meaning}" for field in PAPER_FIELDS},
}


@as_command
@click.argument("source", required=False)
def command(*, source: str | None) -> Answer:
    """Show how the columns of your table are understood, and three records as they would be sent.

    SOURCE is a file, folder, glob or URL; without it, SUMMARIZER_SOURCE. Makes no request and writes nothing. What
    SUMMARIZER_COLUMNS says is kept, the rest is guessed from the names.

    \b
    Example: summarizer columns exports/authors.csv
    Status 1: the table cannot be used yet; the text says what is missing.
    """
    overrides: dict[str, Any] = {} if source is None else {"source": source}
    summarizer = opened(needs_tables=False, **overrides)
    found = explored(summarizer)
    return Answer(
        data=columns_data(summarizer, found),
        text="\n".join(columns_lines(summarizer, found)),
        status=NOT_GOOD if found.problem else DONE,
    )


def explored(summarizer: Summarizer) -> Explored:
    """What the source of an installation is taken for.

    Raises:
        SourceError: nothing readable is there.
    """
    uri, settings = summarizer.source, summarizer.settings
    return explore(uri, settings.columns, summarizer.options_for(uri))


def columns_lines(summarizer: Summarizer, found: Explored, *, to_set: bool = True) -> Iterator[str]:
    """What the columns are taken for, what to set (`to_set`: by a person), and three records."""
    form = f", {_FORMS[found.form]}" if found.form else ""
    yield f"{found.uri}: {number_of(len(found.columns), 'column')}{form}"
    yield ""
    taken = {**found.table.mapping, **(found.papers.mapping if found.papers else {})}
    for ours, meaning in MEANINGS.items():
        if ours in taken:
            yield f"  {ours:<21} {made_visible(taken[ours], 40):<28} {meaning}"
        elif ours in found.unclear:
            yield f"  {ours:<21} {'unclear':<28} {made_visible(listed(found.unclear[ours], 6), 200)}: say which"
    if found.unmapped:
        yield f"  {'not read':<21} {made_visible(listed(found.unmapped, _UNMAPPED), 600)}"
    missing = [name for name in ("author_name", *(["title"] if found.form != "narrow" else [])) if name not in taken]
    if found.form and missing:
        yield f"  {'not found':<21} {', '.join(missing)}"
    yield ""
    if found.problem:
        yield found.problem
        yield from ([] if found.is_tagged else _left_to_map(taken))
        return
    if found.mapping and to_set:
        yield f"Set it in the file .env: {assignment('SUMMARIZER_COLUMNS', setting(found.mapping))}"
    elif to_set:
        yield "Nothing need be set: the names are known, or set already."
    yield from _warnings(found)
    yield ""
    records = _records(summarizer, found)
    yield (
        f"{number_of(len(records), 'record')} as it would be sent:"
        if len(records) == 1
        else (f"{len(records)} records as they would be sent:")
    )
    for record in records:
        yield ""
        yield from _shown(record)


def _left_to_map(taken: Collection[str]) -> Iterator[str]:
    """Our names that no column is taken for."""
    yield ""
    yield "Names that SUMMARIZER_COLUMNS can map, if your table has such a column:"
    yield from (f"  {name:<21} {meaning}" for name, meaning in MEANINGS.items() if name not in taken)


def _warnings(found: Explored) -> Iterator[str]:
    column = found.table.mapping.get("author_id", "")
    if found.form == "flat" and column.strip().lower() == "id":
        yield f"Mind: {column!r} is taken for the author's id. If it is the paper's, say which column is the author's."
    names = found.authors["author_name"].drop_nulls()
    several = names.str.contains(";|\\||, .*, .*, ").mean() if names.len() else None
    if isinstance(several, float) and several > _MANY_IN_ONE:
        yield "Mind: most names hold several people: a row is one author, or one author and paper, not a paper."
    if found.rejected:
        yield f"Mind: {found.rejected:,} of the first {found.rows:,} rows can be no author (no id, or a broken row)."


def _records(summarizer: Summarizer, found: Explored) -> list[str]:
    """Of the authors with the most to say among the first rows."""
    rows = summarizer.render(found.authors.unique("author_id", maintain_order=True).with_columns(bucket=pl.lit("")))
    some = rows.filter(~pl.col("empty")) if not rows["empty"].all() else rows
    return some.sort("tokens", descending=True, maintain_order=True)["text"].head(_SHOWN).to_list()


def _shown(record: str) -> Iterator[str]:
    lines = record.split("\n")
    for line in lines[:_RECORD_LINES]:  # a paper's line begins with a blank
        yield "  " + (" " if line.startswith(" ") else "") + cut(made_visible(line), _LINE)
    if len(lines) > _RECORD_LINES:
        yield f"  … and {number_of(len(lines) - _RECORD_LINES, 'line')} more"


def columns_data(summarizer: Summarizer, found: Explored) -> dict[str, Any]:
    """The same for programs."""
    return {
        "source": found.uri,
        "form": found.form,
        "columns": list(found.columns),
        "paper_fields": list(found.fields),
        "taken_for": {**found.table.mapping, **(found.papers.mapping if found.papers else {})},
        "unclear": found.unclear,
        "not_read": found.unmapped,
        "SUMMARIZER_COLUMNS": dict(found.mapping),
        "records": [] if found.problem else _records(summarizer, found),
        "problem": found.problem or None,
    }

"""Which column is which, asked where the names alone do not tell: headings in another language, or of a house's own."""

from collections.abc import Callable, Mapping
from typing import Final

from summarizer_assets.cli.columns import MEANINGS
from summarizer_assets.cli.confirm import answered
from summarizer_assets.core.answers.text_safety import made_visible
from summarizer_assets.core.display_text import listed
from summarizer_assets.sources.explore import Explored

#: Without these a summary says little; if one of them is not recognised, the others are asked for, too.
_NEEDED: Final = ("author_id", "author_name", "title")
_LISTED: Final = 10
_USEFUL: Final = ("journal", "citingsrcslocalcount", "woscategory", "primary_affiliation")


def kept_columns(mapping: Mapping[str, str], found: Explored, say: Callable[[str], None]) -> dict[str, str]:
    """Of a mapping (ours to the table's) that was set before, what the table has; says what is left out."""
    held = {*found.columns, *found.fields}
    lacking = [made_visible(column, 40) for column in mapping.values() if column not in held]
    if lacking:
        say(f"        SUMMARIZER_COLUMNS names {listed(lacking, _LISTED)}, which this table lacks: that is not used")
    return {ours: column for ours, column in mapping.items() if column in held}


def with_columns_asked(
    found: Explored,
    columns: Mapping[str, str],
    look: Callable[[Mapping[str, str]], Explored],
    say: Callable[[str], None],
) -> Explored:
    """The table as it is understood once a person said which columns are ours.

    Args:
        found: as its names alone say.
        columns: what is mapped already, ours to the table's.
        look: shows how the table is understood with a mapping.
        say: prints a line.
    """
    of_papers = found.papers is not None
    missing = [name for name in _NEEDED if name not in found.table.mapping and not (of_papers and name == "title")]
    if not missing or not found.unmapped or found.is_tagged:
        return found
    say("        Which column is which? A name or its number; Enter: there is none")
    for number, column in enumerate(found.columns, 1):
        say(f"        {number:>3}  {made_visible(column, 60)}")
    said = dict(columns)
    for name in (*missing, *(() if of_papers else _USEFUL)):
        if name not in found.table.mapping and (column := _column(name, found.columns, say)):
            said[name] = column
    return look(said) if said != dict(columns) else found


def _column(name: str, columns: tuple[str, ...], say: Callable[[str], None]) -> str:
    """The column that is `name`; empty: none."""
    while True:
        answer = answered(f"        {MEANINGS[name]}", "")
        if not answer or answer in columns:
            return answer
        if answer.isdecimal() and 0 < int(answer) <= len(columns):
            return columns[int(answer) - 1]
        say(f"        there is no column {made_visible(answer, 40)!r}: give a name as above, or its number")
